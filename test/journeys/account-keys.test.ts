import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import { type AccountKeys, openAccountKeys } from '../../lib/broker/rotation/account-keys.ts';
import { expiryOf, formatExpiry, markOf, parseExpiry } from '../../lib/broker/rotation/mark.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../lib/core/result.ts';
import { DAY_MS, instant } from '../../lib/core/time.ts';
import { createTransport } from '../../lib/net/transport.ts';
import { type Credential, parseCredential } from '../../lib/zitadel/credential.ts';
import { createKeyPair, serviceAccountJson } from '../../lib/zitadel/key-pair.ts';
import { accounts } from '../support/accounts.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const START = instant(1_795_438_700_000);
const { key } = accounts.saKey;
let zitadel: Zitadel;

beforeEach(async () => {
  zitadel = await createZitadel({ accounts, now: () => START });
});
afterEach(() => zitadel.close());

type ServiceAccountKey = Extract<Credential, { kind: 'service_account_key' }>;

function readKey(text: string): ServiceAccountKey {
  const parsed = parseCredential(redacted(text));
  if (!parsed.ok || parsed.value.kind !== 'service_account_key') throw new Error('no key of a service account');
  return parsed.value;
}

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const clock = createFakeClock(START);
const deps = { clock, uuid: randomUUID, send: createTransport({ clock, allowLoopbackHttp: true }) };
const open = (credential = readKey(JSON.stringify(key))) => openAccountKeys(deps, { issuer: zitadel.url, credential });

const idsOf = async (keys: AccountKeys) => must(await keys.list()).map(({ keyId }) => keyId);

test.each(['RS256', 'ES256'] as const)(
  'a key for %s is added, recognised by its expiry, used and removed',
  async (alg) => {
    const keys = must(await open());
    expect(await idsOf(keys)).toEqual([key.keyId]);
    const expiry = expiryOf(markOf('arn', 'token'), { now: START, everyMs: 30 * DAY_MS });
    const { publicKey, privateKey } = await createKeyPair(alg);
    const { keyId, content } = must(await keys.add(formatExpiry(expiry), publicKey));
    expect(content).toBeUndefined();
    const added = must(await keys.list()).find((one) => one.keyId === keyId);
    expect(parseExpiry(added?.expirationDate ?? '')).toBe(expiry);

    const json = serviceAccountJson({ userId: key.userId, keyId, privateKey, expirationDate: formatExpiry(expiry) });
    const newer = must(await open(readKey(json.reveal())));
    expect(await idsOf(newer)).toEqual([key.keyId, keyId]);
    expect(await newer.remove(key.keyId)).toEqual(ok(undefined));
    // Gone already: as asked for.
    expect(await newer.remove(key.keyId)).toEqual(ok(undefined));
    expect(await idsOf(newer)).toEqual([keyId]);
  },
);

test('a list of several pages is read to its end', async () => {
  const keys = must(await open());
  const { publicKey } = await createKeyPair('ES256');
  for (let count = 0; count < 101; count += 1) must(await keys.add('2030-01-01T00:00:00Z', publicKey));
  expect(new Set(await idsOf(keys)).size).toBe(102);
});

describe('what goes wrong says so', () => {
  test('the key is unknown to ZITADEL', async () => {
    const opened = await open(readKey(JSON.stringify({ ...key, keyId: '1' })));
    expect(opened).toMatchObject({
      error: { detail: expect.stringMatching(/^no token for ZITADEL's API: status 400/) },
    });
  });

  test('the expiry has passed', async () => {
    const { publicKey } = await createKeyPair('ES256');
    const added = await must(await open()).add('2020-01-01T00:00:00Z', publicKey);
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
