import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { policyCharacters, ROLE_POLICY_CHARACTERS } from './rights.ts';

type ResolveStatements = (framework: {
  resolveVariable: (name: string) => Promise<string>;
}) => Promise<Record<'token' | 'rotate', readonly unknown[]>>;
const resolveStatements: ResolveStatements = createRequire(import.meta.url)('../../../infra/statements.cjs');

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'limits-'));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

/** The longer of the policies of `token` and `rotate` where each of so many profiles has a secret of its own. */
async function charactersFor(secrets: number, keys: string): Promise<number> {
  const rotation = 'rotation: { every: 30d }';
  const profiles = Array.from(
    { length: secrets },
    (_, at) => `  p${at}: { secret: zitadel/service-${100 + at}, ${rotation} }\n`,
  );
  const file = join(home, `profiles-${secrets}.yml`);
  writeFileSync(file, `profiles:\n${profiles.join('')}`);
  vi.stubEnv('PROFILES_FILE', file);
  const { token, rotate } = await resolveStatements({ resolveVariable: async () => keys });
  // The policy around its statements.
  const lengths = [token, rotate].map((Statement) => policyCharacters([{ Version: '2012-10-17', Statement }]));
  return Math.max(...lengths);
}

const KEY = 'arn:aws:kms:ap-southeast-1:123456789012:key/00000000-0000-4000-8000-000000000001';

test.each([
  ["no key of one's own", ''],
  ['keys for secrets and table', KEY],
])('the policy of a role has room for 55 secrets, with %s', async (_name, keys) => {
  expect(await charactersFor(55, keys)).toBeLessThan(ROLE_POLICY_CHARACTERS);
});

test('it does not have room for twice as many', async () => {
  expect(await charactersFor(110, '')).toBeGreaterThan(ROLE_POLICY_CHARACTERS);
});
