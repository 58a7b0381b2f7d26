import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetSecretValueCommand, RotateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundle } from '../../infra/build/bundle.ts';
import { createSecretsManager } from '../../infra/local/secrets-manager.ts';
import { createZitadel } from '../../infra/local/zitadel/server.ts';
import { createRotateFunction } from '../../lib/compose/rotate.ts';
import { createCanaries } from '../support/canaries.ts';
import { context } from '../support/events.ts';
import { accounts, createRig, PROJECT_AUDIENCE, type Rig } from '../support/rig.ts';
import { startSandbox } from '../support/runtime-api/sandbox.ts';

const EVERY = { every: '30d' };
const { key } = accounts.saKey;

/** Stands in the bundle in place of the issuer, which must be https there. */
const PLACEHOLDER = 'https://zitadel.example';
const ROLE = 'arn:aws:iam::123456789012:role';

let rig: Rig;
let client: SecretsManagerClient;

beforeEach(async () => {
  rig = await createRig({
    changes: {
      reports: { rotation: EVERY },
      // That of the rig misuses an API application.
      api: { secret: 'shipping' },
      billing: { rotation: { ...EVERY, by: 'reports' } },
      introspecting: { introspection: { secret: 'api', rotation: { ...EVERY, by: 'reports' } } },
    },
  });
  rig.zitadel.owners([key.userId]);
  const env = { BROKER_LOCAL: 'true', METRICS_NAMESPACE: 'test' };
  const write = (line: string) => rig.lines.push(line);
  rig.secretsManager.rotateWith(createRotateFunction(rig.profiles, env, { clock: rig.clock, write }));
  client = new SecretsManagerClient({});
});
afterEach(async () => {
  client.destroy();
  await rig.close();
});

const ARN = 'arn:aws:lambda:eu-central-1:123456789012:function:rotate';
const rotate = async (SecretId: string, more: object = {}): Promise<Record<string, unknown>[]> => {
  const before = rig.lines.length;
  await client.send(
    new RotateSecretCommand({
      SecretId,
      RotationLambdaARN: ARN,
      RotationRules: { AutomaticallyAfterDays: 30 },
      ...more,
    }),
  );
  await rig.pass(rig.secretsManager.settled());
  return rig
    .log()
    .slice(before)
    .filter(({ route }) => route === 'rotate');
};

const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'];

test('three rotations in a row, while callers make 50 requests a second: none fails', async () => {
  const asked: Promise<number>[] = [];
  let isOver = false;
  const callers = async () => {
    while (!isOver) {
      for (const profile of ['reports', 'billing']) asked.push(rig.ask({ profile }).then(({ status }) => status));
      await rig.clock.advance(40);
      await Promise.all(asked.slice(-2));
    }
  };
  const working = callers();
  for (let count = 0; count < 3; count += 1) {
    const lines = await rotate('reports');
    expect(lines.map(({ step, level }) => [step, level])).toEqual(STEPS.map((step) => [step, 'info']));
    // Memory is empty, so that callers need the new credential.
    rig.restart();
  }
  isOver = true;
  await working;
  const statuses = await Promise.all(asked);
  expect(statuses.length).toBeGreaterThan(60);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
});

test.each([
  ['the key of a service account', 'reports'],
  ['the key of an OIDC application', 'billing'],
  ['the key of an API application', 'api'],
])('%s: a dry run, two rotations, and the broker goes on with the new key', async (_what, secret) => {
  const dry = await rotate(secret, { RotateImmediately: false });
  expect(dry).toMatchObject([{ step: 'testSecret', dry_run: true }]);
  const first = await rotate(secret);
  const second = await rotate(secret);
  expect([first, second].flat().map(({ step, error }) => [step, error])).toEqual(
    [...STEPS, ...STEPS].map((step) => [step, undefined]),
  );
  // The key that the second one replaced is still there; the original was not made by rotation and stays.
  expect(second.at(-1)).toMatchObject({ removed: [] });
  const third = await rotate(secret);
  expect(third.at(-1)).toMatchObject({ removed: [first[0]?.key] });
  rig.restart();
  const answers = await Promise.all([
    rig.ask({ profile: 'reports' }),
    rig.ask({ profile: 'billing' }),
    rig.ask({ profile: 'introspecting', endpoint: 'introspect', form: 'token=nobody' }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('no private key, token or assertion is in a line', async () => {
  const canaries = createCanaries();
  const sent: string[] = [];
  rig.zitadel.intercept((req) => {
    if (req.headers.authorization !== undefined) sent.push(req.headers.authorization.replace('Bearer ', ''));
    return false;
  });
  await rotate('reports');
  await rotate('billing');
  for (const [at, token] of sent.entries()) canaries.plant(`token ${at}`, token);
  expect(sent.length).toBeGreaterThan(4);
  expect(rig.lines.filter((line) => line.includes('PRIVATE KEY') || canaries.search(line).length > 0)).toEqual([]);
});

test('a client secret cannot rotate: the dry run of the deployment says what to do', async () => {
  rig.secretsManager.put('reports', JSON.stringify({ clientId: 'a', clientSecret: 'b' }));
  const lines = await rotate('reports', { RotateImmediately: false });
  expect(lines).toMatchObject([
    { level: 'error', RotationsFailed: 1, error: expect.stringContaining('npm run rotate -- --to-key PROFILE') },
  ]);
});

test('a secret that no profile rotates is refused', async () => {
  const lines = await rotate('orders');
  expect(lines).toMatchObject([{ level: 'error', error: expect.stringMatching(/^no profile rotates this secret/) }]);
  await rig.pass(rig.sandbox().prewarm({}, context(60_000)));
});

test('the packaged function, as Lambda runs it', { timeout: 120_000 }, async ({ onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), 'rotate-'));
  const zitadel = await createZitadel({ accounts });
  const secretsManager = await createSecretsManager({ now: Date.now });
  const profilesFile = join(folder, 'profiles.json');
  const reports = {
    issuer: PLACEHOLDER,
    secret: 'reports',
    scopes: [PROJECT_AUDIENCE],
    callers: [`${ROLE}/reports`],
    rotation: EVERY,
  };
  writeFileSync(profilesFile, JSON.stringify({ profiles: { reports } }));
  await bundle({ profilesFile, outdir: folder });
  const packaged = join(folder, 'rotate', 'index.cjs');
  writeFileSync(packaged, readFileSync(packaged, 'utf8').replaceAll(`"${PLACEHOLDER}"`, `"${zitadel.url}"`));
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    BROKER_LOCAL: 'true',
  };
  const sandbox = await startSandbox({ bundle: packaged, env });
  onTestFinished(async () => {
    await sandbox.kill();
    await Promise.all([zitadel.close(), secretsManager.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  secretsManager.put('reports', JSON.stringify(accounts.saKey.key));
  secretsManager.rotateWith(async (event) => {
    const { kind } = await sandbox.invoke(event);
    if (kind !== 'response') throw new Error(kind);
  });
  const own = new SecretsManagerClient({ endpoint: secretsManager.url });
  const rules = { RotationLambdaARN: ARN, RotationRules: { AutomaticallyAfterDays: 30 } };
  await own.send(new RotateSecretCommand({ SecretId: 'reports', ...rules }));
  await secretsManager.settled();
  const { SecretString = '' } = await own.send(new GetSecretValueCommand({ SecretId: 'reports' }));
  own.destroy();
  const lines = sandbox
    .output()
    .stdout.trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ step, level }) => [step, level])).toEqual(STEPS.map((step) => [step, 'info']));
  expect(JSON.parse(SecretString).keyId).toBe(lines[0].key);
});
