import type { Kind } from './kind.ts';
import { responds } from './token-response.ts';

/** Values that are of no member's type. */
const STRANGE: Readonly<Record<string, string | undefined>> = {
  missing: undefined,
  null: 'null',
  true: 'true',
  'an object': '{"a":1}',
  'an empty array': '[]',
};

const strange = (['access_token', 'token_type', 'expires_in'] as const).flatMap((member) =>
  Object.entries(STRANGE).map(([name, text]) => responds(`${member}: ${name}`, 'nonsense', () => ({ [member]: text }))),
);

/** Pieces that no token may hold (RFC 6749 appendix A.12). */
const NOT_IN_TOKENS: Readonly<Record<string, string>> = {
  'a space': ' ',
  'a tab': '\t',
  'a line feed': '\n',
  'a line break and a header': '\r\nSet-Cookie: a=b',
  'a NUL': '\0',
  'an escape sequence': '\x1b[31m',
  'a delete character': '\x7f',
  'a C1 control': '\u0085',
  'a letter of Latin-1': 'é',
  'a letter of Greek': 'α',
  'an emoji': '🔑',
  'half an emoji': '\ud83d',
  'a no-break space': '\u00a0',
  'a space of no width': '\u200b',
  'a mark of direction': '\u202e',
  'a byte order mark': '\ufeff',
  'a line separator': '\u2028',
};

const spoilt = Object.entries(NOT_IN_TOKENS).flatMap(([name, piece]) => [
  responds(`access_token: with ${name} in it`, 'nonsense', ({ token }) => ({
    access_token: JSON.stringify(`${token.slice(0, 20)}${piece}${token.slice(20)}`),
  })),
  ...(piece.length === 1
    ? [
        responds(`access_token: with ${name} after it`, 'nonsense', ({ token }) => ({
          access_token: JSON.stringify(token + piece),
        })),
      ]
    : []),
]);

const ofLength = (token: string, length: number): string => JSON.stringify(token.padEnd(length, 'x'));

const tokens: readonly Kind[] = [
  ...spoilt,
  responds('access_token: empty', 'nonsense', () => ({ access_token: '""' })),
  responds('access_token: one space', 'nonsense', () => ({ access_token: '" "' })),
  responds('access_token: a number', 'nonsense', () => ({ access_token: '12345678901234567890' })),
  responds('access_token: a token in an array', 'nonsense', ({ token }) => ({ access_token: `["${token}"]` })),
  responds('access_token: a token in an object', 'nonsense', ({ token }) => ({ access_token: `{"value":"${token}"}` })),
  responds('access_token: an object with toString', 'nonsense', () => ({
    access_token: '{"toString":"a","length":5}',
  })),
  responds('access_token: 16,384 characters', 'answer', ({ token }) => ({ access_token: ofLength(token, 16_384) })),
  responds('access_token: 16,385 characters', 'nonsense', ({ token }) => ({ access_token: ofLength(token, 16_385) })),
  responds('access_token: 60,000 characters', 'nonsense', ({ token }) => ({ access_token: ofLength(token, 60_000) })),
  responds('access_token: 1 MB', 'nonsense', ({ token }) => ({ access_token: ofLength(token, 1_048_576) })),
  responds('access_token: one character', 'answer', () => ({ access_token: '"a"' })),
  responds('access_token: quotes and backslashes', 'answer', ({ token }) => ({
    access_token: JSON.stringify(`${token}"\\'<>&`),
  })),
  responds('access_token: written in escapes', 'answer', ({ token }) => ({
    access_token: `"${[...token].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}"`,
  })),
  responds('access_token: the word null', 'answer', () => ({ access_token: '"null"' })),
  responds('access_token: the word undefined', 'answer', () => ({ access_token: '"undefined"' })),
  responds('access_token: __proto__', 'answer', () => ({ access_token: '"__proto__"' })),
];

const scopes: readonly Kind[] = [
  ...['null', '1', 'true', '["profile"]', '{"profile":true}'].map((text) =>
    responds(`scope: ${text}`, 'nonsense', () => ({ scope: text })),
  ),
  responds('scope: empty', 'answer', () => ({ scope: '""' })),
  responds('scope: another one', 'answer', () => ({ scope: '"openid"' })),
  responds('scope: 20 kB', 'answer', () => ({ scope: JSON.stringify('a '.repeat(10_000).trim()) })),
  responds('scope: with a space at its end', 'nonsense', () => ({ scope: '"a "' })),
  responds('scope: with line breaks', 'nonsense', () => ({ scope: '"a\\r\\nb"' })),
];

/** Members that nobody asked for. */
const MORE: Readonly<Record<string, string>> = {
  'a refresh token': ',"refresh_token":"a-refresh-token-that-nobody-wants"',
  'an id token': ',"id_token":"eyJhbGciOiJub25lIn0.e30."',
  'an error beside the token': ',"error":"invalid_client","error_description":"no"',
  '__proto__ with a token': ',"__proto__":{"access_token":"a","expires_in":1}',
  'a polluted prototype': ',"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}',
  'methods of objects': ',"toString":"a","hasOwnProperty":"b","valueOf":1,"toJSON":"c"',
  '1,000 more': Array.from({ length: 1_000 }, (_none, at) => `,"m${at}":${at}`).join(''),
  'nested 10,000 deep': `,"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  'a name of 30 kB': `,"${'n'.repeat(30_000)}":1`,
  'an empty name': ',"":1',
};
const more = Object.entries(MORE).map(([name, text]) => responds(`members: ${name}`, 'answer', () => ({}), text));

/** Of two members of one name the last one counts (RFC 8259 §4 leaves it open). */
const twice: readonly Kind[] = [
  responds('twice: access_token, the last is null', 'nonsense', () => ({}), ',"access_token":null'),
  responds('twice: token_type, the last is mac', 'nonsense', () => ({}), ',"token_type":"mac"'),
  responds('twice: expires_in, the last is negative', 'nonsense', () => ({}), ',"expires_in":-1'),
  responds('twice: expires_in, the first is negative', 'answer', () => ({ expires_in: '-1' }), ',"expires_in":43199'),
  responds('twice: access_token, the first is null', 'answer', () => ({ access_token: 'null' }), ',"access_token":"b"'),
  responds('twice: a name in escapes', 'nonsense', () => ({}), ',"\\u0065xpires_in":"60"'),
];

const issued: readonly Kind[] = [
  responds('issued_token_type: an id token', 'answer', () => ({
    issued_token_type: '"urn:ietf:params:oauth:token-type:id_token"',
  })),
];

export const tokenMemberKinds: readonly Kind[] = [...strange, ...tokens, ...scopes, ...more, ...twice, ...issued];
