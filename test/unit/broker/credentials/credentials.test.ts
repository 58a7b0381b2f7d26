import { beforeEach, describe, expect, test } from 'vitest';
import {
  type Credentials,
  createCredentials,
  HARD_LIFE_MS,
  SOFT_LIFE_MS,
} from '../../../../lib/broker/credentials/credentials.ts';
import { instant } from '../../../../lib/core/time.ts';
import accounts from '../../../recordings/accounts.json' with { type: 'json' };
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { createMemorySecrets, type MemorySecrets } from '../../../support/memory-secrets.ts';

const NOW = instant(1_795_438_700_000);
const secret = (clientSecret: string) => JSON.stringify({ clientId: 'a', clientSecret });

let clock: FakeClock;
let secrets: MemorySecrets;
let credentials: Credentials;
beforeEach(() => {
  clock = createFakeClock(NOW);
  secrets = createMemorySecrets();
  secrets.put('mine', secret('first'));
  credentials = createCredentials({ clock, secrets });
});

async function id(asked = credentials.get('mine')): Promise<string> {
  const result = await asked;
  if (!result.ok) throw new Error(result.error.kind);
  return result.value.id;
}

describe('a secret is kept', () => {
  test('for 5 minutes, and read again after', async () => {
    await id();
    await clock.advance(SOFT_LIFE_MS - 1);
    await id();
    expect(secrets.reads()).toBe(1);
    await clock.advance(1);
    await id();
    expect(secrets.reads()).toBe(2);
  });

  test('for 24 hours while Secrets Manager is away, which is then asked every 10 s', async () => {
    const first = await id();
    secrets.fault({ kind: 'away', detail: 'TimeoutError' });
    await clock.advance(SOFT_LIFE_MS);
    expect([await id(), await id()]).toEqual([first, first]);
    expect(secrets.reads()).toBe(2);
    await clock.advance(10_000);
    expect(await id()).toBe(first);
    expect(secrets.reads()).toBe(3);
    await clock.advance(HARD_LIFE_MS - SOFT_LIFE_MS - 10_000);
    expect(await credentials.get('mine')).toMatchObject({
      error: { kind: 'unavailable', dependency: 'secrets-manager', detail: 'TimeoutError' },
    });
  });

  test('no longer once it is refused', async () => {
    await id();
    secrets.fault({ kind: 'refused', detail: 'AccessDeniedException: …' });
    await clock.advance(SOFT_LIFE_MS);
    expect(await credentials.get('mine')).toMatchObject({
      error: { kind: 'credential_unusable', detail: 'secret mine: cannot be read: AccessDeniedException: …' },
    });
    secrets.fault({ kind: 'away', detail: 'x' });
    expect(await credentials.get('mine')).toMatchObject({ error: { kind: 'unavailable' } });
  });

  test('as the same object while its content is the same', async () => {
    const first = await credentials.get('mine');
    await clock.advance(SOFT_LIFE_MS);
    const second = await credentials.get('mine');
    expect(first.ok && second.ok && first.value === second.value).toBe(true);
  });
});

describe('reads', () => {
  test('many that want it at once share one', async () => {
    await Promise.all(Array.from({ length: 100 }, () => id()));
    expect(secrets.reads()).toBe(1);
    const known = await id();
    await Promise.all([credentials.reread('mine', known), credentials.reread('mine', known)]);
    expect(secrets.reads()).toBe(2);
  });

  test('again, when it proved wrong: the changed one is found', async () => {
    const first = await id();
    secrets.put('mine', secret('second'));
    const second = await id(credentials.reread('mine', first));
    expect(second).not.toBe(first);
    expect(await id(credentials.reread('mine', first))).toBe(second);
    expect(secrets.reads()).toBe(2);
  });

  test('again, with Secrets Manager away: the last known one', async () => {
    const first = await id();
    secrets.fault({ kind: 'away', detail: 'x' });
    expect(await id(credentials.reread('mine', first))).toBe(first);
  });

  test('again, when its key has expired, since it may have been replaced', async () => {
    const key = (expirationDate: string) => JSON.stringify({ ...accounts.saKey.key, expirationDate });
    secrets.put('mine', key(new Date(NOW + 1_000).toISOString()));
    await id();
    await clock.advance(1_000);
    expect(await credentials.get('mine')).toMatchObject({
      error: { kind: 'credential_unusable', detail: expect.stringContaining('secret mine: expirationDate has passed') },
    });
    secrets.put('mine', key('9999-12-31T23:59:59Z'));
    expect(await credentials.get('mine')).toMatchObject({ ok: true });
  });

  test('a secret that cannot serve is named with its field, and mended at the next read', async () => {
    secrets.put('mine', '{"clientId":"canary"}');
    const result = await credentials.get('mine');
    expect(result).toEqual({
      ok: false,
      error: { kind: 'credential_unusable', detail: 'secret mine: clientSecret is missing' },
    });
    secrets.put('mine', secret('mended'));
    expect((await credentials.get('mine')).ok).toBe(true);
  });
});

describe('a member of a secret', () => {
  test('is one of several credentials', async () => {
    const billing = { clientId: 'b', clientSecret: 'second' };
    secrets.put('all', JSON.stringify({ orders: secret('first'), billing }));
    expect(await id(credentials.get('all#orders'))).toBe(await id());
    expect(await credentials.get('all#billing')).toMatchObject({ value: { credential: { clientId: 'b' } } });
    expect(credentials.known('all#billing')).not.toBe(credentials.known('all#orders'));
  });

  test.each([
    ['that is missing', '{"orders":{},"billing":{}}', 'member reports is missing; the secret has orders, billing'],
    ['that an object inherits', '{"orders":{}}', 'member toString is missing; the secret has orders', 'toString'],
    ['of nothing', '{}', 'member reports is missing; the secret has none'],
    ['of a text', 'canary-canary', 'member reports is missing: the secret is not a JSON object'],
    ['that is no credential', '{"reports":{"clientId":"canary"}}', 'clientSecret is missing'],
    [
      'that is a number',
      '{"reports":7}',
      'secret is a JSON number; store the key JSON as downloaded from ZITADEL, or {"clientId":…,"clientSecret":…}',
    ],
  ])('%s', async (_name, text, detail, member = 'reports') => {
    secrets.put('all', text);
    const reference = `all#${member}`;
    expect(await credentials.get(reference)).toEqual({
      ok: false,
      error: { kind: 'credential_unusable', detail: `secret ${reference}: ${detail}` },
    });
  });
});

test('invisible characters are reported once for each content', async () => {
  const reported: unknown[] = [];
  credentials = createCredentials({ clock, secrets, onTrimmed: (...trimmed) => reported.push(trimmed) });
  secrets.put('mine', secret('first\n'));
  await id();
  await clock.advance(SOFT_LIFE_MS);
  await id();
  expect(reported).toEqual([['mine', ['clientSecret']]]);
  secrets.put('mine', secret(' second'));
  await clock.advance(SOFT_LIFE_MS);
  await id();
  secrets.put('mine', secret('third'));
  await clock.advance(SOFT_LIFE_MS);
  await id();
  expect(reported).toHaveLength(2);
});

test.each([
  ['the client id', { clientId: 'b', clientSecret: 'first' }],
  ['the secret', { clientId: 'a', clientSecret: 'second' }],
])('a change of %s is a change', async (_name, changed) => {
  const before = await id();
  secrets.put('mine', JSON.stringify(changed));
  expect(await id(credentials.reread('mine', before))).not.toBe(before);
});

test.each(['keyId', 'userId', 'expirationDate'] as const)("a change of a key's %s is a change", async (field) => {
  const key = accounts.saKey.key;
  secrets.put('mine', JSON.stringify(key));
  const before = await id();
  secrets.put('mine', JSON.stringify({ ...key, [field]: field === 'expirationDate' ? '2099-01-01T00:00:00Z' : '1' }));
  expect(await id(credentials.reread('mine', before))).not.toBe(before);
});

describe('while a credential is refused', () => {
  test('its secret is read again every 1.5 s', async () => {
    await id();
    await clock.advance(1_499);
    await id(credentials.refresh('mine'));
    expect(secrets.reads()).toBe(1);
    await clock.advance(1);
    await id(credentials.refresh('mine'));
    expect(secrets.reads()).toBe(2);
    await id(credentials.refresh('mine'));
    expect(secrets.reads()).toBe(2);
  });

  test('a read that is under way is waited for', async () => {
    const first = await id();
    const { read } = secrets;
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    Object.assign(secrets, { read: (name: string) => gate.then(() => read(name)) });
    const reread = id(credentials.reread('mine', first));
    const refreshed = id(credentials.refresh('mine'));
    secrets.put('mine', secret('second'));
    release();
    const second = await reread;
    expect([await refreshed, second === first, secrets.reads()]).toEqual([second, false, 2]);
  });

  test('a secret of which nothing is kept is read at once', async () => {
    secrets.fault({ kind: 'refused', detail: 'X' });
    expect((await credentials.refresh('mine')).ok).toBe(false);
    expect((await credentials.refresh('mine')).ok).toBe(false);
    expect(secrets.reads()).toBe(2);
  });
});

test('what is kept has a name, however old', async () => {
  expect(credentials.known('mine')).toBeUndefined();
  const first = await id();
  await clock.advance(2 * HARD_LIFE_MS);
  expect(credentials.known('mine')).toBe(first);
  secrets.fault({ kind: 'refused', detail: 'X' });
  await credentials.get('mine');
  expect(credentials.known('mine')).toBeUndefined();
});

test('a key that has expired is not given, however it is asked for', async () => {
  const key = JSON.stringify({ ...accounts.saKey.key, expirationDate: new Date(NOW + 1_000).toISOString() });
  secrets.put('mine', key);
  await id();
  await clock.advance(1_000);
  for (const asked of [credentials.reread('mine', 'other'), credentials.refresh('mine')])
    expect(await asked).toMatchObject({ error: { kind: 'credential_unusable' } });
});

test('with Secrets Manager away and nothing known, how long to wait is said, and no value is told', async () => {
  secrets.fault({ kind: 'away', detail: 'X\u0000Y' });
  expect(await credentials.get('mine')).toEqual({
    ok: false,
    error: { kind: 'unavailable', dependency: 'secrets-manager', detail: 'X Y', retryAfterMs: 10_000 },
  });
});
