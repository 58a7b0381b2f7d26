import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Given, Proper, Step } from '../play.ts';
import { again, answer, CHUNKED, drip, END, flood, head, json, nested, together, wait, withBody } from '../play.ts';
import type { Kind, Table } from './kind.ts';
import { ANSWER, atAws, atZitadel, DOWN, kinds, NO_BODY, NONSENSE, named, plays } from './kind.ts';

const KB = 1_024;
const MB = 1_024 * KB;

/** The proper JSON body, drawn out with spaces to a length. */
const padded = ({ body }: Proper, bytes: number): string => (body || '{}').padEnd(bytes, ' ');
const ofSize = (bytes: number, given: Given): Buffer => withBody(given, padded(given.proper, bytes));

/** The beginning of an answer in JSON. */
const JSON_ANSWER = { status: 200, type: 'application/json', body: '' };
const OK = 'HTTP/1.1 200 OK\r\n';

/** What is too much for ZITADEL's client has no limit in the SDK of AWS. */
const TOO_MUCH = { ...atZitadel('nonsense'), ...atAws('answer') };
const LENGTH_OF_100_MB = `Content-Length: ${100 * MB}`;
const flood100Mb = (before = '', after = ''): Step =>
  flood(before + 'a'.repeat(64 * KB) + after, (100 * MB) / (64 * KB));

const slowly = (bytes: string, times?: number): Step => drip(bytes, 250, times);
const FOR_EVER = Number.POSITIVE_INFINITY;

const after = (ms: number, given: Given): readonly Step[] => [wait(ms), again(given)];

/** Compressions; the broker asks for none, and undoes none. */
const COMPRESSIONS: Table<readonly [coding: string, compress: (bytes: Buffer) => Buffer]> = {
  gzip: ['gzip', gzipSync],
  deflate: ['deflate', deflateSync],
  'deflate without a head': ['deflate', deflateRawSync],
  br: ['br', brotliCompressSync],
  zstd: ['zstd', zstdCompressSync],
  'gzip, gzip': ['gzip, gzip', (bytes) => gzipSync(gzipSync(bytes))],
};
const BOMB = gzipSync(Buffer.alloc(50 * MB, ' '));

const SIZE: readonly Kind[] = [
  ...kinds('size: *', ANSWER, ofSize, { '192 kB to the byte': 192 * KB }),
  ...kinds('size: * bytes', TOO_MUCH, ofSize, named([192 * KB + 1, 256 * KB, MB, 10 * MB])),
  ...plays('size: 1 MB *', TOO_MUCH, {
    'in chunks': ({ proper }) => `${head(proper, CHUNKED)}100000\r\n${padded(proper, MB)}\r\n0\r\n\r\n`,
    'before a hang-up': ({ proper }) => [head(proper) + padded(proper, MB), END],
  }),
  ...plays('size: *', NONSENSE, {
    '100 MB': [head(JSON_ANSWER, LENGTH_OF_100_MB), flood100Mb()],
    '100 MB in chunks': [head(JSON_ANSWER, CHUNKED), flood100Mb('10000\r\n', '\r\n'), '0\r\n\r\n'],
    // "Down" and "too much" are both right: nobody reads on to tell.
    '100 MB with a status of 500': [
      `HTTP/1.1 500 Status\r\nContent-Type: text/plain\r\n${LENGTH_OF_100_MB}\r\n\r\n`,
      flood100Mb(),
    ],
  }),
  // What is sent first, and what is sent without an end.
  ...kinds<readonly [string, string]>('endless: *', NONSENSE, ([first, text]) => [first, flood(text, FOR_EVER)], {
    'a body without a length': [head(JSON_ANSWER), ' '.repeat(16 * KB)],
    chunks: [head(JSON_ANSWER, CHUNKED), `4000\r\n${' '.repeat(16 * KB)}\r\n`],
    'chunks of one byte': [head(JSON_ANSWER, CHUNKED), '1\r\n \r\n'.repeat(1_000)],
    'an extension of a chunk': [`${head(JSON_ANSWER, CHUNKED)}5;a=`, 'a'.repeat(16 * KB)],
    trailers: [`${head(JSON_ANSWER, CHUNKED)}2\r\n{}\r\n0\r\n`, 'X-Trailer: a\r\n'.repeat(1_000)],
    headers: [OK, 'X-Header: a\r\n'.repeat(1_000)],
    'one header': [`${OK}X-Header: `, 'a'.repeat(16 * KB)],
    'the name of a header': [`${OK}X`, 'a'.repeat(16 * KB)],
    'the reason': ['HTTP/1.1 200 ', 'a'.repeat(16 * KB)],
  }),
  // The same of what comes before an answer.
  ...kinds('endless: *', DOWN, (text) => [flood(text, FOR_EVER)], {
    'informational answers': 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100),
    'empty lines before the answer': '\r\n'.repeat(1_000),
  }),
  ...plays('slow: *', DOWN, {
    'the first line': [slowly('HTTP/1.1 200 All is well\r\n')],
    'a header': [OK, slowly('X-Header: abcdefghijk')],
    'headers without an end': [OK, slowly('a: b\r\n', FOR_EVER)],
    'the body': ({ proper }) => [head(proper, 'Content-Length: 1000'), slowly(' ', FOR_EVER)],
    'a body without a length': ({ proper }) => [head(proper), slowly(' ', FOR_EVER)],
    chunks: ({ proper }) => [head(proper, CHUNKED), slowly('1\r\n \r\n', FOR_EVER)],
    'the size of a chunk': ({ proper }) => [head(proper, CHUNKED), slowly('000000000000000000002\r\n')],
    'informational answers': [slowly('HTTP/1.1 102 Processing\r\n\r\n', FOR_EVER)],
  }),
  ...kinds('slow: * before the answer', atZitadel('answer'), after, { '2 s': 2_000 }),
  ...kinds('slow: * before the answer', DOWN, after, { '3.1 s': 3_100 }),
  ...kinds('slow: * before the answer', ANSWER, after, { '200 ms': 200 }),
  ...kinds(
    'compressed: *',
    NO_BODY,
    ([coding, compress], given) =>
      withBody(given, compress(Buffer.from(padded(given.proper, 2))), [`Content-Encoding: ${coding}`]),
    COMPRESSIONS,
  ),
  ...plays('compressed: *', NO_BODY, {
    'a bomb of 50 MB': json(BOMB, 200, ['Content-Encoding: gzip']),
    'a bomb in a bomb': json(gzipSync(BOMB), 200, ['Content-Encoding: gzip, gzip']),
    'gzip, though it does not say so': (given) => withBody(given, gzipSync(padded(given.proper, 2))),
    'gzip as transfer coding': ({ proper }) => [
      together(head(proper, 'Transfer-Encoding: gzip'), gzipSync(padded(proper, 2))),
      END,
    ],
  }),
  ...plays('compressed: *', ANSWER, {
    'not at all, though it says so': (given) => again(given, ['Content-Encoding: gzip']),
  }),
];

const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');

/** What is done to the proper JSON, so that it is not JSON any more. */
const SPOILERS: Table<(json: string) => string | Buffer> = {
  'nothing at all': () => '',
  'a space': () => ' ',
  'a line of zeros': () => Buffer.alloc(100),
  'a BOM before it': (json) => `\ufeff${json}`,
  'UTF-16, little end first': utf16,
  'UTF-16, big end first': (json) => utf16(json).swap16(),
  'UTF-32': (json) => Buffer.concat([...json].map((letter) => Buffer.from([letter.charCodeAt(0), 0, 0, 0]))),
  'a NUL after it': (json) => `${json}\0`,
  'a comma after it': (json) => `${json},`,
  'a comma at its end': (json) => json.replace(/\}$/, ',}'),
  'a second one after it': (json) => `${json}\n${json}`,
  'a comment in it': (json) => json.replace('{', '{/* a */'),
  'single quotes': (json) => json.replaceAll('"', "'"),
  'names without quotes': (json) => json.replace(/"(\w+)":/g, '$1:'),
  'a guard before it': (json) => `)]}',\n${json}`,
  'a call around it': (json) => `callback(${json});`,
  'its last brace missing': (json) => json.slice(0, -1),
  'its first half alone': (json) => json.slice(0, json.length >> 1),
  'a line break in a text': (json) => json.replace('{"', '{"a\nb":1,"'),
  'an escape that is none': (json) => json.replace('{"', '{"\\x41":1,"'),
  'an array around it': (json) => `[${json}]`,
  'a text around it': (json) => JSON.stringify(json),
  'an event stream': (json) => `data: ${json}\n\n`,
  multipart: (json) => `--a\r\nContent-Type: application/json\r\n\r\n${json}\r\n--a--\r\n`,
  base64: (json) => Buffer.from(json).toString('base64'),
  'url-encoded': (json) => encodeURIComponent(json),
};

const IN_ANOTHER_MEMBER = Buffer.from('{"x":"\xff\xfe\xc0\xaf",', 'latin1');

/** What is JSON all the same. */
const HARMLESS: Table<(json: string) => string | Buffer> = {
  'white space around it': (json) => `\r\n\t ${json} \r\n\t`,
  'a line for each member': (json) => json.replaceAll(',"', ',\n"'),
  'bytes that are not UTF-8 in another member': (json) =>
    Buffer.concat([IN_ANOTHER_MEMBER, Buffer.from(json.slice(1))]),
  'half an emoji in another member': (json) => json.replace('{', '{"x":"\\ud83d",'),
  'numbers beyond all bounds in another member': (json) => json.replace('{', '{"x":[1e999,-1e999,1e-999],'),
};

const OTHER_TYPES = [
  ...['text/html', 'text/plain', 'text/json', 'json', '*/*', ';', 'text/html; application/json'],
  ...['jwt', 'xml', 'javascript', 'x-www-form-urlencoded', 'octet-stream', 'jsonp', 'json-seq', 'jsonx'].map(
    (type) => `application/${type}`,
  ),
  ...['xapplication/json', 'multipart/form-data; boundary=a'],
];
const JSON_TYPES = [
  'application/json;charset=utf-8',
  'application/json ; charset=utf-16',
  'APPLICATION/JSON',
  'application/problem+json',
  'application/vnd.zitadel.v2+json; profile="a"',
  'application/json;;;',
];
/** The SDK of AWS ignores the content type. */
const OTHER_TYPE = { ...ANSWER, token: 'nonsense', introspection: 'nonsense' } as const;
const typed = (type: string | undefined, { proper: { status, body } }: Given): Buffer => answer(status, { type, body });

/** The proper body, or JSON in place of one that is empty. */
const something = ({ body }: Proper): string => (body.length > 2 ? body : '{"a":1}');

const dressed = (dress: (json: string) => string | Buffer, given: Given): Buffer =>
  withBody(given, given.proper.body.length > 2 ? dress(given.proper.body) : given.proper.body);

const JSON_BODY: readonly Kind[] = [
  ...kinds('JSON: *', NO_BODY, (spoil, given) => withBody(given, spoil(something(given.proper))), SPOILERS),
  // Whole bodies that are JSON, or nearly, and not an object.
  ...kinds('JSON: *', NO_BODY, (body, given) => withBody(given, body), {
    null: 'null',
    true: 'true',
    'a number': '42',
    'a text': '"access_token"',
    'an empty array': '[]',
    NaN: 'NaN',
    undefined: 'undefined',
    'an array 30,000 deep': nested(30_000),
    'arrays without an end': '['.repeat(60_000),
    'objects without an end': '{"a":'.repeat(12_000),
    'a long number': '9'.repeat(60_000),
    YAML: 'access_token: a\ntoken_type: Bearer\nexpires_in: 3600\n',
    'a form': 'access_token=a&token_type=Bearer&expires_in=3600',
    XML: '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><token>&b;</token>',
    'a page': '<!DOCTYPE html><title>Sign in to the network</title>',
    'a JWT': 'eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.',
    gRPC: '\0\0\0\0\x05hello',
  }),
  ...kinds('JSON: *', ANSWER, dressed, HARMLESS),
  ...kinds('content type: *', OTHER_TYPE, typed, { ...named(OTHER_TYPES), empty: '', none: undefined }),
  ...kinds('content type: *', ANSWER, typed, named(JSON_TYPES)),
];

/** What is too large, too slow, compressed, or not the JSON that it should be. */
export const bodyKinds: readonly Kind[] = [...SIZE, ...JSON_BODY];
