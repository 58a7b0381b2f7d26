import { answer, type Proper, say } from '../play.ts';
import { ANSWER, atAws, DOWN, type Given, type Kind, kind, NONSENSE, withHeaders } from './kind.ts';

const sizeOf = ({ body }: Proper): number => Buffer.byteLength(body);

const beginsWith =
  (line: string): Kind['play'] =>
  ({ proper }) => [
    say(`${line}\r\nContent-Type: ${proper.type}\r\nContent-Length: ${sizeOf(proper)}\r\n\r\n`, proper.body),
  ];

/** First lines that no HTTP/1.1 server says. */
const FIRST_LINES: Readonly<Record<string, string>> = {
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
};
/** First lines that Node's parser lets pass: what is meant is plain. */
const ODD_FIRST_LINES: Readonly<Record<string, string>> = {
  'another protocol': 'RTSP/1.0 200 OK',
  'version 2.0': 'HTTP/2.0 200 OK',
  'a NUL in the reason': 'HTTP/1.1 200 O\0K',
};

const firstLines = [
  ...Object.entries(FIRST_LINES).map(([name, line]) => kind(`first line: ${name}`, NONSENSE, beginsWith(line))),
  ...Object.entries(ODD_FIRST_LINES).map(([name, line]) => kind(`first line: ${name}`, ANSWER, beginsWith(line))),
];

const lineEnds: readonly Kind[] = [
  kind('lines: empty ones before the answer', ANSWER, ({ proper }) => [
    say('\r\n\r\n\r\n', answer(proper.status, proper)),
  ]),
  kind('lines: that end in LF alone', NONSENSE, ({ proper }) => [
    say(answer(proper.status, proper).toString('utf8').replaceAll('\r\n', '\n')),
  ]),
  kind('lines: that end in CR alone', NONSENSE, ({ proper }) => [
    say(answer(proper.status, proper).toString('utf8').replaceAll('\r\n', '\r')),
  ]),
  kind('lines: a header folded over two', NONSENSE, withHeaders(['X-Header: a\r\n b'])),
];

/** Whole texts that are no HTTP. */
const TEXTS: Readonly<Record<string, string | Buffer>> = {
  'a greeting of SSH': 'SSH-2.0-OpenSSH_9.6\r\n',
  'a greeting of SMTP': '220 mail.example ESMTP ready\r\n',
  'a greeting of MySQL': Buffer.from('4a0000000a382e302e33350008000000', 'hex'),
  'an answer of Redis': "-ERR unknown command 'POST'\r\n",
  'an alert of TLS': Buffer.from('15030300020228', 'hex'),
  'frames of HTTP/2': Buffer.from('00001204000000000000030000008000040000ffff000500ffffff', 'hex'),
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'JSON without HTTP': '{"access_token":"a","token_type":"Bearer","expires_in":3600}\r\n\r\n',
  'HTML without HTTP': '<html><body>hello</body></html>\r\n\r\n',
  'an answer of HTTP/0.9': 'hello\r\n\r\n',
  'bytes of zero': Buffer.alloc(1_000),
  'bytes of 0xff': Buffer.alloc(1_000, 0xff),
  'random bytes': Buffer.from(Array.from({ length: 1_000 }, (_none, at) => (at * 7_919 + 13) % 251)),
  'UTF-16': Buffer.from('\ufeffHTTP/1.1 200 OK\r\n\r\n', 'utf16le'),
  'a BOM and an answer': '\ufeffHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'line feeds without an end': '\n'.repeat(1_000),
};

const texts = Object.entries(TEXTS).map(([name, text]) => {
  // Empty lines before an answer are allowed: nothing has been said yet.
  const means = name.startsWith('line feeds') ? DOWN : NONSENSE;
  return kind(`no HTTP: ${name}`, means, () => [say(text)]);
});

const echo = ({ sent }: Given): string => `${sent.head}\r\n\r\n${sent.body}`;

const repeated: readonly Kind[] = [
  kind('no HTTP: the request itself', NONSENSE, (given) => [say(Buffer.from(echo(given), 'latin1'))]),
  kind('two answers at once: both proper', ANSWER, ({ proper }) => {
    const whole = answer(proper.status, proper);
    return [say(whole, whole)];
  }),
  kind('two answers at once: the second is a refusal', ANSWER, ({ proper }) => [
    say(answer(proper.status, proper), answer(400, { type: 'application/json', body: '{"error":"invalid_client"}' })),
  ]),
  kind('two answers at once: garbage after the first', { ...NONSENSE, ...atAws('answer') }, ({ proper }) => [
    say(answer(proper.status, proper), 'garbage\r\n\r\n'),
  ]),
];

export const noHttpKinds: readonly Kind[] = [...firstLines, ...lineEnds, ...texts, ...repeated];
