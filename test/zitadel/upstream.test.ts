import { expect, test } from 'vitest';
import { ok } from '../../lib/core/result.ts';
import { createRequest, sortAnswer } from '../../lib/zitadel/upstream.ts';

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
