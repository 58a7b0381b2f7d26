import { beforeAll, describe, expect, test } from 'vitest';
import { refusePending } from '../../../../lib/broker/rotation/guard.ts';
import type { RotatedKey } from '../../../../lib/broker/rotation/rotated-key.ts';
import { createTryKey } from '../../../../lib/broker/rotation/trial.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok } from '../../../../lib/core/result.ts';
import { instant } from '../../../../lib/core/time.ts';
import { parseCredential } from '../../../../lib/zitadel/credential.ts';
import { createKeyPair, serviceAccountJson } from '../../../../lib/zitadel/key-pair.ts';
import { accounts } from '../../../support/accounts.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

function parse(text: string): RotatedKey {
  const parsed = parseCredential(redacted(text));
  if (!parsed.ok || parsed.value.kind !== 'service_account_key') throw new Error('no key of a service account');
  return parsed.value;
}

const rsa = parse(JSON.stringify(accounts.saKey.key));
let ec: RotatedKey;

beforeAll(async () => {
  const { privateKey } = await createKeyPair('ES256');
  const { userId } = rsa;
  ec = parse(serviceAccountJson({ userId, keyId: 'k', privateKey, expirationDate: '2030-01-01T00:00:00Z' }).reveal());
});

describe('what may become the current key', () => {
  const larger = (): RotatedKey => ({
    ...rsa,
    key: {
      ...rsa.key,
      privateKey: Object.create(rsa.key.privateKey, { asymmetricKeyDetails: { value: { modulusLength: 4096 } } }),
    },
  });

  test.each<[name: string, current: () => RotatedKey, pending: () => RotatedKey, refusal: string | undefined]>([
    ['the same kind', () => rsa, () => rsa, undefined],
    ['P-256 after RSA', () => rsa, () => ec, undefined],
    ['P-256 after P-256', () => ec, () => ec, undefined],
    ['RSA after P-256', () => ec, () => rsa, 'AWSPENDING is an RSA key, AWSCURRENT one of P-256'],
    ['a larger one', () => rsa, larger, undefined],
    ['a smaller one', larger, () => rsa, 'AWSPENDING is an RSA key of 2048 bit, AWSCURRENT one of 4096'],
    ['another account', () => rsa, () => ({ ...rsa, userId: '1' }), 'AWSPENDING is the key of another account'],
  ])('%s', (_name, current, pending, refusal) => expect(refusePending(current(), pending())).toBe(refusal));
});

describe('a key is tried', () => {
  const json = { 'content-type': 'application/json' };
  const issued = ok({
    status: 200,
    headers: json,
    body: '{"access_token":"never-seen","token_type":"Bearer","expires_in":60}',
  });
  const refused = ok({
    status: 400,
    headers: json,
    body: '{"error":"invalid_grant","error_description":"invalid assertion"}',
  });

  async function attempt(answers: readonly Awaited<ReturnType<Parameters<typeof createTryKey>[0]['send']>>[]) {
    const clock = createFakeClock(instant(1_795_438_700_000));
    const forms: URLSearchParams[] = [];
    const tried = createTryKey({
      clock,
      uuid: () => 'jti',
      send: async ({ body }) => {
        forms.push(new URLSearchParams(body));
        return answers[Math.min(forms.length, answers.length) - 1] ?? issued;
      },
    })(rsa, { issuer: 'https://example.zitadel.cloud', scopes: ['a', 'b'] });
    let isDone = false;
    void tried.finally(() => {
      isDone = true;
    });
    while (!isDone) await clock.advance(100);
    return { result: await tried, forms };
  }

  test.each([
    ['at once', [issued], 1],
    ['while ZITADEL does not know it yet', [refused, refused, issued], 3],
    ['while ZITADEL is away', [fail({ kind: 'timeout', detail: 'total' } as const), issued], 2],
  ])('%s', async (_name, answers, tries) => {
    const { result, forms } = await attempt(answers);
    expect(result).toEqual(ok(undefined));
    expect([forms.length, forms[0]?.get('scope')]).toEqual([tries, 'a b']);
  });

  test('for 20 s, and then it says why not', async () => {
    const { result, forms } = await attempt([refused]);
    const detail = `no token with key ${rsa.key.kid} in 20 s: status 400: invalid_grant invalid assertion`;
    expect(result).toEqual(fail({ detail }));
    expect(forms).toHaveLength(21);
  });
});
