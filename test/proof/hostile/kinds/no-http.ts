import { again, json, withHeaders } from '../answers.ts';
import { say } from '../play.ts';
import { ANSWER, atBoth, DOWN, type Given, type Kind, NONSENSE } from './kind.ts';
import { kinds, plays } from './table.ts';

const beginsWith = (line: string, { proper: { type, body } }: Given): string =>
  `${line}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const withLineEnds = (end: string) => (given: Given) => again(given).toString('utf8').replaceAll('\r\n', end);

/** Frames that begin a connection of HTTP/2. */
export const HTTP2_FRAMES = Buffer.from('00001204000000000000030000008000040000ffff000500ffffff', 'hex');

export const noHttpKinds: readonly Kind[] = [
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
  ...plays('lines: *', ANSWER, { 'empty ones before the answer': (given) => [say('\r\n\r\n\r\n', again(given))] }),
  ...plays('lines: *', NONSENSE, {
    'that end in LF alone': withLineEnds('\n'),
    'that end in CR alone': withLineEnds('\r'),
    'a header folded over two': withHeaders(['X-Header: a\r\n b']),
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
  ...plays('two answers at once: *', ANSWER, {
    'both proper': (given) => [say(again(given), again(given))],
    'the second is a refusal': (given) => [say(again(given), json('{"error":"invalid_client"}', 400))],
  }),
  ...plays('two answers at once: *', atBoth('nonsense', 'answer'), {
    'garbage after the first': (given) => [say(again(given), 'garbage\r\n\r\n')],
  }),
];
