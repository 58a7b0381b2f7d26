import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { redacted } from '../../../lib/core/redacted.ts';
import { canonicalToken, tokenDigest } from '../../../lib/zitadel/token-identity.ts';

/** Of the parts of a JWS and a JWE: bytes that base64 writes with + and /, base64url with - and _. */
const part = Buffer.from([0xfb, 0xff, 0xbe, 0x01]).toString('base64url');
const JWS = `${part}.${part}.${part}`;
const JWE = `${part}..${part}.${part}.${part}`;

describe('one token, in whatever spelling', () => {
  const otherAlphabet = (text: string) => text.replaceAll('-', '+').replaceAll('_', '/');
  /** A part of 4 bytes has 6 characters, of whose last one only 2 bits count. */
  const looseBits = (text: string) => text.replace(/Q(?=\.|$)/g, 'R');
  test.each([
    ['as it is', (text: string) => text],
    ['white space', (text: string) => ` ${text.replace('.', ' \r\n\t.')}\n`],
    ['padding', (text: string) => `${text}==`],
    ['padding inside', (text: string) => text.replaceAll('.', '==.')],
    ['the other alphabet', otherAlphabet],
    ['bits that no byte uses', looseBits],
  ])('%s', (_name, spell) => {
    expect(part).toBe('-_--AQ');
    for (const token of [JWS, JWE]) {
      expect(canonicalToken(spell(token))).toBe(token);
      expect(tokenDigest(redacted(spell(token)))).toBe(tokenDigest(redacted(token)));
    }
  });

  test.each(['a', 'a.b', `${part}.${part}.${part}.${part}`, `${JWE}.a`, '-_--AR', `${JWS}.!`, `!.${JWS}`, `.${JWS}`])(
    '%s is no JWS and no JWE: only white space and padding go',
    (text) => expect(canonicalToken(` ${text} =`)).toBe(text),
  );

  test.each(['a..', '-_--AR..', `..${part}`])('%s', (text) => {
    const isCompact = !text.startsWith('.');
    const expected = text.split('.').map((bytes) => Buffer.from(bytes, 'base64url').toString('base64url'));
    expect(canonicalToken(text)).toBe(isCompact ? expected.join('.') : text);
  });
});

test('a digest is the beginning of a SHA-256, made once for each token', () => {
  let reveals = 0;
  const token = {
    reveal: () => {
      reveals += 1;
      return 'opaque token';
    },
  };
  const expected = createHash('sha256').update('opaquetoken').digest('base64url').slice(0, 22);
  expect([tokenDigest(token), tokenDigest(token)]).toEqual([expected, expected]);
  expect(reveals).toBe(1);
  expect(tokenDigest(redacted('opaque-token'))).not.toBe(expected);
});
