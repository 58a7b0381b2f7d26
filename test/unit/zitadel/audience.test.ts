import { describe, expect, test } from 'vitest';
import { redacted } from '../../../lib/core/redacted.ts';
import { foreignAudience, jwtAudience, readAudience } from '../../../lib/zitadel/audience.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64url');

/** Long enough for each part to have more than one character, and with - and _ in it. */
const HEADER = base64('{"alg":"RS256"}');
const SIGNATURE = 'sig_-nature';
const jwt = (claims: string) => `${HEADER}.${base64(claims)}.${SIGNATURE}`;

describe('aud', () => {
  test.each<[aud: unknown, expected: readonly string[] | undefined]>([
    ['one', ['one']],
    [
      ['one', 'two'],
      ['one', 'two'],
    ],
    [[], []],
    ['', ['']],
    [['one', 2], undefined],
    [[1], undefined],
    [undefined, undefined],
    [null, undefined],
    [7, undefined],
    [{ 0: 'one', length: 1 }, undefined],
  ])('%j is %j', (aud, expected) => expect(readAudience(aud)).toEqual(expected));
});

describe('the audience of a token', () => {
  const read = jwt('{"aud":["ü","b"]}');
  test.each<[name: string, token: string, expected: readonly string[] | undefined]>([
    ['a JWT', read, ['ü', 'b']],
    ['a JWT without a signature', `${HEADER}.${base64('{"aud":"a"}')}.`, ['a']],
    ['a JWT with - and _ in its claims', jwt('{"aud":"???>>>"}'), ['???>>>']],
    ['a JWT without an audience', jwt('{"sub":"a"}'), undefined],
    ['a JWT whose claims are no JSON', `${HEADER}.${base64('aud')}.${SIGNATURE}`, undefined],
    ['an opaque token', 'opaque-token', undefined],
    ['something before a JWT', `x ${read}`, undefined],
    ['something after a JWT', `${read} x`, undefined],
    ['a JWE', `${HEADER}.a.${base64('{"aud":"a"}')}.b.c`, undefined],
    ['no header', `.${base64('{"aud":"a"}')}.${SIGNATURE}`, undefined],
  ])('%s', (_name, token, expected) => expect(jwtAudience(redacted(token))).toEqual(expected));
});

test.each<[audience: readonly string[], allowed: readonly string[], expected: string | undefined]>([
  [['a', 'b'], ['b', 'a', 'c'], undefined],
  [[], [], undefined],
  [['a', 'b', 'c'], ['a'], 'b'],
  [['a'], [], 'a'],
])('of %j, where %j may be: %s is foreign', (audience, allowed, expected) =>
  expect(foreignAudience(audience, allowed)).toBe(expected),
);
