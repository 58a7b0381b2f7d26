import { json, nested } from '../answers.ts';
import { type Given, type Kind, type Meaning, only } from './kind.ts';
import { kinds, named, plays, type Table, words } from './table.ts';

type Member = 'access_token' | 'token_type' | 'expires_in' | 'scope' | 'issued_token_type';
/** A JSON text in place of a member's proper one; `undefined` leaves the member out. */
type Text = string | undefined | ((token: string) => string);

/** A token response of JSON texts, so that it can hold what `JSON.stringify` would not write. */
function tokenResponse({ sent, token }: Given, texts: Partial<Record<Member, Text>>, atEnd = ''): Buffer {
  const issued = '"urn:ietf:params:oauth:token-type:access_token"';
  const members: Partial<Record<Member, Text>> = {
    access_token: JSON.stringify(token),
    token_type: '"Bearer"',
    expires_in: '43199',
    ...(sent.body.includes('subject_token=') ? { issued_token_type: issued } : {}),
    ...texts,
  };
  const written = Object.entries(members).flatMap(([name, text]) =>
    text === undefined ? [] : [`"${name}":${typeof text === 'function' ? text(token) : text}`],
  );
  return json(`{${written.join()}${atEnd}}`);
}

/** Token responses in which one member is another text. */
const other = (member: Member, meaning: Meaning, texts: Table<Text>): readonly Kind[] =>
  kinds(`${member}: *`, only('token', meaning), (text, given) => tokenResponse(given, { [member]: text }), texts);

/** Token responses with more members at their end. */
const more = (pattern: string, meaning: Meaning, texts: Table<string>): readonly Kind[] =>
  kinds(pattern, only('token', meaning), (text, given) => tokenResponse(given, {}, text), texts);

/** Texts that are of no member's type. */
const STRANGE: Table<string | undefined> = {
  missing: undefined,
  null: 'null',
  true: 'true',
  'an object': '{"a":1}',
  'an empty array': '[]',
};

/** Pieces that no token may hold (RFC 6749 appendix A.12). */
const NOT_IN_TOKENS: Table<string> = {
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

const spoilt = Object.entries(NOT_IN_TOKENS).flatMap(([name, piece]) =>
  other('access_token', 'nonsense', {
    [`with ${name} in it`]: (token) => JSON.stringify(`${token.slice(0, 20)}${piece}${token.slice(20)}`),
    ...(piece.length === 1 ? { [`with ${name} after it`]: (token) => JSON.stringify(token + piece) } : {}),
  }),
);

const ofLength =
  (length: number) =>
  (token: string): string =>
    JSON.stringify(token.padEnd(length, 'x'));
const inEscapes = (token: string): string =>
  `"${[...token].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}"`;

export const tokenKinds: readonly Kind[] = [
  ...(['access_token', 'token_type', 'expires_in'] as const).flatMap((member) => other(member, 'nonsense', STRANGE)),
  ...spoilt,
  ...other('access_token', 'nonsense', {
    empty: '""',
    'one space': '" "',
    'a number': '12345678901234567890',
    'a token in an array': (token) => `["${token}"]`,
    'a token in an object': (token) => `{"value":"${token}"}`,
    'an object with toString': '{"toString":"a","length":5}',
    '49,153 characters': ofLength(49_153),
    '60,000 characters': ofLength(60_000),
    '1 MB': ofLength(1_048_576),
  }),
  ...other('access_token', 'answer', {
    'one character': '"a"',
    '49,152 characters': ofLength(49_152),
    'quotes and backslashes': (token) => JSON.stringify(`${token}"\\'<>&`),
    'written in escapes': inEscapes,
    'the word null': '"null"',
    'the word undefined': '"undefined"',
    ['__proto__']: '"__proto__"',
  }),
  ...other('scope', 'nonsense', {
    ...words('null 1 true ["profile"] {"profile":true}'),
    'with a space at its end': '"a "',
    'with line breaks': '"a\\r\\nb"',
  }),
  ...other('scope', 'answer', {
    empty: '""',
    'another one': '"openid"',
    '20 kB': JSON.stringify('a '.repeat(10_000).trim()),
  }),
  // Members that nobody asked for.
  ...more('members: *', 'answer', {
    'a refresh token': ',"refresh_token":"a-refresh-token-that-nobody-wants"',
    'an id token': ',"id_token":"eyJhbGciOiJub25lIn0.e30."',
    'an error beside the token': ',"error":"invalid_client","error_description":"no"',
    '__proto__ with a token': ',"__proto__":{"access_token":"a","expires_in":1}',
    'a polluted prototype': ',"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}',
    'methods of objects': ',"toString":"a","hasOwnProperty":"b","valueOf":1,"toJSON":"c"',
    '1,000 more': Array.from({ length: 1_000 }, (_none, at) => `,"m${at}":${at}`).join(''),
    'nested 10,000 deep': `,"deep":${nested()}`,
    'a name of 30 kB': `,"${'n'.repeat(30_000)}":1`,
    'an empty name': ',"":1',
  }),
  // Of two members of one name the last one counts (RFC 8259 §4 leaves it open).
  ...more('twice: *', 'nonsense', {
    'access_token, the last is null': ',"access_token":null',
    'token_type, the last is mac': ',"token_type":"mac"',
    'expires_in, the last is negative': ',"expires_in":-1',
    'a name in escapes': ',"\\u0065xpires_in":"60s"',
  }),
  ...plays('twice: *', only('token', 'answer'), {
    'expires_in, the first is negative': (given) => tokenResponse(given, { expires_in: '-1' }, ',"expires_in":43199'),
    'access_token, the first is null': (given) => tokenResponse(given, { access_token: 'null' }, ',"access_token":"b"'),
  }),
  ...other('issued_token_type', 'answer', { 'an id token': '"urn:ietf:params:oauth:token-type:id_token"' }),
  ...other('token_type', 'nonsense', {
    ...words('"" "Bearer\\n" "Bearer\\u0000" "\\u0412earer" "mac" "DPoP" "Basic" ["Bearer"] {"type":"Bearer"} 1'),
    ...words('"urn:ietf:params:oauth:token-type:access_token"'),
    ...named(['"Bearer "', '" Bearer"', '"Bearer, Basic"']),
  }),
  ...other('token_type', 'answer', words('"bearer" "BEARER"')),
  // A token must outlive the way to its user, and no life may be absurd. Some of these are not JSON at all.
  ...other(
    'expires_in',
    'nonsense',
    words(`
  0 -0 -1 -43199 0.5 3600.5 1 4 4294967296 9007199254740993 18446744073709551615 1e308 1e400 -1e400 1e-400
  "3600s" "1h" "" [3600] {"seconds":3600} false
  NaN Infinity -Infinity 0x10 010 +3600 3600. .5 3_600 3600n 3600s undefined
`),
  ),
  ...other('expires_in', 'answer', words('5 19 20 3600.0 3.6e3 36E+2 2592000 2592001 "3600"')),
];
