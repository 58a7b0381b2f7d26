import { again, answer, withHeaders } from '../answers.ts';
import { END, RESET, say } from '../play.ts';
import { ANSWER, atZitadel, DOWN, type Kind, NONSENSE } from './kind.ts';
import { kinds, named, plays, type Table } from './table.ts';

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
  return [
    ...kinds(
      `redirect: ${status} to *`,
      NONSENSE,
      (location) => page(status, [`Location: ${location}`]),
      Object.fromEntries(locations),
    ),
    ...plays(`redirect: ${status} *`, NONSENSE, {
      'to none': page(status),
      'with the proper body': withHeaders(['Location: /oauth/v2/token'], status),
    }),
  ];
});

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n';
const switching = (protocol: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

const OTHER_SUCCESS = { ...atZitadel('nonsense'), secret: 'answer', item: 'down', update: 'down' } as const;

/** By HTTP, these have no body. */
const NO_CONTENT = { ...atZitadel('nonsense'), secret: 'down' } as const;

const SUCCESSES = named([201, 202, 203, 206, 207, 208, 226, 250, 299]);

export const statusKinds: readonly Kind[] = [
  ...kinds('status: * with a page', DOWN, (status) => page(status), named(LATER)),
  ...kinds('status: * with a page', NONSENSE, (status) => page(status), named(NO)),
  // To AWS's SDK every 2xx is a success. RFC 6749 §5.1 allows 200 only, and so does the client of the table.
  ...kinds('status: * with the proper body', OTHER_SUCCESS, (status, given) => again(given, [], status), SUCCESSES),
  ...kinds('status: * without a body', NO_CONTENT, (status) => answer(status, { body: '' }), named([204, 205])),
  ...redirects,
  // Informational answers, which come before the one that counts.
  ...kinds('informational: *, then the answer', ANSWER, (said, given) => [say(said, again(given))], {
    100: CONTINUE,
    102: PROCESSING,
    '103 with a hint': HINTS,
    199: 'HTTP/1.1 199 Whatever\r\n\r\n',
    '100 a hundred times': CONTINUE.repeat(100),
    '103 with 200 hints': `HTTP/1.1 103 Early Hints\r\n${'Link: </a>\r\n'.repeat(200)}\r\n`,
  }),
  ...plays('informational: *', DOWN, {
    '100 and nothing more': CONTINUE,
    '103 and a hang-up': [say(HINTS), END],
    '102 and a break': [say(PROCESSING), RESET],
    '101 and another protocol': [say(switching('websocket'), Buffer.from([0x81, 0x05]), 'hello')],
  }),
  // AWS's SDK treats these two as the one before.
  ...plays('informational: *', atZitadel('down'), {
    '101 and a hang-up': [say(switching('websocket')), END],
    '101 to h2c': [say(switching('h2c'), Buffer.from('000000040000000000', 'hex'))],
  }),
  ...plays('status: 200 *', ANSWER, {
    'with another reason': withHeaders([], '200 Internal Server Error'),
    'without a reason': withHeaders([], '200 '),
    'with a reason of 8 kB': withHeaders([], `200 ${'x'.repeat(8_192)}`),
    'with a reason in UTF-8': withHeaders([], '200 très bien ✓'),
  }),
];
