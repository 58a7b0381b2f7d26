import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createSecretsManager, type SecretsManager } from '../../../infra/local/secrets-manager.ts';
import { createSecretVersions } from '../../../lib/aws/secret-versions.ts';
import { SECRET_MS } from '../../../lib/aws/secrets-call.ts';
import type { SecretVersions } from '../../../lib/broker/rotation/versions.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { ok } from '../../../lib/core/result.ts';
import { instant } from '../../../lib/core/time.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/turns.ts';

const TOKEN = '0b5a1c5e-1111-4222-8333-444455556666';
const OTHER = '0b5a1c5e-1111-4222-8333-777788889999';
const clock = createFakeClock(instant(1_795_438_700_000));
let standIn: SecretsManager;
let versions: SecretVersions;

beforeAll(async () => {
  standIn = await createSecretsManager({ now: () => clock.now() });
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: standIn.url,
  });
  versions = createSecretVersions({ clock });
});
afterAll(() => standIn.close());
afterEach(() => standIn.intercept(undefined));

const stages = async (name: string) => {
  const listed = await versions.list(name);
  return listed.ok ? Object.fromEntries(listed.value.map(({ id, stages: [...labels] }) => [id, labels])) : listed;
};

test('a pending version gets its value once, and becomes the current one', async () => {
  const before = standIn.put('mine', 'old');
  expect(await versions.read('mine', TOKEN)).toEqual(ok(undefined));
  expect(await versions.write('mine', TOKEN, redacted('new'))).toEqual(ok('written'));
  expect(await stages('mine')).toEqual({ [before]: ['AWSCURRENT'], [TOKEN]: ['AWSPENDING'] });
  // A repeated write of the same value is no other.
  expect(await versions.write('mine', TOKEN, redacted('new'))).toEqual(ok('written'));
  expect(await versions.write('mine', TOKEN, redacted('another'))).toEqual(ok('taken'));
  const read = await versions.read('mine', TOKEN);
  expect(read.ok && read.value?.reveal()).toBe('new');
  expect(JSON.stringify(read)).not.toContain('new');
  expect(await versions.move('mine', 'AWSCURRENT', { from: before, to: TOKEN })).toEqual(ok(undefined));
  expect(await stages('mine')).toEqual({
    [before]: ['AWSPREVIOUS'],
    [TOKEN]: expect.arrayContaining(['AWSCURRENT', 'AWSPENDING']),
  });
  expect(await versions.move('mine', 'AWSPENDING', { from: TOKEN })).toEqual(ok(undefined));
  expect(await stages('mine')).toEqual({ [before]: ['AWSPREVIOUS'], [TOKEN]: ['AWSCURRENT'] });
});

test('a label moves only from the version that has it', async () => {
  const current = standIn.put('guarded', 'old');
  await versions.write('guarded', TOKEN, redacted('new'));
  const moved = await versions.move('guarded', 'AWSCURRENT', { from: TOKEN, to: OTHER });
  expect(moved.ok).toBe(false);
  expect(await stages('guarded')).toEqual({ [current]: ['AWSCURRENT'], [TOKEN]: ['AWSPENDING'] });
});

const calls: [name: string, call: () => Promise<unknown>][] = [
  ['list', () => versions.list('mine')],
  ['read', () => versions.read('mine', TOKEN)],
  ['write', () => versions.write('mine', OTHER, redacted('canary'))],
  ['move', () => versions.move('mine', 'AWSCURRENT', { from: TOKEN, to: OTHER })],
];

test.each(calls)('%s: refused, unavailable, no answer', async (_name, call) => {
  const says = (type: string) =>
    standIn.intercept((_req, res) =>
      Boolean(
        res
          .writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify({ __type: type, Message: 'canary' })),
      ),
    );
  says('AccessDeniedException');
  const refused = await call();
  expect(refused).toMatchObject({ ok: false, error: { kind: 'refused' } });
  says('ThrottlingException');
  expect(await call()).toMatchObject({ ok: false, error: { kind: 'away', detail: 'ThrottlingException' } });
  standIn.intercept(() => true);
  const before = standIn.calls();
  const called = call();
  await until(() => standIn.calls() > before);
  await clock.advance(SECRET_MS);
  expect(await called).toMatchObject({ ok: false, error: { kind: 'away' } });
  expect(JSON.stringify(refused)).not.toContain('canary');
});

test('a secret that does not exist is refused', async () => {
  expect(await versions.list('nobodys')).toMatchObject({ error: { kind: 'refused' } });
});

test('a replica is named with the region of its primary', async () => {
  standIn.intercept((_req, res) => {
    const type = { 'content-type': 'application/x-amz-json-1.1' };
    return Boolean(res.writeHead(200, type).end('{"PrimaryRegion":"us-east-1","VersionIdsToStages":{}}'));
  });
  const detail = 'it is a replica of the secret in us-east-1: rotate that one';
  expect(await versions.list('mine')).toEqual({ ok: false, error: { kind: 'refused', detail } });
});

test.each(['{}', '{"SecretString":""}'])('a version without a value, as an emulator answers it: %s', async (body) => {
  standIn.intercept((_req, res) => {
    return Boolean(res.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(body));
  });
  expect(await versions.read('mine', TOKEN)).toEqual(ok(undefined));
});
