import { answer, say } from '../play.ts';
import { atZitadel, type Given, type Kind, kind, type Meaning } from './kind.ts';

/** The names of parameters would make it a refusal of another sort. */
const nameless = (form: string): string => form.replaceAll('_token', '');

/** What the broker sent, in the pieces that are secret or hold a secret. */
const PIECES: Readonly<Record<string, (given: Given) => string>> = {
  'the whole request': ({ sent }) => `${sent.head}\r\n\r\n${nameless(sent.body)}`,
  'the form': ({ sent }) => nameless(sent.body),
  'the proof': ({ sent }) =>
    /^authorization: (.+)$/im.exec(sent.head)?.[1] ??
    new URLSearchParams(sent.body).get('client_assertion') ??
    new URLSearchParams(sent.body).get('assertion') ??
    '',
};

const reversed = (text: string): string => [...text].reverse().join('');

/** Ways to write it. */
const SPELLINGS: Readonly<Record<string, (text: string) => string>> = {
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
  'in base64, in words of 16': (text) => Buffer.from(text).toString('base64').replace(/.{16}/g, '$& '),
  'in hex, in words of 16': (text) => Buffer.from(text).toString('hex').replace(/.{16}/g, '$& '),
  'in words of 16': (text) => text.replace(/.{16}/g, '$& '),
  'in words of 10': (text) => text.replace(/.{10}/g, '$& '),
  'after 100 other characters': (text) => `${'no '.repeat(33)}${text}`,
  'after 150 other characters': (text) => `${'no '.repeat(50)}${text}`,
  'in quotes': (text) => JSON.stringify(text),
  'back to front': reversed,
};

const JSON_TYPE = 'application/json';
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ');

/** Where in an answer it stands. */
interface Where {
  readonly means: Meaning;
  readonly say: (text: string) => Buffer;
}
const WHERE: Readonly<Record<string, Where>> = {
  'the description': {
    means: 'refused',
    say: (text) =>
      answer(401, { type: JSON_TYPE, body: JSON.stringify({ error: 'invalid_client', error_description: text }) }),
  },
  'the code': {
    means: 'nonsense',
    say: (text) => answer(400, { type: JSON_TYPE, body: JSON.stringify({ error: `x${text}` }) }),
  },
  'the description of a 500': {
    means: 'down',
    say: (text) => answer(500, { type: JSON_TYPE, body: JSON.stringify({ error: 'a', error_description: text }) }),
  },
  'a page': {
    means: 'nonsense',
    say: (text) => answer(404, { type: 'text/html', body: `<h1>Not found</h1><pre>${text}</pre>` }),
  },
  'a page of a 502': { means: 'down', say: (text) => answer(502, { type: 'text/html', body: `<pre>${text}</pre>` }) },
  'the location': {
    means: 'nonsense',
    say: (text) => answer(302, { type: 'text/html', body: '' }, [`Location: http://127.0.0.1:1/?${oneLine(text)}`]),
  },
  'a header': {
    means: 'refused',
    say: (text) =>
      answer(401, { type: JSON_TYPE, body: '{"error":"invalid_client"}' }, [
        `WWW-Authenticate: Basic realm="${oneLine(text)}"`,
        `Set-Cookie: ${oneLine(text)}`,
      ]),
  },
  'Retry-After': {
    means: 'down',
    say: (text) => answer(503, { type: JSON_TYPE, body: '{}' }, [`Retry-After: ${oneLine(text)}`]),
  },
  'the content type': { means: 'nonsense', say: (text) => answer(400, { type: oneLine(text), body: '{}' }) },
  'the reason': { means: 'down', say: (text) => answer(`503 ${oneLine(text)}`, { type: 'text/plain', body: '' }) },
  'the first line': { means: 'nonsense', say: (text) => Buffer.from(`${oneLine(text)}\r\n\r\n`) },
  'the name of a header': {
    means: 'nonsense',
    say: (text) => Buffer.from(`HTTP/1.1 200 OK\r\n(${oneLine(text)}): a\r\n\r\n`),
  },
  'no JSON at all': { means: 'nonsense', say: (text) => answer(400, { type: JSON_TYPE, body: `{"error":${text}` }) },
};

const echo = (name: string, where: Where, pieceOf: (given: Given) => string): Kind =>
  kind(`echo: ${name}`, atZitadel(where.means), (given) => [say(where.say(pieceOf(given)))]);

const spelt = Object.entries(PIECES).flatMap(([piece, take]) =>
  Object.entries(SPELLINGS).flatMap(([spelling, spell]) =>
    (['the description', 'the code'] as const).flatMap((name) => {
      const where = WHERE[name];
      return where === undefined
        ? []
        : [echo(`${piece} ${spelling}, in ${name}`, where, (given) => spell(take(given)))];
    }),
  ),
);

const placed = Object.entries(WHERE).flatMap(([name, where]) =>
  Object.entries(PIECES).map(([piece, take]) => echo(`${piece} in ${name}`, where, take)),
);

/** A form may hold nothing but what the caller knows. */
const TELLING = Object.entries(PIECES).filter(([piece]) => piece !== 'the form');

/** Members of a good answer that would go through to the caller. */
const withheld: readonly Kind[] = TELLING.flatMap(([piece, take]) => [
  kind(`echo: ${piece} in the scope of a token`, { token: 'nonsense' }, (given) => [
    say(
      answer(200, {
        ...given.proper,
        body: given.proper.body.replace('{', `{"scope":${JSON.stringify(take(given))},`),
      }),
    ),
  ]),
  kind(`echo: ${piece} in the type of an issued token`, { token: 'nonsense' }, (given) => [
    say(
      answer(200, {
        ...given.proper,
        body: given.proper.body.replace(/\}$/, `,"issued_token_type":${JSON.stringify(take(given))}}`),
      }),
    ),
  ]),
  kind(`echo: ${piece} in a member of introspection`, { introspection: 'nonsense' }, (given) => [
    say(answer(200, { ...given.proper, body: `{"active":true,"client":${JSON.stringify(take(given))}}` })),
  ]),
]);

/** What goes no further. */
const good: readonly Kind[] = Object.entries(PIECES).flatMap(([piece, take]) => [
  kind(`echo: ${piece} in the body of a revocation`, { revocation: 'answer' }, (given) => [
    say(answer(200, { ...given.proper, body: take(given) })),
  ]),
  kind(`echo: ${piece} in headers of a good answer`, atZitadel('answer'), (given) => [
    say(answer(200, given.proper, [`X-Debug: ${oneLine(take(given))}`, `Set-Cookie: a=${oneLine(take(given))}`])),
  ]),
]);

export const echoKinds: readonly Kind[] = [...placed, ...spelt, ...withheld, ...good];
