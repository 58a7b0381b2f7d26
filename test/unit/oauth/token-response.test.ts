import { describe, expect, test } from 'vitest';
import { parseErrorResponse, parseTokenResponse } from '../../../lib/oauth/token-response.ts';

const answer = (body: unknown, type = 'application/json') => ({
  status: 200,
  headers: { 'content-type': type },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const GOOD = { access_token: 'abc.def', token_type: 'Bearer', expires_in: 43_199 };

describe('parseTokenResponse', () => {
  test.each([
    ['as ZITADEL answers', answer(GOOD), 43_199_000, undefined],
    ['a scope', answer({ ...GOOD, scope: 'a b' }), 43_199_000, 'a b'],
    ['an empty scope', answer({ ...GOOD, scope: '' }), 43_199_000, ''],
    ['bearer in other letters', answer({ ...GOOD, token_type: 'bEaReR' }), 43_199_000, undefined],
    ['the shortest life', answer({ ...GOOD, expires_in: 1 }), 1_000, undefined],
    ['the longest life', answer({ ...GOOD, expires_in: 2_592_000 }), 2_592_000_000, undefined],
    ['a charset', answer(GOOD, 'application/json; charset=utf-8'), 43_199_000, undefined],
    ['a media type that ends in json', answer(GOOD, 'application/problem+JSON'), 43_199_000, undefined],
    ['a space before the charset', answer(GOOD, 'application/json ;charset=utf-8'), 43_199_000, undefined],
    ['members that nobody knows', answer({ ...GOOD, id_token: 1 }), 43_199_000, undefined],
  ])('%s', (_name, given, lifeMs, scope) => {
    const result = parseTokenResponse(given);
    expect(result).toMatchObject({ ok: true, value: { lifeMs, ...(scope === undefined ? {} : { scope }) } });
    expect(result.ok && result.value.accessToken.reveal()).toBe('abc.def');
  });

  test.each([
    ['HTML', answer('<html>', 'text/html'), 'the content type is not JSON'],
    ['a type that holds JSON somewhere', answer(GOOD, 'text/html, application/json'), 'the content type is not JSON'],
    ['a type that begins like JSON', answer(GOOD, 'application/jsonx'), 'the content type is not JSON'],
    ['a suffix of nothing', answer(GOOD, 'application/+json'), 'the content type is not JSON'],
    ['no content type', { ...answer(GOOD), headers: {} }, 'the content type is not JSON'],
    ['broken JSON', answer('{"access_token"'), 'the body is not a JSON object'],
    ['an array', answer([GOOD]), 'the body is not a JSON object'],
    ['null', answer('null'), 'the body is not a JSON object'],
    ['deep nesting', answer('['.repeat(60_000)), 'the body is not a JSON object'],
    ['no token', answer({ ...GOOD, access_token: undefined }), 'access_token is missing or not a token'],
    ['an empty token', answer({ ...GOOD, access_token: '' }), 'access_token is missing or not a token'],
    ['a number for a token', answer({ ...GOOD, access_token: 5 }), 'access_token is missing or not a token'],
    [
      'a token with a line break',
      answer({ ...GOOD, access_token: 'a\r\nx: y' }),
      'access_token is missing or not a token',
    ],
    ['a token with a space', answer({ ...GOOD, access_token: 'a b' }), 'access_token is missing or not a token'],
    ['a token in __proto__', answer(`{"__proto__":${JSON.stringify(GOOD)}}`), 'access_token is missing or not a token'],
    ['a number for a body', answer('7'), 'the body is not a JSON object'],
    ['no type', answer({ ...GOOD, token_type: undefined }), 'token_type is not Bearer'],
    ['another type', answer({ ...GOOD, token_type: 'N_A' }), 'token_type is not Bearer'],
    ['no life', answer({ ...GOOD, expires_in: undefined }), 'expires_in is not a whole number'],
    ['a life in words', answer({ ...GOOD, expires_in: '12h' }), 'expires_in is not a whole number'],
    ['half a second in text', answer({ ...GOOD, expires_in: '0.5' }), 'expires_in is not a whole number'],
    ['an empty life', answer({ ...GOOD, expires_in: '' }), 'expires_in is not a whole number'],
    ['a life of text, none left', answer({ ...GOOD, expires_in: '0' }), 'expires_in is out of range'],
    ['half a second', answer({ ...GOOD, expires_in: 0.5 }), 'expires_in is not a whole number'],
    ['none left', answer({ ...GOOD, expires_in: 0 }), 'expires_in is out of range'],
    ['a negative life', answer({ ...GOOD, expires_in: -1 }), 'expires_in is out of range'],
    ['over 100 years', answer({ ...GOOD, expires_in: 3_155_760_001 }), 'expires_in is out of range'],
    [
      'a token that is too long',
      answer({ ...GOOD, access_token: 'a'.repeat(49_153) }),
      'access_token has 49153 characters, more than the 49152 that are accepted',
    ],
    [
      'a life that has wrapped',
      answer('{"access_token":"a","token_type":"Bearer","expires_in":18446744073709551615}'),
      'expires_in is out of range',
    ],
    ['a scope that is no text', answer({ ...GOOD, scope: ['a'] }), 'scope is not a list of scopes'],
    ['a scope with a line break', answer({ ...GOOD, scope: 'a\nb' }), 'scope is not a list of scopes'],
    ['two spaces between scopes', answer({ ...GOOD, scope: 'a  b' }), 'scope is not a list of scopes'],
  ])('%s is refused', (_name, given, problem) => {
    expect(parseTokenResponse(given)).toEqual({ ok: false, error: problem });
  });
});

test('a token of the greatest length', () => {
  expect(parseTokenResponse(answer({ ...GOOD, access_token: 'a'.repeat(49_152) }))).toMatchObject({ ok: true });
});

test.each([
  ['a text of digits', '43199', 43_199_000],
  ['30 days', 2_592_000, 2_592_000_000],
  ['more: used for 30 days', 2_592_001, 2_592_000_000],
  ['100 years', 3_155_760_000, 2_592_000_000],
])('a life of %s', (_name, expiresIn, lifeMs) => {
  expect(parseTokenResponse(answer({ ...GOOD, expires_in: expiresIn }))).toMatchObject({ ok: true, value: { lifeMs } });
});

test.each([
  ['its issued type', { ...GOOD, issued_token_type: 'urn:x' }, { tokenType: 'Bearer', issuedTokenType: 'urn:x' }],
  ['none where it is no text', { ...GOOD, issued_token_type: 7 }, { tokenType: 'Bearer' }],
  ['no scope that was not sent', GOOD, { tokenType: 'Bearer' }],
])('an answer has %s', (_name, body, expected) => {
  const result = parseTokenResponse(answer(body));
  expect(result).toEqual({ ok: true, value: { accessToken: expect.anything(), lifeMs: 43_199_000, ...expected } });
  expect(result.ok && Object.keys(result.value).sort()).toEqual(
    ['accessToken', 'lifeMs', ...Object.keys(expected)].sort(),
  );
});

test.each([
  [
    answer({ error: 'invalid_grant', error_description: 'invalid assertion' }),
    { error: 'invalid_grant', description: 'invalid assertion' },
  ],
  [answer({ error: 'unauthorized_client' }), { error: 'unauthorized_client', description: '' }],
  [answer({ error: 'x', error_description: 7 }), { error: 'x', description: '' }],
  [answer({ error: 7 }), undefined],
  [answer('{"error":"x"}', 'text/plain'), undefined],
])('parseErrorResponse %#', (given, expected) => expect(parseErrorResponse(given)).toEqual(expected));
