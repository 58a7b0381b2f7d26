import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { copyService, runTool } from './packaged.ts';

// Each case is a run of the deployment tool, and a busy machine needs its time.
vi.setConfig({ testTimeout: 120_000 });

const PROFILES = `profiles:
  orders: { issuer: https://zitadel.test, secret: zitadel/orders, scopes: [urn:zitadel:iam:org:project:id:1:aud], callers: [arn:aws:iam::210987654321:role/orders] }
`;

let home = '';
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What the deployment tool says when it refuses. */
async function refusal(args: readonly string[], profiles = PROFILES, env: Readonly<Record<string, string>> = {}) {
  home = copyService(profiles);
  const said = await runTool(home, args, env).then(
    () => 'it did not refuse',
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  );
  // Nothing is left that somebody could deploy.
  expect(existsSync(join(home, '.serverless/cloudformation-template-update-stack.json'))).toBe(false);
  return said;
}

const params = (...set: readonly string[]) => set.flatMap((one) => ['--param', one]);

test('all faults of the parameters are told at once, and nothing is bundled', async () => {
  const said = await refusal(['package', ...params('alarmTopicARN=x', 'logRetentionDays=31', 'throttleRate=abc')]);
  expect(said).toMatch(/alarmTopicARN.*alarmTopicArn/);
  expect(said).toMatch(/logRetentionDays.*31/);
  expect(said).toMatch(/throttleRate must be a number/);
  expect(existsSync(join(home, '.build'))).toBe(false);
});

test.each<[name: string, args: readonly string[], profiles: string, says: RegExp]>([
  [
    'a fault in the profiles',
    ['package'],
    PROFILES.replace('scopes', 'scope'),
    /profiles-of-the-test\.yml:2:\d+.*scope/,
  ],
  [
    'the issuer of the example, before AWS is asked',
    ['deploy'],
    PROFILES.replace('zitadel.test', 'example.zitadel.cloud'),
    /https:\/\/example\.zitadel\.cloud is an example/,
  ],
  [
    'a function alone',
    ['deploy', 'function', '-f', 'token'],
    PROFILES,
    /A function is not deployed alone: .*npm run deploy/,
  ],
])('it refuses %s', async (_name, args, profiles, says) => {
  expect(await refusal(args, profiles)).toMatch(says);
});

test('a deployment of the template alone is refused', async () => {
  expect(await refusal(['deploy'], PROFILES, { PACKAGE_ONLY: 'template' })).toContain(
    'PACKAGE_ONLY is for npm run package',
  );
});

test('the bundles are those of the profiles, whatever lay there', async () => {
  home = copyService(PROFILES);
  mkdirSync(join(home, '.build/token'), { recursive: true });
  writeFileSync(join(home, '.build/token/index.cjs'), 'role/removed');
  await runTool(home, ['package']);
  const bundle = readFileSync(join(home, '.build/token/index.cjs'), 'utf8');
  expect(bundle).toContain('210987654321');
  expect(bundle).not.toContain('role/removed');
});
