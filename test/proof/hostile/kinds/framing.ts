import { answer, END, type Proper, type Step, say } from '../play.ts';
import { ANSWER, DOWN, type Kind, kind, NONSENSE, withHeaders } from './kind.ts';

/** An answer whose header block is all one's own. */
const raw =
  (head: string, bodyOf: (proper: Proper) => string = ({ body }) => body, ...steps: readonly Step[]): Kind['play'] =>
  ({ proper }) => [
    say(`HTTP/1.1 ${proper.status} OK\r\nContent-Type: ${proper.type}\r\n${head}\r\n`, bodyOf(proper)),
    ...steps,
  ];

const sizeOf = ({ body }: Proper): number => Buffer.byteLength(body);
const chunk = (text: string, extension = ''): string =>
  `${Buffer.byteLength(text).toString(16)}${extension}\r\n${text}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** Header lines of which none can be an answer. */
const ILL_FORMED: Readonly<Record<string, string>> = {
  'a negative length': 'Content-Length: -5\r\n',
  'a length that is a word': 'Content-Length: many\r\n',
  'a length with a fraction': 'Content-Length: 5.5\r\n',
  'a length in hex': 'Content-Length: 0x20\r\n',
  'a length with a sign': 'Content-Length: +5\r\n',
  'two lengths in a list': 'Content-Length: 5, 6\r\n',
  'two lengths that differ': 'Content-Length: 5\r\nContent-Length: 6\r\n',
  'a length beyond 64 bit': `Content-Length: ${'9'.repeat(30)}\r\n`,
  'a header line without a colon': 'this is no header\r\n',
  'a header line without a name': ': value\r\n',
  'a space in a header name': 'X Header: a\r\n',
  'a NUL in a header name': 'X\0Header: a\r\n',
  'a NUL in a header value': 'X-Header: a\0b\r\n',
  'a control character in a header name': 'X\x01Header: a\r\n',
  'a header name in UTF-8': 'X-Überschrift: a\r\n',
  'a line that begins with a carriage return': '\rX-Header: a\r\n',
};

const illFormed = Object.entries(ILL_FORMED).map(([name, head]) => kind(`framing: ${name}`, NONSENSE, raw(head)));

/** Header lines that change nothing. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  'an unknown header': ['X-Header: a'],
  'a header without a value': ['X-Header:'],
  'a header of 8 kB': [`X-Header: ${'a'.repeat(8_192)}`],
  'a header value in Latin-1': ['X-Header: \u00fc\u00fc'],
  '1,000 headers': Array.from({ length: 1_000 }, (_none, at) => `X-${at}: a`),
  '500 cookies': Array.from({ length: 500 }, (_none, at) => `Set-Cookie: a${at}=b`),
  'a cookie for everybody': ['Set-Cookie: session=1; Domain=.; Path=/; Max-Age=99999999'],
  'a header called __proto__': ['__proto__: a', 'constructor: b', 'hasOwnProperty: c', 'toString: d'],
  'a second content type': ['Content-Type: text/html'],
  'an upgrade on offer': ['Upgrade: h2c', 'Connection: Upgrade'],
  'an alternative service': ['Alt-Svc: h3=":443"; ma=86400', 'Strict-Transport-Security: max-age=1'],
  'a date of 1970': ['Date: Thu, 01 Jan 1970 00:00:00 GMT'],
  'a date that is none': ['Date: yesterday'],
  'a refresh': ['Refresh: 0; url=http://127.0.0.1:1/'],
  'an age and an expiry': ['Age: 99999999', 'Expires: 0', 'Cache-Control: public, max-age=31536000'],
  'a location': ['Location: http://127.0.0.1:1/'],
  'a promise of trailers': ['Trailer: X-Trailer'],
  'keep-alive for ever': ['Connection: keep-alive', 'Keep-Alive: timeout=4294967295, max=0'],
  'keep-alive of nonsense': ['Keep-Alive: timeout=-1, timeout=x'],
  'proxy authentication': ['Proxy-Authenticate: Basic realm="a"', 'WWW-Authenticate: Negotiate'],
};

const harmless = Object.entries(HARMLESS).map(([name, lines]) => kind(`headers: ${name}`, ANSWER, withHeaders(lines)));

const lengths: readonly Kind[] = [
  kind('framing: the length twice', NONSENSE, ({ proper }) => [
    say(answer(proper.status, proper, [`Content-Length: ${sizeOf(proper)}`])),
  ]),
  kind('framing: the length with zeros before it', ANSWER, ({ proper }) => [
    say(
      `HTTP/1.1 ${proper.status} OK\r\nContent-Type: ${proper.type}\r\nContent-Length: 000${sizeOf(proper)}\r\n\r\n`,
      proper.body,
    ),
  ]),
  kind('framing: no length, and a hang-up', ANSWER, raw('', undefined, END)),
  kind('framing: no length, "Connection: close" and a hang-up', ANSWER, raw('Connection: close\r\n', undefined, END)),
  kind(
    'framing: no length, and silence',
    DOWN,
    raw('', ({ body }) => body || '{}'),
  ),
  kind('framing: a length too great, and a hang-up', DOWN, raw('Content-Length: 9000\r\n', undefined, END)),
  kind('framing: a length too great, and silence', DOWN, raw('Content-Length: 9000\r\n')),
  kind('framing: HTTP/1.0 without a length', ANSWER, ({ proper }) => [
    say(`HTTP/1.0 ${proper.status} OK\r\nContent-Type: ${proper.type}\r\n\r\n`, proper.body),
    END,
  ]),
  kind('framing: HTTP/1.0 in chunks', DOWN, ({ proper }) => [
    say(`HTTP/1.0 200 OK\r\nContent-Type: ${proper.type}\r\n${CHUNKED}\r\n`, chunk('{"a":1}')),
    END,
  ]),
];

const inChunks = (name: string, means: Kind['means'], bodyOf: (proper: Proper) => string, head = CHUNKED): Kind =>
  kind(`chunks: ${name}`, means, raw(head, bodyOf));
const LAST = '0\r\n\r\n';
const all = ({ body }: Proper, extension = ''): string => (body === '' ? '' : chunk(body, extension));

const chunks: readonly Kind[] = [
  inChunks('one', ANSWER, (proper) => `${all(proper)}${LAST}`),
  inChunks('one for each byte', ANSWER, ({ body }) => `${[...body].map((letter) => chunk(letter)).join('')}${LAST}`),
  inChunks('with an extension', ANSWER, (proper) => `${all(proper, ';a=b;c="d"')}${LAST}`),
  inChunks('with trailers', ANSWER, (proper) => `${all(proper)}0\r\nX-Trailer: a\r\nContent-Type: a/b\r\n\r\n`),
  inChunks('with a length as trailer', NONSENSE, (proper) => `${all(proper)}0\r\nContent-Length: 5\r\n\r\n`),
  inChunks('with a size of many zeros', ANSWER, ({ body }) => `${body && `0000${chunk(body)}`}${LAST}`),
  inChunks('announced twice', ANSWER, (proper) => `${all(proper)}${LAST}`, CHUNKED + CHUNKED),
  inChunks('beside a length', NONSENSE, (proper) => `${all(proper)}${LAST}`, `${CHUNKED}Content-Length: 5\r\n`),
  inChunks('after a length', NONSENSE, (proper) => `${all(proper)}${LAST}`, `Content-Length: 5\r\n${CHUNKED}`),
  ...Object.entries({
    'a size that is a word': 'many\r\n{}\r\n',
    'a negative size': '-2\r\n{}\r\n',
    'a size with a sign': '+2\r\n{}\r\n',
    'a size in 0x': '0x2\r\n{}\r\n',
    'a size beyond 64 bit': 'FFFFFFFFFFFFFFFFF\r\n{}\r\n',
    'no size': '\r\n{}\r\n',
    'a size that is too small': '2\r\n{"a":1}\r\n',
    'a space before the size': ' 2\r\n{}\r\n',
    'an extension with a NUL': '2;\0\r\n{}\r\n',
    'a body in plain': '{"a":1}',
  }).map(([name, body]) => inChunks(`with ${name}`, NONSENSE, () => `${body}${LAST}`)),
];

const CODINGS = ['gzip', 'identity', 'xchunked', 'chunked, gzip', 'chunked, identity', '"chunked"', 'chunked;q=1'];
/** Of revocation's answer the body does not count (RFC 7009 §2.2). */
const codings = CODINGS.map((coding) =>
  kind(
    `framing: transfer coding ${coding}`,
    { ...NONSENSE, revocation: 'answer' },
    raw(`Transfer-Encoding: ${coding}\r\n`, all, END),
  ),
);

export const framingKinds: readonly Kind[] = [...illFormed, ...harmless, ...lengths, ...chunks, ...codings];
