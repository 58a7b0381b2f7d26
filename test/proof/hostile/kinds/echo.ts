import { again, answer, html, json, withBody } from '../answers.ts';
import { atZitadel, type Given, type Kind, type Means, only } from './kind.ts';
import { type Content, kinds, type Table } from './table.ts';

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

const describe = (text: string): Buffer =>
  json(JSON.stringify({ error: 'invalid_client', error_description: text }), 401);
const code = (text: string): Buffer => json(JSON.stringify({ error: `x${text}` }), 400);

type Places = Table<(text: string) => string | Buffer>;

/** Where a piece stands in a refusal. */
const IN_REFUSALS: Places = {
  'the description': describe,
  'a header': (text) =>
    json('{"error":"invalid_client"}', 401, [
      `WWW-Authenticate: Basic realm="${oneLine(text)}"`,
      `Set-Cookie: ${oneLine(text)}`,
    ]),
};

/** Where it stands in an answer that a service that is down gives. */
const IN_OUTAGES: Places = {
  'the description of a 500': (text) => json(JSON.stringify({ error: 'a', error_description: text }), 500),
  'a page of a 502': (text) => html(`<pre>${text}</pre>`, 502),
  'Retry-After': (text) => json('{}', 503, [`Retry-After: ${oneLine(text)}`]),
  'the reason': (text) => answer(`503 ${oneLine(text)}`, { type: 'text/plain', body: '' }),
};

/** Where it stands in nonsense. */
const IN_NONSENSE: Places = {
  'the code': code,
  'a page': (text) => html(`<h1>Not found</h1><pre>${text}</pre>`, 404),
  'the location': (text) => html('', 302, [`Location: http://127.0.0.1:1/?${oneLine(text)}`]),
  'the content type': (text) => answer(400, { type: oneLine(text), body: '{}' }),
  'the first line': (text) => `${oneLine(text)}\r\n\r\n`,
  'the name of a header': (text) => `HTTP/1.1 200 OK\r\n(${oneLine(text)}): a\r\n\r\n`,
  'no JSON at all': (text) => json(`{"error":${text}`, 400),
};

const NONSENSE = atZitadel('nonsense');

/** Kinds that repeat each piece; `write` makes what is sent of its text. */
const echoes = (
  where: string,
  means: Means,
  write: (text: string, given: Given) => Content,
  pieces: typeof PIECES = PIECES,
): readonly Kind[] => kinds(`echo: ${where}`, means, (take, given) => write(take(given), given), pieces);

const placed = (means: Means, places: Places): readonly Kind[] =>
  Object.entries(places).flatMap(([place, write]) => echoes(`* in ${place}`, means, write));

const spelt = Object.entries(SPELLINGS).flatMap(([spelling, spell]) => [
  ...echoes(`* ${spelling}, in the description`, atZitadel('refused'), (text) => describe(spell(text))),
  ...echoes(`* ${spelling}, in the code`, NONSENSE, (text) => code(spell(text))),
]);

/** A form may hold nothing but what the caller knows. */
const { 'the form': _form, ...SECRET_PIECES } = PIECES;

/** Members of a good answer, which would reach the caller. */
const inScope = (text: string, given: Given): Buffer =>
  withBody(given, given.proper.body.replace('{', `{"scope":${JSON.stringify(text)},`));
const inIssuedType = (text: string, given: Given): Buffer =>
  withBody(given, given.proper.body.replace(/\}$/, `,"issued_token_type":${JSON.stringify(text)}}`));
const inClaims = (text: string, given: Given): Buffer =>
  withBody(given, `{"active":true,"client":${JSON.stringify(text)}}`);

const inHeaders = (text: string, given: Given): Buffer =>
  again(given, [`X-Debug: ${oneLine(text)}`, `Set-Cookie: a=${oneLine(text)}`]);

export const echoKinds: readonly Kind[] = [
  ...placed(atZitadel('refused'), IN_REFUSALS),
  ...placed(atZitadel('down'), IN_OUTAGES),
  ...placed(NONSENSE, IN_NONSENSE),
  ...spelt,
  ...echoes('* in the scope of a token', only('token', 'nonsense'), inScope, SECRET_PIECES),
  ...echoes('* in the type of an issued token', only('token', 'nonsense'), inIssuedType, SECRET_PIECES),
  ...echoes('* in a member of introspection', only('introspection', 'nonsense'), inClaims, SECRET_PIECES),
  // What reaches nobody.
  ...echoes('* in the body of a revocation', only('revocation', 'answer'), (text, given) => withBody(given, text)),
  ...echoes('* in headers of a good answer', atZitadel('answer'), inHeaders),
];
