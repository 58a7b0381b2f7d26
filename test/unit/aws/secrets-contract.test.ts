import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createSecretsManager, type SecretsManager } from '../../../infra/local/secrets-manager.ts';
import { SECRET_MS } from '../../../lib/aws/secrets-call.ts';
import { createSecretsManagerStore } from '../../../lib/aws/secrets-manager.ts';
import type { SecretStore } from '../../../lib/broker/credentials/credentials.ts';
import { instant } from '../../../lib/core/time.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { createMemorySecrets } from '../../support/memory-secrets.ts';
import { until } from '../../support/turns.ts';

let standIn: SecretsManager;
let clock: FakeClock;
let store: SecretStore;

beforeAll(async () => {
  clock = createFakeClock(instant(1_795_438_700_000));
  standIn = await createSecretsManager({ now: () => clock.now() });
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: standIn.url,
  });
  store = createSecretsManagerStore({ clock });
});
afterAll(() => standIn.close());
afterEach(() => standIn.intercept(undefined));

const memory = createMemorySecrets();
const adapters: [name: string, store: () => SecretStore, put: (name: string, text: string) => unknown][] = [
  ['in memory', () => memory, (name, text) => memory.put(name, text)],
  ['on Secrets Manager', () => store, (name, text) => standIn.put(name, text)],
];

describe.each(adapters)('the secret store %s', (_name, make, put) => {
  test('answers the current version, redacted', async () => {
    put('mine', 'first');
    put('mine', 'second');
    const result = await make().read('mine');
    expect(result.ok && result.value.reveal()).toBe('second');
    expect(JSON.stringify(result)).not.toContain('second');
  });

  test('an absent secret is refused for good', async () => {
    expect(await make().read('nobodys')).toMatchObject({
      ok: false,
      error: { kind: 'refused', detail: expect.stringContaining('ResourceNotFoundException') },
    });
  });
});

describe('faults of Secrets Manager', () => {
  test.each([
    ['throttled', () => standIn.throttle(2), 'away', /^ThrottlingException$/],
    ['an error of its own', () => standIn.fail(2), 'away', /^InternalServiceError/],
    ['a connection that breaks', () => standIn.intercept((req) => Boolean(req.destroy())), 'away', /^\w+$/],
    [
      'not allowed',
      () =>
        standIn.intercept((_req, res) =>
          Boolean(
            res
              .writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
              .end('{"__type":"AccessDeniedException","Message":"canary"}'),
          ),
        ),
      'refused',
      /^AccessDeniedException: the function's role may not read it/,
    ],
  ])('%s', async (_name, apply, kind, detail) => {
    standIn.put('mine', 'text');
    apply();
    expect(await store.read('mine')).toMatchObject({
      ok: false,
      error: { kind, detail: expect.stringMatching(detail) },
    });
  });

  test('no answer: given up after 2 s', async () => {
    standIn.intercept(() => true);
    const before = standIn.calls();
    const called = store.read('mine');
    await until(() => standIn.calls() > before);
    await clock.advance(SECRET_MS);
    expect(await called).toMatchObject({ ok: false, error: { kind: 'away' } });
  });
});
