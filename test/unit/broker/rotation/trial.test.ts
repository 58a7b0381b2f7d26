import { beforeAll, describe, expect, test } from 'vitest';
import type { Trial } from '../../../../lib/broker/profiles/rotation.ts';
import { refusePending } from '../../../../lib/broker/rotation/guard.ts';
import type { RotatedKey } from '../../../../lib/broker/rotation/rotated-key.ts';
import { type Candidate, createTryKey } from '../../../../lib/broker/rotation/trial.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok } from '../../../../lib/core/result.ts';
import { instant } from '../../../../lib/core/time.ts';
import { parseCredential } from '../../../../lib/zitadel/credential.ts';
import { createKeyPair, serviceAccountJson } from '../../../../lib/zitadel/key-pair.ts';
import { accounts } from '../../../support/accounts.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

function parse(text: string): RotatedKey {
  const parsed = parseCredential(redacted(text));
  if (!parsed.ok || parsed.value.kind === 'client_secret') throw new Error('no key');
  return parsed.value;
}

const rsa = parse(JSON.stringify(accounts.saKey.key));
const application = parse(JSON.stringify(accounts.oidcKey));
let ec: RotatedKey;

beforeAll(async () => {
  const { privateKey } = await createKeyPair({ ...rsa.key, alg: 'ES256' });
  const { userId } = accounts.saKey.key;
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
    [
      'another account',
      () => rsa,
      () => ({ ...rsa, userId: '1' }) as RotatedKey,
      'AWSPENDING is the key of another account',
    ],
    ['an application after an account', () => rsa, () => application, 'AWSPENDING is the key of another account'],
    [
      'another application',
      () => application,
      () => ({ ...application, clientId: '1' }) as RotatedKey,
      'AWSPENDING is the key of another application',
    ],
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

  const inactive = ok({ status: 200, headers: json, body: '{"active":false}' });
  const unauthorized = ok({ status: 400, headers: json, body: '{"error":"unauthorized_client"}' });
  const TOKEN: Trial = { kind: 'token', scopes: ['a', 'b'] };

  type Answers = readonly Awaited<ReturnType<Parameters<typeof createTryKey>[0]['send']>>[];

  async function attempt(answers: Answers, trials: readonly Trial[] = [TOKEN], candidate: Partial<Candidate> = {}) {
    const clock = createFakeClock(instant(1_795_438_700_000));
    const sent: { path: string; form: URLSearchParams }[] = [];
    const tried = createTryKey({
      clock,
      uuid: () => 'jti',
      send: async ({ url, body }) => {
        sent.push({ path: new URL(url).pathname, form: new URLSearchParams(body) });
        return answers[Math.min(sent.length, answers.length) - 1] ?? issued;
      },
    })({ issuer: 'https://example.zitadel.cloud', credential: rsa, ...candidate }, trials);
    let isDone = false;
    void tried.finally(() => {
      isDone = true;
    });
    while (!isDone) await clock.advance(100);
    return { result: await tried, sent };
  }

  test.each([
    ['at once', [issued], 1],
    ['while ZITADEL does not know it yet', [refused, refused, issued], 3],
    ['while ZITADEL is away', [fail({ kind: 'timeout', detail: 'total' } as const), issued], 2],
  ])('%s', async (_name, answers, tries) => {
    const { result, sent } = await attempt(answers);
    expect(result).toEqual(ok(undefined));
    expect([sent.length, sent[0]?.form.get('scope')]).toEqual([tries, 'a b']);
  });

  test('for 20 s, and then it says why not', async () => {
    const { result, sent } = await attempt([refused]);
    const detail = `no token with key ${rsa.key.kid} in 20 s: status 400: invalid_grant invalid assertion`;
    expect(result).toEqual(fail({ detail }));
    expect(sent).toHaveLength(21);
  });

  test('with the scopes of each profile', async () => {
    const { sent } = await attempt([issued], [TOKEN, { kind: 'token', scopes: ['c'] }]);
    expect(sent.map(({ form }) => form.get('scope'))).toEqual(['a b', 'c']);
  });

  test("of an application that exchanges: with a token of its manager's, for its own project alone", async () => {
    const ofApplication = { credential: application, manager: rsa, projectId: '7' };
    const { result, sent } = await attempt([issued], [{ kind: 'exchange' }], ofApplication);
    expect(result).toEqual(ok(undefined));
    expect(sent.map(({ path }) => path)).toEqual(['/oauth/v2/token', '/oauth/v2/token']);
    const [subject, exchange] = sent.map(({ form }) => form);
    expect(subject?.get('scope')).toBe('urn:zitadel:iam:org:project:id:7:aud');
    expect([exchange?.getAll('audience'), exchange?.get('subject_token')]).toEqual([['7'], 'never-seen']);
    expect(exchange?.get('client_assertion')).toMatch(/^eyJ/);
  });

  test.each<[name: string, answers: Answers, detail: string | undefined]>([
    ['inactive passes', [inactive], undefined],
    ['a moment later', [unauthorized, inactive], undefined],
    ['unauthorized_client fails', [unauthorized], 'status 400: unauthorized_client'],
    ['no answer of introspection fails', [issued], 'status 200: the body is not an introspection response'],
  ])('of an application that introspects: %s', async (_name, answers, detail) => {
    const { result, sent } = await attempt(answers, [{ kind: 'introspection' }], { credential: application });
    const { kid } = application.key;
    expect(result).toEqual(
      detail === undefined ? ok(undefined) : fail({ detail: `no introspection with key ${kid} in 20 s: ${detail}` }),
    );
    expect(sent[0]?.path).toBe('/oauth/v2/introspect');
    expect(sent[0]?.form.get('token')?.split('.')).toHaveLength(3);
  });

  test('an exchange needs a manager', async () => {
    const { result } = await attempt([issued], [{ kind: 'exchange' }]);
    expect(result).toMatchObject({ error: { detail: expect.stringContaining('it is not the key of an application') } });
  });
});
