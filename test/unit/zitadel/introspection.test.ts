import { describe, expect, test } from 'vitest';
import { redacted } from '../../../lib/core/redacted.ts';
import { fail, ok } from '../../../lib/core/result.ts';
import { instant } from '../../../lib/core/time.ts';
import { parseCredential } from '../../../lib/zitadel/credential.ts';
import {
  buildIntrospectionRequest,
  buildUserinfoRequest,
  judgeIntrospection,
  judgeUserinfo,
} from '../../../lib/zitadel/introspection.ts';
import { buildRevocationRequest, judgeRevocation } from '../../../lib/zitadel/revocation.ts';

const ISSUER = 'https://example.zitadel.cloud';
const TOKEN = redacted('the token=');
const JSON_TYPE = { 'content-type': 'application/json' };
const deps = { now: instant(1_795_438_700_000), jti: () => 'one' };

const parsed = parseCredential(redacted('{"clientId":"app","clientSecret":"canary-canary"}'));
if (!parsed.ok) throw new Error(parsed.error.problem);
const credential = parsed.value;

describe.each([
  ['introspect', buildIntrospectionRequest],
  ['revoke', buildRevocationRequest],
])('POST /oauth/v2/%s', (path, build) => {
  test('by the application, with the token', async () => {
    const request = await build({ issuer: ISSUER, credential, token: TOKEN }, deps);
    expect(request).toEqual({
      url: `${ISSUER}/oauth/v2/${path}`,
      authorization: `Basic ${Buffer.from('app:canary-canary').toString('base64')}`,
      body: 'token=the+token%3D',
      secrets: ['canary-canary', 'canary-canary', expect.any(String), 'the token='],
    });
  });
});

test('POST /oidc/v1/userinfo: by the token alone, without its white space', () => {
  expect(buildUserinfoRequest(ISSUER, redacted('a \n b\tc'))).toEqual({
    url: `${ISSUER}/oidc/v1/userinfo`,
    authorization: 'Bearer abc',
    body: '',
    secrets: ['a \n b\tc'],
  });
});

describe('userinfo', () => {
  test.each([
    [401, '{}', JSON_TYPE, false],
    [401, '', {}, false],
    [200, '{}', JSON_TYPE, true],
    [200, '<html>', { 'content-type': 'text/html' }, undefined],
    [403, '{}', JSON_TYPE, undefined],
    [500, '{}', JSON_TYPE, undefined],
  ])('status %i %s: alive: %s', (status, body, headers, isAlive) =>
    expect(judgeUserinfo(ok({ status, body, headers }))).toBe(isAlive),
  );

  test('nothing came back: nobody knows', () =>
    expect(judgeUserinfo(fail({ kind: 'timeout', detail: 'total' }))).toBeUndefined());
});

const REQUEST = {
  url: `${ISSUER}/oauth/v2/introspect`,
  body: 'token=the-token-that-is-asked-about',
  secrets: ['canary-canary', 'the-token-that-is-asked-about'],
};

describe('an answer of introspection', () => {
  const judge = (status: number, body: string, headers: Record<string, string> = JSON_TYPE) =>
    judgeIntrospection(REQUEST, ok({ status, headers, body }));

  test.each<[name: string, body: string, expected: object]>([
    ['inactive', '{"active":false}', { isActive: false }],
    [
      'active',
      '{"active":true,"exp":1795438700,"aud":["a","b"],"scope":"x y","sub":"user","client_id":"app"}',
      {
        isActive: true,
        expiresAt: 1_795_438_700_000,
        audience: ['a', 'b'],
        scopes: ['x', 'y'],
        subject: 'user',
        clientId: 'app',
      },
    ],
    ['one audience', '{"active":true,"aud":"a"}', { isActive: true, audience: ['a'] }],
    ['claims of other types', '{"active":true,"exp":"1","aud":1,"scope":1,"sub":1,"client_id":1}', { isActive: true }],
    ['the token in the answer', `{"active":true,"jti":"${REQUEST.secrets[1]}"}`, { isActive: true }],
  ])('%s', (_name, body, expected) => {
    expect(judge(200, body)).toStrictEqual({ kind: 'introspected', introspection: { body, ...expected } });
  });

  const nonsense = { kind: 'unexpected', detail: 'status 200: the body is not an introspection response' };
  test.each([
    ['{"active":"true"}', JSON_TYPE],
    ['{}', JSON_TYPE],
    ['[]', JSON_TYPE],
    ['', JSON_TYPE],
    ['{"active":true}', { 'content-type': 'text/html' }],
  ])('%s is none', (body, headers) => expect(judge(200, body, headers)).toEqual(nonsense));

  test('one that repeats the credential is withheld', () => {
    expect(judge(200, '{"active":true,"note":"canary-canary"}')).toEqual({
      kind: 'unexpected',
      detail: 'status 200: the body repeats the credential',
    });
  });

  test.each([
    [400, 'unauthorized_client', { kind: 'credential_refused', detail: 'status 400: unauthorized_client' }],
    [401, 'invalid_client', { kind: 'credential_refused', detail: 'status 401: invalid_client' }],
    [400, 'invalid_request', { kind: 'unexpected', detail: 'status 400: invalid_request' }],
    [503, 'x', { kind: 'unavailable', detail: 'status 503: x' }],
    [302, 'x', { kind: 'unexpected', detail: 'status 302: x' }],
  ])('status %i %s', (status, error, expected) => expect(judge(status, JSON.stringify({ error }))).toEqual(expected));
});

describe('an answer of revocation', () => {
  const judge = (status: number, error: string, description?: string) =>
    judgeRevocation(
      REQUEST,
      ok({ status, headers: JSON_TYPE, body: JSON.stringify({ error, error_description: description }) }),
    );
  const foreign = 'token was not issued for this client';
  test.each([
    [200, '', undefined, { kind: 'revoked' }],
    [401, 'invalid_client', foreign, { kind: 'foreign_token', detail: `status 401: invalid_client ${foreign}` }],
    [401, 'invalid_client', 'no', { kind: 'credential_refused', detail: 'status 401: invalid_client no' }],
    [400, 'unauthorized_client', 'no', { kind: 'credential_refused', detail: 'status 400: unauthorized_client no' }],
    [400, 'invalid_request', 'no', { kind: 'unexpected', detail: 'status 400: invalid_request no' }],
    [503, 'x', undefined, { kind: 'unavailable', detail: 'status 503: x' }],
  ])('status %i %s %s', (status, error, description, expected) =>
    expect(judge(status, error, description)).toEqual(expected),
  );
});
