import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createZitadel, type Zitadel } from '../../../../infra/local/zitadel/server.ts';
import { refusePending } from '../../../../lib/broker/rotation/guard.ts';
import { createOpenKeys, type HolderKeys } from '../../../../lib/broker/rotation/holder-keys.ts';
import { expiryOf, formatExpiry, markOf, parseExpiry } from '../../../../lib/broker/rotation/mark.ts';
import type { RotatedKey } from '../../../../lib/broker/rotation/rotated-key.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../../lib/core/result.ts';
import { DAY_MS, instant } from '../../../../lib/core/time.ts';
import { createTransport } from '../../../../lib/net/transport.ts';
import { type Credential, parseCredential } from '../../../../lib/zitadel/credential.ts';
import { createKeyPair, serviceAccountJson } from '../../../../lib/zitadel/key-pair.ts';
import { accounts } from '../../../support/accounts.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const START = instant(1_795_438_700_000);
const { key } = accounts.saKey;
let zitadel: Zitadel;

beforeEach(async () => {
  zitadel = await createZitadel({ accounts, now: () => START });
});
afterEach(() => zitadel.close());

function read(text: string): RotatedKey {
  const parsed = parseCredential(redacted(text));
  if (!parsed.ok || parsed.value.kind === 'client_secret') throw new Error('no key');
  return parsed.value;
}

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const clock = createFakeClock(START);
const send = createTransport({ clock, allowLoopbackHttp: true });
const openKeys = createOpenKeys({ clock, uuid: randomUUID, send, createKeyPair });
const own = read(JSON.stringify(key));
const open = (credential = own, manager?: Credential) =>
  openKeys({ issuer: zitadel.url, credential, ...(manager === undefined ? {} : { manager }) });

const idsOf = async (keys: HolderKeys) => must(await keys.list()).map(({ keyId }) => keyId);

const expiry = expiryOf(markOf('arn', 'token'), { now: START, everyMs: 30 * DAY_MS });

/** An account's key of P-256: ZITADEL has its public half. */
async function addP256(): Promise<RotatedKey> {
  const { publicKey, privateKey } = await createKeyPair({ ...own.key, alg: 'ES256' });
  zitadel.addKey({ holder: key.userId, keyId: '400879214833699999', key: publicKey });
  const { userId } = key;
  return read(
    serviceAccountJson({
      userId,
      keyId: '400879214833699999',
      privateKey,
      expirationDate: '2030-01-01T00:00:00Z',
    }).reveal(),
  );
}

const oidcKey = read(JSON.stringify(accounts.oidcKey));
const withoutId = read(JSON.stringify({ ...accounts.oidcKey, appId: undefined }));

describe('a new key is recognised by its expiry, used and removed', () => {
  test.each<[holder: string, credential: () => RotatedKey | Promise<RotatedKey>, manager: Credential | undefined]>([
    ['an account with an RSA key', () => own, undefined],
    ['an account with a key of P-256', addP256, undefined],
    ['an application', () => oidcKey, own],
  ])('%s', async (_holder, find, manager) => {
    zitadel.owners([key.userId]);
    const credential = await find();
    const keys = must(await open(credential, manager));
    const before = await idsOf(keys);
    expect(before).toContain(credential.key.kid);
    const { keyId, text } = must(await keys.add(formatExpiry(expiry)));
    const added = must(await keys.list()).find((one) => one.keyId === keyId);
    expect(parseExpiry(added?.expirationDate ?? '')).toBe(expiry);

    const newer = read(text.reveal());
    expect([newer.kind, newer.key.kid, newer.key.alg]).toEqual([credential.kind, keyId, credential.key.alg]);
    expect(refusePending(credential, newer)).toBeUndefined();
    const opened = must(await open(newer, manager));
    expect(await idsOf(opened)).toEqual([...before, keyId]);
    expect(await opened.remove(credential.key.kid)).toEqual(ok(undefined));
    // Gone already: as asked for.
    expect(await opened.remove(credential.key.kid)).toEqual(ok(undefined));
    expect(await idsOf(opened)).not.toContain(credential.key.kid);
  });
});

describe('the key of an application cannot be managed', () => {
  test.each<[why: string, credential: RotatedKey, manager: Credential | undefined, detail: RegExp]>([
    ['by itself', oidcKey, undefined, /^it is the key of an application: name the profile that manages it/],
    ['by an account that owns no project', oidcKey, own, /^listing the keys: ZITADEL shows 0 of \d+/],
    ['without its id', withoutId, own, /^the key JSON has no appId/],
  ])('%s', async (_why, credential, manager, detail) => {
    expect(await open(credential, manager)).toEqual(fail({ detail: expect.stringMatching(detail) }));
  });

  test('by another application', async () => {
    const detail = "no token for ZITADEL's API: it is not the credential of a service account";
    expect(await open(oidcKey, oidcKey)).toEqual(fail({ detail }));
  });

  test('if ZITADEL lists none of its keys', async () => {
    zitadel.owners([key.userId]);
    zitadel.removeKey(oidcKey.key.kid);
    const detail = expect.stringMatching(/^ZITADEL lists no key of the application, not even \d+: is the account/);
    expect(await open(oidcKey, own)).toEqual(fail({ detail }));
  });
});

test('a list of several pages is read to its end', async () => {
  const keys = must(await open());
  const { publicKey } = await createKeyPair({ ...own.key, alg: 'ES256' });
  for (let count = 0; count < 101; count += 1) {
    zitadel.addKey({ holder: key.userId, keyId: `4008792148336${count + 10_000}`, key: publicKey });
  }
  expect(new Set(await idsOf(keys)).size).toBe(102);
});

describe('what goes wrong says so', () => {
  test('the key is unknown to ZITADEL', async () => {
    const opened = await open(read(JSON.stringify({ ...key, keyId: '1' })));
    expect(opened).toMatchObject({
      error: { detail: expect.stringMatching(/^no token for ZITADEL's API: status 400/) },
    });
  });

  test('the expiry has passed', async () => {
    const added = await must(await open()).add('2020-01-01T00:00:00Z');
    const detail = 'adding a key: status 400: Errors.AuthNKey.ExpireBeforeNow (DOMAIN-dv3t5)';
    expect(added).toEqual(fail({ detail }));
  });

  test('ZITADEL is away', async () => {
    const keys = must(await open());
    zitadel.intercept((req) => Boolean(req.destroy()));
    for (const call of [keys.list(), keys.remove('1')]) {
      expect(await call).toMatchObject({
        error: { detail: expect.stringMatching(/^(listing|removing) .*: unreachable/) },
      });
    }
  });

  test('ZITADEL counts keys that it does not show', async () => {
    const keys = must(await open());
    zitadel.intercept((_req, res) =>
      Boolean(
        res
          .setHeader('content-type', 'application/json')
          .end('{"pagination":{"totalResult":"2","appliedLimit":"100"}}'),
      ),
    );
    expect(await keys.list()).toEqual(fail({ detail: 'listing the keys: ZITADEL shows 0 of 2' }));
  });
});
