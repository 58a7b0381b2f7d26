import { describe, expect, test } from 'vitest';
import { fail, ok } from '../../../lib/core/result.ts';
import { judgeTokenAnswer } from '../../../lib/zitadel/token-answer.ts';
import exchange from '../../recordings/exchange.json' with { type: 'json' };
import faults from '../../recordings/faults.json' with { type: 'json' };
import life from '../../recordings/life.json' with { type: 'json' };
import setup from '../../recordings/setup.json' with { type: 'json' };
import token from '../../recordings/token.json' with { type: 'json' };

const REQUEST = { url: 'https://example.zitadel.cloud/oauth/v2/token', body: '', secrets: ['s3cr3t-s3cr3t'] };

interface Recorded {
  readonly name: string;
  readonly request: { readonly path: string; readonly body: string };
  readonly response: { readonly status: number; readonly headers: object; readonly body: unknown };
}

const recordings = [setup, token, exchange, life, faults].flat() as unknown as Recorded[];
const asked = recordings.filter(({ request }) => request.path === '/oauth/v2/token');

const judge = (status: number, body: unknown, headers: object = { 'content-type': 'application/json' }) =>
  judgeTokenAnswer(
    REQUEST,
    ok({
      status,
      headers: headers as Record<string, string>,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );

/** What each recorded refusal means, by its error and description. */
const MEANING: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/TypeNotSupported$/, 'type_refused'],
  [/Impersonation\.|membership not found$/, 'impersonation_refused'],
  [/^unauthorized_client|^invalid_client|^invalid_grant|Errors\.User\.(?!RefreshToken)/, 'credential_refused'],
  [/(?:subject|actor)_token\b/, 'subject_refused'],
  [/^invalid_scope|^invalid_target/, 'scope_refused'],
  [/Errors\.User\.RefreshToken/, 'credential_refused'],
];

describe('every recorded answer of the token endpoint', () => {
  test.each(asked.map((one) => [one.name, one] as const))('%s', (_name, { response }) => {
    const { status, body, headers } = response;
    const outcome = judge(status, body, headers);
    const {
      error = '',
      error_description: text = '',
      token_type: type,
    } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, string>;
    if (status === 200) expect(outcome.kind).toBe(type === 'Bearer' ? 'issued' : 'unexpected');
    else if (status === 429 || status >= 500) expect(outcome.kind).toBe('unavailable');
    else expect(outcome.kind).toBe(MEANING.find(([pattern]) => pattern.test(`${error} ${text}`))?.[1] ?? 'unexpected');
  });

  test('are many, and of every kind', () => {
    expect(asked.length).toBeGreaterThan(100);
    const kinds = asked.map(({ response: { status, body, headers } }) => judge(status, body, headers).kind);
    expect(new Set(kinds)).toEqual(
      new Set(['issued', 'unavailable', 'unexpected', ...MEANING.map(([, kind]) => kind)]),
    );
  });
});

describe('a plain text reaches the log', () => {
  test.each([
    [
      404,
      'unable to set instance using origin &{nowhere.example  http} (ExternalDomain is localhost): ID=QUERY-1kIjX Message=Instance not found. Make sure you got the domain right.',
      'status 404: Instance not found: no instance has the host of the issuer',
    ],
    [429, 'Your ZITADEL instance is blocked.', 'status 429: Your ZITADEL instance is blocked.'],
    [403, 'denied for s3cr3t-of-the-request', 'status 403: [withheld: repeats a secret]'],
  ])('%i %s', (status, body, detail) => {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    const request = { url: '', body: '', secrets: ['s3cr3t-of-the-request'] };
    expect(judgeTokenAnswer(request, ok({ status, headers, body }))).toMatchObject({ detail });
  });
});

describe('what no recording shows', () => {
  test.each([
    ['a certified server refuses the client', 401, { error: 'invalid_client' }, 'credential_refused'],
    [
      'an older ZITADEL refuses an assertion',
      500,
      { error: 'server_error', error_description: 'Errors.Internal' },
      'unavailable',
    ],
    ['a redirect', 302, '', 'unexpected'],
    ['no such page', 404, 'Not Found', 'unexpected'],
    ['a 200 without a token', 200, {}, 'unexpected'],
    ['a 200 that refuses', 200, { error: 'invalid_client' }, 'unexpected'],
    ['a timeout of a proxy', 408, '', 'unavailable'],
  ])('%s', (_name, status, body, kind) => expect(judge(status, body).kind).toBe(kind));

  test.each([
    ['unreachable', 'unavailable'],
    ['timeout', 'unavailable'],
    ['oversized', 'unexpected'],
    ['garbled', 'unexpected'],
  ] as const)('the transport says %s', (kind, expected) => {
    expect(judgeTokenAnswer(REQUEST, fail({ kind, detail: 'X' }))).toEqual({ kind: expected, detail: `${kind}: X` });
  });

  test.each([
    ['7', 7_000],
    ['0', 0],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    ['-3', undefined],
  ])('Retry-After: %s', (value, retryAfterMs) => {
    const outcome = judge(503, '', { 'retry-after': value });
    expect(outcome).toEqual({
      kind: 'unavailable',
      detail: 'status 503',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  });

  test('a text that repeats what was sent is withheld', () => {
    expect(judge(400, { error: 'invalid_client', error_description: 'secret s3cr3t-s3cr3t is wrong' })).toEqual({
      kind: 'credential_refused',
      error: 'invalid_client',
      detail: 'status 400: [withheld: repeats a secret]',
    });
  });

  test.each([
    ['invalid_client', 'no', { kind: 'credential_refused', error: 'invalid_client' }],
    ['access_denied', 'no', { kind: 'credential_refused', error: 'access_denied' }],
    [
      'invalid_request',
      'Errors.User.NotActive',
      { kind: 'credential_refused', error: 'invalid_request', isAccount: true },
    ],
    ['server_error', 'no', { kind: 'unavailable' }],
    ['temporarily_unavailable', 'no', { kind: 'unavailable' }],
    ['invalid_request', 'no', { kind: 'unexpected', isRefusal: true }],
    ['invalid_dpop_proof', 'no', { kind: 'unexpected' }],
  ])('400 %s %s', (error, description, expected) => {
    const detail = `status 400: ${error} ${description}`;
    expect(judge(400, { error, error_description: description })).toStrictEqual({ ...expected, detail });
  });

  describe('an error of its own may be a bad assertion', () => {
    const internal = { error: 'server_error', error_description: 'ID=x Message=Errors.Internal' };
    test.each([
      ['of a service account', 500, internal, 'grant_type=x&assertion=y', 'maybe_refused'],
      ['not of an application', 500, internal, 'client_assertion=y', 'unavailable'],
      ['not with another status', 503, internal, 'assertion=y', 'unavailable'],
      ['not with another error', 500, { ...internal, error: 'invalid' }, 'assertion=y', 'unavailable'],
      ['not with another text', 500, { ...internal, error_description: 'x' }, 'assertion=y', 'unavailable'],
      ['not without an error', 500, {}, 'assertion=y', 'unavailable'],
    ])('%s', (_name, status, body, sent, kind) => {
      const answer = { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      expect(judgeTokenAnswer({ ...REQUEST, body: sent }, ok(answer))).toMatchObject({
        kind,
        detail: expect.stringMatching(new RegExp(`^status ${status}`)),
      });
    });

    test('nothing came back: it may not', () => {
      const outcome = judgeTokenAnswer({ ...REQUEST, body: 'assertion=y' }, fail({ kind: 'timeout', detail: 'X' }));
      expect(outcome.kind).toBe('unavailable');
    });
  });

  const good = { access_token: 'token', token_type: 'Bearer', expires_in: 60 };
  test.each([
    ['scope', { scope: 'x s3cr3t-s3cr3t' }],
    ['issued_token_type', { issued_token_type: 'urn:s3cr3t-s3cr3t' }],
  ])('a token whose %s repeats what was sent is none', (_name, member) => {
    expect(judge(200, good).kind).toBe('issued');
    expect(judge(200, { ...good, ...member })).toEqual({
      kind: 'unexpected',
      detail: 'status 200: scope or issued_token_type repeats a secret',
    });
  });

  test('what is wrong with a 200 is said', () =>
    expect(judge(200, { ...good, token_type: 'mac' })).toEqual({
      kind: 'unexpected',
      detail: expect.stringMatching(/^status 200: .*token_type/),
    }));
});
