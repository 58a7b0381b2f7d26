import { again, CHUNKED, head } from '../answers.ts';
import { END, type Proper, type Step, say } from '../play.ts';
import { ANSWER, DOWN, type Given, type Kind, NO_BODY, NONSENSE } from './kind.ts';
import { kinds, named, type Play, plays } from './table.ts';

/** Header lines of one's own before the proper body. */
const raw =
  (lines: readonly string[], ...steps: readonly Step[]): Play =>
  ({ proper }) => [say(head(proper, ...lines), proper.body), ...steps];

const sizeOf = ({ body }: Proper): number => Buffer.byteLength(body);
const asHttp10 = (text: string): string => text.replace('HTTP/1.1', 'HTTP/1.0');

const chunk = (text: string, extension = ''): string =>
  `${Buffer.byteLength(text).toString(16)}${extension}\r\n${text}\r\n`;
const all = ({ body }: Proper, extension = ''): string => (body === '' ? '' : chunk(body, extension));
const LAST = '0\r\n\r\n';
const inChunks =
  (bodyOf: (proper: Proper) => string, ...lines: readonly string[]): Play =>
  ({ proper }) =>
    head(proper, CHUNKED, ...lines) + bodyOf(proper);
const allInChunks = (proper: Proper): string => all(proper) + LAST;

const coded = (coding: string, { proper }: Given): readonly Step[] => [
  say(head(proper, `Transfer-Encoding: ${coding}`), all(proper)),
  END,
];
const CODINGS = ['gzip', 'identity', 'xchunked', 'chunked, gzip', 'chunked, identity', '"chunked"', 'chunked;q=1'];

export const framingKinds: readonly Kind[] = [
  // Header lines of which none can be an answer.
  ...kinds('framing: *', NONSENSE, (line, { proper }) => head(proper, line) + proper.body, {
    'a negative length': 'Content-Length: -5',
    'a length that is a word': 'Content-Length: many',
    'a length with a fraction': 'Content-Length: 5.5',
    'a length in hex': 'Content-Length: 0x20',
    'a length with a sign': 'Content-Length: +5',
    'two lengths in a list': 'Content-Length: 5, 6',
    'two lengths that differ': 'Content-Length: 5\r\nContent-Length: 6',
    'a length beyond 64 bit': `Content-Length: ${'9'.repeat(30)}`,
    'a header line without a colon': 'this is no header',
    'a header line without a name': ': value',
    'a space in a header name': 'X Header: a',
    'a NUL in a header name': 'X\0Header: a',
    'a NUL in a header value': 'X-Header: a\0b',
    'a control character in a header name': 'X\x01Header: a',
    'a header name in UTF-8': 'X-Überschrift: a',
    'a line that begins with a carriage return': '\rX-Header: a',
  }),
  // Header lines that change nothing.
  ...kinds('headers: *', ANSWER, (lines, given) => again(given, lines), {
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
  }),
  ...plays('framing: *', NONSENSE, {
    'the length twice': (given) => again(given, [`Content-Length: ${sizeOf(given.proper)}`]),
  }),
  ...plays('framing: *', ANSWER, {
    'the length with zeros before it': ({ proper }) =>
      head(proper, `Content-Length: 000${sizeOf(proper)}`) + proper.body,
    'no length, and a hang-up': raw([], END),
    'no length, "Connection: close" and a hang-up': raw(['Connection: close'], END),
    'HTTP/1.0 without a length': ({ proper }) => [say(asHttp10(head(proper)), proper.body), END],
  }),
  ...plays('framing: *', DOWN, {
    'no length, and silence': ({ proper }) => head(proper) + (proper.body || '{}'),
    'a length too great, and a hang-up': raw(['Content-Length: 9000'], END),
    'a length too great, and silence': raw(['Content-Length: 9000']),
    'HTTP/1.0 in chunks': ({ proper }) => [say(asHttp10(head(proper, CHUNKED)), chunk('{"a":1}')), END],
  }),
  ...plays('chunks: *', ANSWER, {
    one: inChunks(allInChunks),
    'one for each byte': inChunks(({ body }) => [...body].map((letter) => chunk(letter)).join('') + LAST),
    'with an extension': inChunks((proper) => all(proper, ';a=b;c="d"') + LAST),
    'with trailers': inChunks((proper) => `${all(proper)}0\r\nX-Trailer: a\r\nContent-Type: a/b\r\n\r\n`),
    'with a size of many zeros': inChunks(({ body }) => (body && `0000${chunk(body)}`) + LAST),
    'announced twice': inChunks(allInChunks, CHUNKED),
  }),
  ...plays('chunks: *', NONSENSE, {
    'with a length as trailer': inChunks((proper) => `${all(proper)}0\r\nContent-Length: 5\r\n\r\n`),
    'beside a length': inChunks(allInChunks, 'Content-Length: 5'),
    'after a length': ({ proper }) => head(proper, 'Content-Length: 5', CHUNKED) + allInChunks(proper),
  }),
  // Chunks that cannot be read.
  ...kinds('chunks: with *', NONSENSE, (body, { proper }) => head(proper, CHUNKED) + body + LAST, {
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
  }),
  ...kinds('framing: transfer coding *', NO_BODY, coded, named(CODINGS)),
];
