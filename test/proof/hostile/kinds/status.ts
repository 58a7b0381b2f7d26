import { answer, END, RESET, say } from '../play.ts';
import { ANSWER, atZitadel, DOWN, type Kind, kind, NONSENSE, withHeaders } from './kind.ts';

const HTML = '<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Something</h1></body></html>';

/** A page, as proxies and portals give it. */
const page =
  (status: number, lines: readonly string[] = []): Kind['play'] =>
  () => [say(answer(status, { type: 'text/html; charset=utf-8', body: HTML }, lines))];

/** Statuses that say "later": 408, 429 and all of 5xx. */
const LATER = [408, 429, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 520, 521, 522, 523, 524, 525, 526, 527];
const LATER_STILL = [529, 530, 561, 598, 599];

/** Statuses that say that somebody else answers than ZITADEL's token endpoint. */
const NO = [
  400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425,
  426, 428, 431, 440, 444, 449, 451, 460, 494, 495, 496, 497, 498, 499,
];

const pages = [
  ...[...LATER, ...LATER_STILL].map((status) => kind(`status: ${status} with a page`, DOWN, page(status))),
  ...NO.map((status) => kind(`status: ${status} with a page`, NONSENSE, page(status))),
];

/** RFC 6749 §5.1 knows 200 alone, and so does the table's client. To AWS's SDK every 2xx is a success. */
const SUCCESSES = [201, 202, 203, 206, 207, 208, 226, 250, 299];
const others = SUCCESSES.map((status) =>
  kind(
    `status: ${status} with the proper body`,
    { ...atZitadel('nonsense'), secret: 'answer', item: 'down', update: 'down' },
    ({ proper }) => [say(answer(status, proper))],
  ),
);

/** Of these two HTTP says that they have no body. */
const empty = [204, 205].map((status) =>
  kind(`status: ${status} without a body`, { ...atZitadel('nonsense'), secret: 'down' }, () => [
    say(`HTTP/1.1 ${status} Status\r\nContent-Length: 0\r\n\r\n`),
  ]),
);

const LOCATIONS: Readonly<Record<string, string>> = {
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

const redirects = [300, 301, 302, 303, 304, 305, 306, 307, 308, 310, 399].flatMap((status) => {
  const named = Object.entries(LOCATIONS).filter((_entry, at) => status === 302 || at === status % 4);
  return [
    ...named.map(([to, location]) =>
      kind(`redirect: ${status} to ${to}`, NONSENSE, page(status, [`Location: ${location}`])),
    ),
    kind(`redirect: ${status} to none`, NONSENSE, page(status)),
    kind(`redirect: ${status} with the proper body`, NONSENSE, ({ proper }) => [
      say(answer(status, proper, ['Location: /oauth/v2/token'])),
    ]),
  ];
});

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

/** Informational answers come before the one that counts. */
const before = (name: string, said: string): Kind =>
  kind(`informational: ${name}, then the answer`, ANSWER, ({ proper }) => [say(said, answer(proper.status, proper))]);

const informational: readonly Kind[] = [
  before('100', CONTINUE),
  before('102', 'HTTP/1.1 102 Processing\r\n\r\n'),
  before('103 with a hint', HINTS),
  before('199', 'HTTP/1.1 199 Whatever\r\n\r\n'),
  before('100 a hundred times', CONTINUE.repeat(100)),
  before('103 with 200 hints', `HTTP/1.1 103 Early Hints\r\n${'Link: </a>\r\n'.repeat(200)}\r\n`),
  kind('informational: 100 and nothing more', DOWN, () => [say(CONTINUE)]),
  kind('informational: 103 and a hang-up', DOWN, () => [say(HINTS), END]),
  kind('informational: 102 and a break', DOWN, () => [say('HTTP/1.1 102 Processing\r\n\r\n'), RESET]),
  kind('informational: 101 and another protocol', DOWN, () => [say(SWITCH, Buffer.from([0x81, 0x05]), 'hello')]),
  // Of these two the SDK of AWS makes no more than of the one before.
  kind('informational: 101 and a hang-up', atZitadel('down'), () => [say(SWITCH), END]),
  kind('informational: 101 to h2c', atZitadel('down'), () => [
    say(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      Buffer.from('000000040000000000', 'hex'),
    ),
  ]),
];

const reasons = [
  kind('status: 200 with another reason', ANSWER, withHeaders([], '200 Internal Server Error')),
  kind('status: 200 without a reason', ANSWER, withHeaders([], '200 ')),
  kind('status: 200 with a reason of 8 kB', ANSWER, withHeaders([], `200 ${'x'.repeat(8_192)}`)),
  kind('status: 200 with a reason in UTF-8', ANSWER, withHeaders([], '200 très bien ✓')),
];

export const statusKinds: readonly Kind[] = [...pages, ...others, ...empty, ...redirects, ...informational, ...reasons];
