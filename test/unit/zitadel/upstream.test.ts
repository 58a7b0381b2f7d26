import { describe, expect, test } from 'vitest';
import { fail, ok } from '../../../lib/core/result.ts';
import { awayDetail, createRequest, sortAnswer } from '../../../lib/zitadel/upstream.ts';

const URL = 'https://example.zitadel.cloud/oauth/v2/token';
const REQUEST = { url: URL, body: '', secrets: [] };

test.each([
  ['a success', 200, {}, { kind: 'answer', detail: 'status 200' }],
  [
    'a refusal',
    400,
    { error: 'invalid_grant', error_description: 'why' },
    { kind: 'refusal', error: 'invalid_grant', description: 'why', detail: 'status 400: invalid_grant why' },
  ],
  ['a refusal without words', 400, { error: '' }, { kind: 'refusal', detail: 'status 400' }],
  ['a redirect with an error', 302, { error: 'x' }, { kind: 'unexpected', detail: 'status 302: x' }],
  ['too many requests', 429, { error: 'x' }, { kind: 'unavailable', detail: 'status 429: x' }],
])('%s', (_name, status, body, expected) => {
  const answer = { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  expect(sortAnswer(REQUEST, ok(answer))).toMatchObject(expected);
});

test.each([
  ['in the body', {}, {}],
  ['in a header', { authorization: 'Basic x' }, { authorization: 'Basic x' }],
])('a client that proves itself %s; it has the last word', (_name, client, header) => {
  const request = createRequest(URL, { parameters: { a: '1' }, secrets: ['s'], ...client }, { a: '0', b: undefined }, [
    't',
  ]);
  expect(request).toStrictEqual({ url: URL, ...header, body: 'a=1', secrets: ['s', 't'] });
});

test.each([
  [undefined, {}],
  [0, { retryAfterMs: 0, isHeldBack: true }],
])('a request that was not sent, to be tried again in %s ms', (retryAfterMs, expected) => {
  const fault = { kind: 'unreachable', detail: 'X', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } as const;
  expect(sortAnswer(REQUEST, fail(fault))).toStrictEqual({
    kind: 'unavailable',
    detail: 'unreachable: X',
    ...expected,
  });
});

describe('an issuer is away for everybody', () => {
  const json = { 'content-type': 'application/json' };
  test.each([
    [408, '', {}, { detail: 'status 408' }],
    [429, '', {}, { detail: 'status 429' }],
    [500, '', {}, { detail: 'status 500' }],
    [502, '', {}, { detail: 'status 502' }],
    [
      429,
      '<html>Too Many Requests</html>',
      { date: 'Wed, 25 Nov 2026 12:00:00 GMT', 'retry-after': 'Wed, 25 Nov 2026 12:00:09 GMT' },
      { detail: 'status 429', retryAfterMs: 9_000 },
    ],
    [
      429,
      '',
      { date: 'Wed, 25 Nov 2026 12:00:00 GMT', 'retry-after': 'Wed, 25 Nov 2026 11:00:00 GMT' },
      { detail: 'status 429', retryAfterMs: 0 },
    ],
    [429, '', { 'retry-after': 'Wed, 25 Nov 2026 11:00:00 GMT' }, { detail: 'status 429' }],
    [429, '', { 'retry-after': 'soon' }, { detail: 'status 429' }],
    [503, '', { 'retry-after': '7' }, { detail: 'status 503', retryAfterMs: 7_000 }],
    [504, '{"error":"server_error"}', json, { detail: 'status 504' }],
    [500, '{"error":"server_error"}', json, undefined],
    [200, '', {}, undefined],
    [400, '{"error":"x"}', json, undefined],
    [501, '', {}, undefined],
  ])('status %i %s', (status, body, headers, expected) =>
    expect(awayDetail(ok({ status, body, headers }))).toEqual(expected),
  );

  test.each([
    ['unreachable', { detail: 'unreachable: X' }],
    ['timeout', { detail: 'timeout: X' }],
    ['oversized', undefined],
    ['garbled', undefined],
  ] as const)('%s', (kind, expected) => expect(awayDetail(fail({ kind, detail: 'X' }))).toEqual(expected));
});
