import type { Given, Proper, Step } from '../play.ts';
import { again, answer, CHUNKED, END, head, json, RESET, together } from '../play.ts';
import type { Kind, Play, Table } from './kind.ts';
import { ANSWER, atBoth, atZitadel, DOWN, kinds, NO_BODY, NONSENSE, named, plays } from './kind.ts';

/** How a server ends a connection, or does not. */
const ENDINGS: Table<readonly Step[]> = { 'and hangs up': [END], 'and breaks off': [RESET], 'and falls silent': [] };

const endOfHead = (whole: Buffer): number => whole.indexOf('\r\n\r\n');

/** How many bytes are sent of an answer with a length. */
const STAGES: Table<(whole: Buffer) => number> = {
  'one letter': () => 1,
  'the version': () => 'HTTP/1.1'.length,
  'half of the status': () => 'HTTP/1.1 2'.length,
  'the status': () => 'HTTP/1.1 200'.length,
  'the first line': (whole) => whole.indexOf('\r\n'),
  'the first line and its end': (whole) => whole.indexOf('\r\n') + 2,
  'half of a header name': (whole) => whole.indexOf('\r\n') + 6,
  'half of a header value': (whole) => whole.indexOf(': ') + 5,
  'one header': (whole) => whole.indexOf('\r\n', whole.indexOf(': ')) + 2,
  'the headers without their end': (whole) => endOfHead(whole) + 2,
  'half of the end of the headers': (whole) => endOfHead(whole) + 3,
  'the headers': (whole) => endOfHead(whole) + 4,
  'one byte of the body': (whole) => endOfHead(whole) + 5,
  'half of the body': (whole) => (endOfHead(whole) + 4 + whole.length) >> 1,
  'all but the last byte': (whole) => whole.length - 1,
};

/** The body of a revocation's answer is empty and is ignored, but not that it is cut. */
const cut = ({ proper }: Given, lengthOf: (whole: Buffer) => number): Buffer => {
  const whole = answer(proper.status, { ...proper, body: proper.body || '{"a":1}' });
  return whole.subarray(0, lengthOf(whole));
};

/** What is sent of a body in chunks. */
const CHUNK_STAGES: Table<string> = {
  'half of a chunk size': '1',
  'a chunk size without its end': '10',
  'a chunk size': '10\r\n',
  'half of a chunk': '10\r\n{"a":',
  'a chunk without its end': '10\r\n{"a":1111111111}',
  'a chunk': '10\r\n{"a":1111111111}\r\n',
  'the last chunk without its end': '10\r\n{"a":1111111111}\r\n0',
  'the last chunk and one line end': '10\r\n{"a":1111111111}\r\n0\r\n',
  'half of a trailer': '10\r\n{"a":1111111111}\r\n0\r\nX-Tra',
  'a trailer': '10\r\n{"a":1111111111}\r\n0\r\nX-Trailer: a\r\n',
};

const CONNECTION: readonly Kind[] = [
  ...plays('connection: is taken *', DOWN, ENDINGS, { greets: true }),
  ...plays('connection: takes the request *', DOWN, ENDINGS),
  ...Object.entries(ENDINGS).flatMap(([ending, steps]) => [
    ...kinds(`cut: says * ${ending}`, DOWN, (lengthOf, given) => [cut(given, lengthOf), ...steps], STAGES),
    ...kinds(
      `cut in chunks: says * ${ending}`,
      DOWN,
      (body, { proper }) => [head(proper, CHUNKED) + body, ...steps],
      CHUNK_STAGES,
    ),
  ]),
];

const PAGE = '<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Something</h1></body></html>';
const page = (status: number, lines: readonly string[] = []): Buffer =>
  answer(status, { type: 'text/html; charset=utf-8', body: PAGE }, lines);

/** Statuses that say "later": 408, 429 and all of 5xx. */
const LATER = [
  408, 429, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530,
  561, 598, 599,
];

/** Statuses that say that something other than ZITADEL's token endpoint answers. */
const NO = [
  400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425,
  426, 428, 431, 440, 444, 449, 451, 460, 494, 495, 496, 497, 498, 499,
];

const LOCATIONS: Table<string> = {
  'the same place': '/oauth/v2/token',
  'another host': 'http://127.0.0.1:1/',
  'a longer way round': '/a/../b/./oauth/v2/token?x=1#y',
  'a file': 'file:///etc/passwd',
  'a script': 'javascript:alert(1)',
  'data in itself': 'data:application/json,{"access_token":"a","token_type":"Bearer","expires_in":60}',
  'the metadata service': 'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
  'no address at all': 'http://[',
  nowhere: '',
};

/** To all locations with 302, to some with each of the others. */
const redirects = [300, 301, 302, 303, 304, 305, 306, 307, 308, 310, 399].flatMap((status) => {
  const locations = Object.entries(LOCATIONS).filter((_entry, at) => status === 302 || at === status % 4);
  const to = (location: string): Buffer => page(status, [`Location: ${location}`]);
  return [
    ...kinds(`redirect: ${status} to *`, NONSENSE, to, Object.fromEntries(locations)),
    ...plays(`redirect: ${status} *`, NONSENSE, {
      'to none': page(status),
      'with the proper body': (given) => again(given, ['Location: /oauth/v2/token'], status),
    }),
  ];
});

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n';
const switching = (protocol: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

/** To AWS's SDK every 2xx is a success. RFC 6749 §5.1 allows 200 only, and so does the client of the table. */
const OTHER_SUCCESS = { ...NONSENSE, secret: 'answer' } as const;
/** By HTTP, these have no body. */
const NO_CONTENT = { ...atZitadel('nonsense'), secret: 'down' } as const;
const SUCCESSES = named([201, 202, 203, 206, 207, 208, 226, 250, 299]);

const STATUS: readonly Kind[] = [
  ...kinds('status: * with a page', DOWN, (status) => page(status), named(LATER)),
  ...kinds('status: * with a page', NONSENSE, (status) => page(status), named(NO)),
  ...kinds('status: * with the proper body', OTHER_SUCCESS, (status, given) => again(given, [], status), SUCCESSES),
  ...kinds('status: * without a body', NO_CONTENT, (status) => answer(status, { body: '' }), named([204, 205])),
  ...redirects,
  // Informational answers, which come before the one that counts.
  ...kinds('informational: *, then the answer', ANSWER, (said, given) => together(said, again(given)), {
    100: CONTINUE,
    102: PROCESSING,
    '103 with a hint': HINTS,
    199: 'HTTP/1.1 199 Whatever\r\n\r\n',
    '100 a hundred times': CONTINUE.repeat(100),
    '103 with 200 hints': `HTTP/1.1 103 Early Hints\r\n${'Link: </a>\r\n'.repeat(200)}\r\n`,
  }),
  ...plays('informational: *', DOWN, {
    '100 and nothing more': CONTINUE,
    '103 and a hang-up': [HINTS, END],
    '102 and a break': [PROCESSING, RESET],
    '101 and another protocol': together(switching('websocket'), Buffer.from([0x81, 0x05]), 'hello'),
  }),
  // AWS's SDK treats these two as the one before.
  ...plays('informational: *', atZitadel('down'), {
    '101 and a hang-up': [switching('websocket'), END],
    '101 to h2c': together(switching('h2c'), Buffer.from('000000040000000000', 'hex')),
  }),
  ...kinds('status: 200 *', ANSWER, (reason, given) => again(given, [], `200${reason}`), {
    'with another reason': ' Internal Server Error',
    'without a reason': ' ',
    'with a reason of 8 kB': ` ${'x'.repeat(8_192)}`,
    'with a reason in UTF-8': ' très bien ✓',
  }),
];

const sizeOf = ({ body }: Proper): number => Buffer.byteLength(body);
const asHttp10 = (text: string): string => text.replace('HTTP/1.1', 'HTTP/1.0');

/** Header lines of one's own before the proper body, and what follows. */
const raw =
  (lines: readonly string[], ...steps: readonly Step[]): Play =>
  ({ proper }) => [head(proper, ...lines) + proper.body, ...steps];

const chunk = (text: string, extension = ''): string =>
  `${Buffer.byteLength(text).toString(16)}${extension}\r\n${text}\r\n`;
const all = ({ body }: Proper, extension = ''): string => (body === '' ? '' : chunk(body, extension));
const LAST = '0\r\n\r\n';
const allInChunks = (proper: Proper): string => all(proper) + LAST;
const inChunks = (bodyOf: (proper: Proper) => string, { proper }: Given): string =>
  head(proper, CHUNKED) + bodyOf(proper);

const coded = (coding: string, { proper }: Given): readonly Step[] => [
  head(proper, `Transfer-Encoding: ${coding}`) + all(proper),
  END,
];
const CODINGS = ['gzip', 'identity', 'xchunked', 'chunked, gzip', 'chunked, identity', '"chunked"', 'chunked;q=1'];

const FRAMING: readonly Kind[] = [
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
    'HTTP/1.0 without a length': ({ proper }) => [asHttp10(head(proper)) + proper.body, END],
  }),
  ...plays('framing: *', DOWN, {
    'no length, and silence': ({ proper }) => head(proper) + (proper.body || '{}'),
    'a length too great, and a hang-up': raw(['Content-Length: 9000'], END),
    'a length too great, and silence': raw(['Content-Length: 9000']),
    'HTTP/1.0 in chunks': ({ proper }) => [asHttp10(head(proper, CHUNKED)) + chunk('{"a":1}'), END],
  }),
  ...kinds('chunks: *', ANSWER, inChunks, {
    one: allInChunks,
    'one for each byte': ({ body }) => [...body].map((letter) => chunk(letter)).join('') + LAST,
    'with an extension': (proper) => all(proper, ';a=b;c="d"') + LAST,
    'with trailers': (proper) => `${all(proper)}0\r\nX-Trailer: a\r\nContent-Type: a/b\r\n\r\n`,
    'with a size of many zeros': ({ body }) => (body && `0000${chunk(body)}`) + LAST,
  }),
  ...plays('chunks: *', ANSWER, {
    'announced twice': ({ proper }) => head(proper, CHUNKED, CHUNKED) + allInChunks(proper),
  }),
  ...plays('chunks: *', NONSENSE, {
    'with a length as trailer': ({ proper }) => `${head(proper, CHUNKED)}${all(proper)}0\r\nContent-Length: 5\r\n\r\n`,
    'beside a length': ({ proper }) => head(proper, CHUNKED, 'Content-Length: 5') + allInChunks(proper),
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

const beginsWith = (line: string, { proper }: Given): string =>
  `${line}\r\nContent-Type: ${proper.type}\r\nContent-Length: ${sizeOf(proper)}\r\n\r\n${proper.body}`;
const withLineEnds = (end: string) => (given: Given) => again(given).toString('utf8').replaceAll('\r\n', end);

/** Frames that begin a connection of HTTP/2. */
export const HTTP2_FRAMES = Buffer.from('00001204000000000000030000008000040000ffff000500ffffff', 'hex');

const NO_HTTP: readonly Kind[] = [
  // First lines that no HTTP/1.1 server sends.
  ...kinds('first line: *', NONSENSE, beginsWith, {
    'a lower-case name': 'http/1.1 200 OK',
    'a radio': 'ICY 200 OK',
    'version 3.7': 'HTTP/3.7 200 OK',
    'no version': 'HTTP 200 OK',
    'a status of two digits': 'HTTP/1.1 20 OK',
    'a status of four digits': 'HTTP/1.1 2000 OK',
    'a negative status': 'HTTP/1.1 -200 OK',
    'a status that is a word': 'HTTP/1.1 OK 200',
    'no status': 'HTTP/1.1  OK',
    'two spaces': 'HTTP/1.1  200 OK',
    'a space before it': ' HTTP/1.1 200 OK',
    'a tab in it': 'HTTP/1.1\t200 OK',
    'a request': 'POST /oauth/v2/token HTTP/1.1',
  }),
  // First lines that Node's parser accepts: their meaning is plain.
  ...kinds('first line: *', ANSWER, beginsWith, {
    'another protocol': 'RTSP/1.0 200 OK',
    'version 2.0': 'HTTP/2.0 200 OK',
    'a NUL in the reason': 'HTTP/1.1 200 O\0K',
  }),
  ...plays('lines: *', ANSWER, { 'empty ones before the answer': (given) => together('\r\n\r\n\r\n', again(given)) }),
  ...plays('lines: *', NONSENSE, {
    'that end in LF alone': withLineEnds('\n'),
    'that end in CR alone': withLineEnds('\r'),
    'a header folded over two': (given) => again(given, ['X-Header: a\r\n b']),
  }),
  // Whole texts that are not HTTP.
  ...plays('no HTTP: *', NONSENSE, {
    'the request itself': ({ sent }) => Buffer.from(`${sent.head}\r\n\r\n${sent.body}`, 'latin1'),
    'a greeting of SSH': 'SSH-2.0-OpenSSH_9.6\r\n',
    'a greeting of SMTP': '220 mail.example ESMTP ready\r\n',
    'a greeting of MySQL': Buffer.from('4a0000000a382e302e33350008000000', 'hex'),
    'an answer of Redis': "-ERR unknown command 'POST'\r\n",
    'an alert of TLS': Buffer.from('15030300020228', 'hex'),
    'frames of HTTP/2': HTTP2_FRAMES,
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'JSON without HTTP': '{"access_token":"a","token_type":"Bearer","expires_in":3600}\r\n\r\n',
    'HTML without HTTP': '<html><body>hello</body></html>\r\n\r\n',
    'an answer of HTTP/0.9': 'hello\r\n\r\n',
    'bytes of zero': Buffer.alloc(1_000),
    'bytes of 0xff': Buffer.alloc(1_000, 0xff),
    'random bytes': Buffer.from(Array.from({ length: 1_000 }, (_none, at) => (at * 7_919 + 13) % 251)),
    'UTF-16': Buffer.from('\ufeffHTTP/1.1 200 OK\r\n\r\n', 'utf16le'),
    'a BOM and an answer': '\ufeffHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  }),
  // Empty lines before an answer are allowed: nothing has been said yet.
  ...plays('no HTTP: *', DOWN, { 'line feeds without an end': '\n'.repeat(1_000) }),
  ...kinds('two answers at once: *', ANSWER, (second, given) => together(again(given), second(given)), {
    'both proper': again,
    'the second is a refusal': () => json('{"error":"invalid_client"}', 400),
  }),
  ...plays('two answers at once: *', atBoth('nonsense', 'answer'), {
    'garbage after the first': (given) => together(again(given), 'garbage\r\n\r\n'),
  }),
];

/** What breaks the rules of HTTP, or follows them in an odd way, whatever the body says. */
export const wireKinds: readonly Kind[] = [...CONNECTION, ...STATUS, ...FRAMING, ...NO_HTTP];
