import { again, answer, type Given, html, json, nested, withBody } from '../play.ts';
import type { Content, Kind, Meaning, Means, Table } from './kind.ts';
import { atZitadel, kinds, named, only, plays, words } from './kind.ts';

const REFUSED = atZitadel('refused');
const DOWN = atZitadel('down');
const NONSENSE = atZitadel('nonsense');

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

const ofLength = (length: number) => (token: string) => `"${token.padEnd(length, 'x')}"`;
const inEscapes = (token: string): string =>
  `"${[...token].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}"`;

/** A token must outlive the way to its user, and no life may be absurd. Some of these are not JSON at all. */
const NO_LIVES = words(`
  0 -0 -1 -43199 0.5 3600.5 1 4 4294967296 9007199254740993 18446744073709551615 1e308 1e400 -1e400 1e-400
  "3600s" "1h" "" [3600] {"seconds":3600} false
  NaN Infinity -Infinity 0x10 010 +3600 3600. .5 3_600 3600n 3600s undefined
`);

const TOKEN: readonly Kind[] = [
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
  ...other('expires_in', 'nonsense', NO_LIVES),
  ...other('expires_in', 'answer', words('5 19 20 3600.0 3.6e3 36E+2 2592000 2592001 "3600"')),
];

const refusal = (error: unknown, description?: unknown): string =>
  JSON.stringify({ error, error_description: description });

/** Error codes at the token endpoint (RFC 6749 §5.2, RFC 8693 §2.2.2, and others), by what each means there. */
const CODES: Readonly<Partial<Record<Meaning, readonly string[]>>> = {
  refused: ['invalid_client', 'unauthorized_client'],
  grant_refused: ['invalid_grant', 'access_denied'],
  request_refused: ['invalid_request'],
  scope_refused: ['invalid_scope'],
  target_refused: ['invalid_target'],
  down: ['server_error', 'temporarily_unavailable'],
  nonsense: [
    ...['unsupported_grant_type', 'unsupported_token_type', 'invalid_token', 'invalid_dpop_proof'],
    ...['login_required', 'slow_down', 'no_such_error', 'Invalid_Client', 'invalid_client ', ''],
  ],
};

const codes = Object.entries(CODES).flatMap(([meaning, errors]) => {
  // At introspection and revocation only the client can be refused.
  const means = { ...(meaning === 'refused' ? atZitadel(meaning) : NONSENSE), token: meaning as Meaning };
  return errors.flatMap((error) =>
    kinds(`refusal: * ${error}`, means, (status) => json(refusal(error), status), named([400, 401, 403])),
  );
});

/** ZITADEL's own texts decide where its codes do not: `{code} "{text}"`, and what each means. */
const TEXTS: Table<Meaning> = {
  'invalid_client "no active client not found"': 'refused',
  'invalid_request "Errors.User.Machine.Secret.Invalid"': 'grant_refused',
  'invalid_request "Errors.User.NotFound"': 'grant_refused',
  'invalid_request "Errors.User.Locked"': 'grant_refused',
  'invalid_grant "invalid assertion"': 'grant_refused',
  'invalid_request "subject_token is invalid"': 'subject_refused',
  'invalid_grant "subject_token is invalid"': 'subject_refused',
  'invalid_client "subject_token is invalid"': 'subject_refused',
  'invalid_request "actor_token is invalid"': 'subject_refused',
  'invalid_request "xsubject_tokenx is invalid"': 'request_refused',
  'invalid_request "Errors.TokenExchange.Token.TypeNotSupported"': 'type_refused',
  'invalid_request "Errors.TokenExchange.Impersonation.NotAllowed"': 'impersonation_refused',
  'access_denied "Errors.TokenExchange.Impersonation.PolicyDisabled"': 'impersonation_refused',
  'access_denied "membership not found"': 'impersonation_refused',
};
const texts = Object.entries(TEXTS).flatMap(([codeAndText, meaning]) => {
  const [, code, text] = /^(\w+) "(.+)"$/.exec(codeAndText) ?? [];
  return plays('refusal: *', only('token', meaning), { [codeAndText]: json(refusal(code, text), 400) });
});

/** Descriptions that are not a text, or not a text for a log. */
const DESCRIPTIONS: Table<unknown> = {
  'a number': 42,
  null: null,
  'an object': { a: 1 },
  empty: '',
  'of 60,000 characters': 'no '.repeat(20_000),
  'with line breaks': 'no\r\n{"level":"info","status":200}\r\n',
  'with escape sequences': '\x1b[2J\x1b[31mno\x07',
  'with NULs': 'no\0no',
  'with marks of direction': '\u202eon\u202c',
  'of emojis': '🔑'.repeat(100),
  'of half an emoji': '\ud83d',
  'that is JSON': '{"error":"invalid_scope"}',
  'that is HTML': '<script>alert(1)</script>',
  'that is a format': `%s%s%n%p ${'$'}{jndi:ldap://127.0.0.1/a} {{7*7}}`,
  'that is a path': '../../../../etc/passwd',
};

const described = (description: unknown): Buffer => json(refusal('invalid_client', description), 401);
/** The same refusal in other forms. */
const REFUSAL = refusal('invalid_client', 'no');
const withStatuses = (means: Means, ...statuses: readonly number[]): readonly Kind[] =>
  kinds('refusal: invalid_client with *', means, (code) => json(code === 304 ? '' : REFUSAL, code), named(statuses));

const FOREIGN = 'token was not issued for this client';

/** `Retry-After`: whatever comes, callers get between 1 and 30 s. */
const RETRY_AFTER: Table<string> = {
  ...words('0 1 7 30 31 3600 2147483648 99999999999999999999 -1 1.5 1e9 1e300 0x10 NaN Infinity soon 5;6'),
  ...named(['', '5, 6', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT']),
};
const later = [429, 503].flatMap((status) => {
  const say = (value: string): Buffer => json('{}', status, [`Retry-After: ${value}`]);
  return kinds(`later: ${status} with Retry-After: *`, DOWN, say, RETRY_AFTER);
});

const REFUSALS: readonly Kind[] = [
  ...codes,
  ...texts,
  ...plays('refusal: *', only('revocation', 'foreign_token'), {
    'the token of another client': json(refusal('invalid_client', FOREIGN), 400),
    '401, the token of another client': json(refusal('a', FOREIGN), 401),
  }),
  ...plays('refusal: *', only('revocation', 'refused'), {
    'the token of another client, nearly': json(refusal('invalid_client', `${FOREIGN}.`), 400),
  }),
  // Members `error` that are not a code: then the answer is not a refusal.
  ...kinds('refusal: an error that is *', NONSENSE, (body) => json(body, 400), {
    'a number': '{"error":400}',
    null: '{"error":null}',
    'an array': '{"error":["invalid_client"]}',
    'an object': '{"error":{"code":"invalid_client"}}',
    'in another place': '{"errors":[{"error":"invalid_client"}]}',
    "gRPC's": '{"code":16,"message":"Errors.Token.Invalid","details":[]}',
    'in a prototype': '{"__proto__":{"error":"invalid_client"}}',
  }),
  ...kinds('refusal: a description *', REFUSED, described, DESCRIPTIONS),
  ...withStatuses(REFUSED, 404, 405, 410, 418, 422, 451, 499),
  ...withStatuses(DOWN, 408, 429, 500, 502, 503, 504, 599),
  ...withStatuses(NONSENSE, 201, 202, 206, 300, 302, 304, 307),
  // The body of a revocation's answer does not count.
  ...withStatuses({ ...NONSENSE, revocation: 'answer' }, 200),
  ...plays('refusal: *', NONSENSE, {
    'as text': answer(401, { type: 'text/plain', body: REFUSAL }),
    'as a form': answer(401, { type: 'application/x-www-form-urlencoded', body: 'error=invalid_client' }),
    'with a BOM': json(`\ufeff${REFUSAL}`, 401),
  }),
  ...plays('refusal: *', REFUSED, {
    'two codes, the last one counts': json('{"error":"a","error":"invalid_client"}', 401),
    'with a token beside it': ({ token }) =>
      json(
        `{"error":"invalid_client","access_token":"${token}","token_type":"Bearer","expires_in":60,"active":true}`,
        400,
      ),
  }),
  ...later,
];

/** With the names of parameters, it would be a refusal of another sort. */
const nameless = (form: string): string => form.replaceAll('_token', '');

/** What the broker sent, in the pieces that are secret or hold a secret. */
const PIECES: Table<(given: Given) => string> = {
  'the whole request': ({ sent }) => `${sent.head}\r\n\r\n${nameless(sent.body)}`,
  'the form': ({ sent }) => nameless(sent.body),
  'the proof': ({ sent }) =>
    /^authorization: (.+)$/im.exec(sent.head)?.[1] ??
    new URLSearchParams(sent.body).get('client_assertion') ??
    new URLSearchParams(sent.body).get('assertion') ??
    '',
};

const inWords = (text: string, length: number): string => text.replace(new RegExp(`.{${length}}`, 'g'), '$& ');

/** Ways to write a piece. */
const SPELLINGS: Table<(text: string) => string> = {
  plain: (text) => text,
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'in base64url': (text) => Buffer.from(text).toString('base64url'),
  'in hex': (text) => Buffer.from(text).toString('hex'),
  'in capital hex': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  'url-encoded': (text) => encodeURIComponent(text),
  'with its Basic part opened': (text) =>
    text.replace(/Basic ([\w+/=]+)/, (_all, credentials: string) => Buffer.from(credentials, 'base64').toString()),
  'from its middle on': (text) => text.slice(text.length >> 1),
  'its last 60 characters': (text) => text.slice(-60),
  'in base64, in words of 16': (text) => inWords(Buffer.from(text).toString('base64'), 16),
  'in hex, in words of 16': (text) => inWords(Buffer.from(text).toString('hex'), 16),
  'in words of 16': (text) => inWords(text, 16),
  'in words of 10': (text) => inWords(text, 10),
  'after 100 other characters': (text) => `${'no '.repeat(33)}${text}`,
  'after 150 other characters': (text) => `${'no '.repeat(50)}${text}`,
  'in quotes': (text) => JSON.stringify(text),
  'back to front': (text) => [...text].reverse().join(''),
};

const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ');

const code = (text: string): Buffer => json(refusal(`x${text}`), 400);

/** Kinds that repeat each piece, by where it stands. */
const echoes = (
  means: Means,
  places: Table<(text: string, given: Given) => Content>,
  pieces: Table<(given: Given) => string> = PIECES,
): readonly Kind[] =>
  Object.entries(places).flatMap(([place, write]) =>
    kinds(`echo: * ${place}`, means, (take, given) => write(take(given), given), pieces),
  );

const spelt = Object.entries(SPELLINGS).flatMap(([spelling, spell]) => [
  ...echoes(REFUSED, { [`${spelling}, in the description`]: (text) => described(spell(text)) }),
  ...echoes(NONSENSE, { [`${spelling}, in the code`]: (text) => code(spell(text)) }),
]);

/** A form may hold nothing but what the caller knows. */
const { 'the form': _form, ...SECRET_PIECES } = PIECES;

const NO_INTROSPECTION = only('introspection', 'nonsense');

const ECHOES: readonly Kind[] = [
  ...echoes(REFUSED, {
    'in the description': described,
    'in a header': (text) =>
      json('{"error":"invalid_client"}', 401, [
        `WWW-Authenticate: Basic realm="${oneLine(text)}"`,
        `Set-Cookie: ${oneLine(text)}`,
      ]),
  }),
  // In an answer that a service that is down gives.
  ...echoes(DOWN, {
    'in the description of a 500': (text) => json(refusal('a', text), 500),
    'in a page of a 502': (text) => html(`<pre>${text}</pre>`, 502),
    'in Retry-After': (text) => json('{}', 503, [`Retry-After: ${oneLine(text)}`]),
    'in the reason': (text) => answer(`503 ${oneLine(text)}`, { type: 'text/plain', body: '' }),
  }),
  ...echoes(NONSENSE, {
    'in the code': code,
    'in a page': (text) => html(`<h1>Not found</h1><pre>${text}</pre>`, 404),
    'in the location': (text) => html('', 302, [`Location: http://127.0.0.1:1/?${oneLine(text)}`]),
    'in the content type': (text) => answer(400, { type: oneLine(text), body: '{}' }),
    'in the first line': (text) => `${oneLine(text)}\r\n\r\n`,
    'in the name of a header': (text) => `HTTP/1.1 200 OK\r\n(${oneLine(text)}): a\r\n\r\n`,
    'in no JSON at all': (text) => json(`{"error":${text}`, 400),
  }),
  ...spelt,
  // In members of a good answer, which would reach the caller.
  ...echoes(
    only('token', 'nonsense'),
    {
      'in the scope of a token': (text, given) =>
        withBody(given, given.proper.body.replace('{', `{"scope":${JSON.stringify(text)},`)),
      'in the type of an issued token': (text, given) =>
        withBody(given, given.proper.body.replace(/\}$/, `,"issued_token_type":${JSON.stringify(text)}}`)),
    },
    SECRET_PIECES,
  ),
  ...echoes(
    NO_INTROSPECTION,
    { 'in a member of introspection': (text) => json(`{"active":true,"client":${JSON.stringify(text)}}`) },
    SECRET_PIECES,
  ),
  // What reaches nobody.
  ...echoes(only('revocation', 'answer'), {
    'in the body of a revocation': (text, given) => withBody(given, text),
  }),
  ...echoes(atZitadel('answer'), {
    'in headers of a good answer': (text, given) =>
      again(given, [`X-Debug: ${oneLine(text)}`, `Set-Cookie: a=${oneLine(text)}`]),
  }),
];

const INTROSPECTED = only('introspection', 'answer');

/** Values of `active` that are not booleans: they say nothing of the token, and never "inactive". */
const ACTIVE = words(`
  "true" "false" 1 0 -1 null "" "yes" [] [true] {} {"value":true} TRUE True yes NaN undefined true, 1e999 "\\u0074rue"
`);

/** Ends of a token's life: the broker keeps an answer no longer, and must accept all. */
const EXPIRIES = words(`
  0 -1 1e308 -1e308 1e999 -1e999 0.1 9007199254740993 18446744073709551615 null "soon" "4102444800" [4102444800] {}
  true 1795438701 1795438700
`);

const INTROSPECTION: readonly Kind[] = [
  ...kinds('introspection: active is *', NO_INTROSPECTION, (text) => json(`{"active":${text}}`), ACTIVE),
  // Objects without a member `active`.
  ...kinds('introspection: *', NO_INTROSPECTION, (body) => json(body), {
    'no member': '{}',
    'other members alone': '{"sub":"1","scope":"openid","exp":4102444800}',
    'active in capitals': '{"Active":true,"ACTIVE":true}',
    'active with a space': '{"active ":true," active":true}',
    'active one level down': '{"result":{"active":true}}',
    'active in a prototype': '{"__proto__":{"active":true}}',
    'active in a constructor': '{"constructor":{"prototype":{"active":true}}}',
    'a token response': '{"access_token":"a","token_type":"Bearer","expires_in":3600}',
    'an error': '{"error":"invalid_client","error_description":"no"}',
    'a revoked token in words': '{"message":"token is revoked"}',
    'active twice, the last is null': '{"active":true,"active":null}',
  }),
  ...kinds('introspection: exp is *', INTROSPECTED, (text) => json(`{"active":true,"exp":${text}}`), EXPIRIES),
  ...kinds('introspection: *', INTROSPECTED, (body) => json(body), {
    inactive: '{"active":false}',
    'inactive, with claims all the same': '{"active":false,"sub":"1","exp":4102444800}',
    'active in escapes': '{"\\u0061ctive":true}',
    'active twice, the last is true': '{"active":"x","active":true}',
    '1,000 roles': `{"active":true,"roles":[${'"a",'.repeat(999)}"a"]}`,
    'claims 10,000 deep': `{"active":true,"deep":${nested()}}`,
    'a claim of 60 kB': `{"active":true,"claim":"${'a'.repeat(60_000)}"}`,
    'claims with line breaks': '{"active":true,"name":"a\\r\\nb\\u0000"}',
    'a polluted prototype': '{"active":true,"__proto__":{"isAdmin":true}}',
    'claims in HTML': '{"active":true,"name":"<script>alert(1)</script>"}',
  }),
];

/** What only an authorization server says: tokens, refusals, and answers that repeat what was sent to it. */
export const oauthKinds: readonly Kind[] = [...TOKEN, ...REFUSALS, ...ECHOES, ...INTROSPECTION];
