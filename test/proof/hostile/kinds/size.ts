import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { again, CHUNKED, head, json, withBody, withHeaders } from '../answers.ts';
import { drip, END, flood, type Proper, type Step, say, wait } from '../play.ts';
import { ANSWER, atAws, atZitadel, DOWN, type Given, type Kind, NO_BODY, NONSENSE } from './kind.ts';
import { kinds, named, plays, type Table } from './table.ts';

const KB = 1_024;
const MB = 1_024 * KB;

/** The proper JSON body, drawn out with spaces to a length. */
const padded = ({ body }: Proper, bytes: number): string => (body === '' ? '{}' : body).padEnd(bytes, ' ');
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

const after = (ms: number, given: Given): readonly Step[] => [wait(ms), say(again(given))];

type Compression = readonly [coding: string, compress: (bytes: Buffer) => Buffer];

/** Compressions; the broker asks for none, and undoes none. */
const COMPRESSIONS: Table<Compression> = {
  gzip: ['gzip', gzipSync],
  deflate: ['deflate', deflateSync],
  'deflate without a head': ['deflate', deflateRawSync],
  br: ['br', brotliCompressSync],
  zstd: ['zstd', zstdCompressSync],
  'gzip, gzip': ['gzip, gzip', (bytes) => gzipSync(gzipSync(bytes))],
};
const compressed = ([coding, compress]: Compression, given: Given): Buffer =>
  withBody(given, compress(Buffer.from(padded(given.proper, 2))), [`Content-Encoding: ${coding}`]);

let bomb: Buffer | undefined;
const makeBomb = (): Buffer => {
  bomb ??= gzipSync(Buffer.alloc(50 * MB, ' '));
  return bomb;
};

export const sizeKinds: readonly Kind[] = [
  ...kinds('size: *', ANSWER, ofSize, { '192 kB to the byte': 192 * KB }),
  ...kinds('size: * bytes', TOO_MUCH, ofSize, named([192 * KB + 1, 256 * KB, MB, 10 * MB])),
  ...plays('size: 1 MB *', TOO_MUCH, {
    'in chunks': ({ proper }) => `${head(proper, CHUNKED)}100000\r\n${padded(proper, MB)}\r\n0\r\n\r\n`,
    'before a hang-up': ({ proper }) => [say(head(proper), padded(proper, MB)), END],
  }),
  ...plays('size: *', NONSENSE, {
    '100 MB': () => [say(head(JSON_ANSWER, LENGTH_OF_100_MB)), flood100Mb()],
    '100 MB in chunks': () => [say(head(JSON_ANSWER, CHUNKED)), flood100Mb('10000\r\n', '\r\n'), say('0\r\n\r\n')],
    // "Down" and "too much" are both right: nobody reads on to tell.
    '100 MB with a status of 500': () => [
      say(`HTTP/1.1 500 Status\r\nContent-Type: text/plain\r\n${LENGTH_OF_100_MB}\r\n\r\n`),
      flood100Mb(),
    ],
  }),
  // What is sent first, and what is sent without an end.
  ...kinds<readonly [string, string]>('endless: *', NONSENSE, ([first, text]) => [say(first), flood(text, FOR_EVER)], {
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
    'a header': [say(OK), slowly('X-Header: abcdefghijk')],
    'headers without an end': [say(OK), slowly('a: b\r\n', FOR_EVER)],
    'the body': ({ proper }) => [say(head(proper, 'Content-Length: 1000')), slowly(' ', FOR_EVER)],
    'a body without a length': ({ proper }) => [say(head(proper)), slowly(' ', FOR_EVER)],
    chunks: ({ proper }) => [say(head(proper, CHUNKED)), slowly('1\r\n \r\n', FOR_EVER)],
    'the size of a chunk': ({ proper }) => [say(head(proper, CHUNKED)), slowly('000000000000000000002\r\n')],
    'informational answers': [slowly('HTTP/1.1 102 Processing\r\n\r\n', FOR_EVER)],
  }),
  ...kinds('slow: * before the answer', atZitadel('answer'), after, { '2 s': 2_000 }),
  ...kinds('slow: * before the answer', DOWN, after, { '3.1 s': 3_100 }),
  ...kinds('slow: * before the answer', ANSWER, after, { '200 ms': 200 }),
  ...kinds('compressed: *', NO_BODY, compressed, COMPRESSIONS),
  ...plays('compressed: *', NO_BODY, {
    'a bomb of 50 MB': () => json(makeBomb(), 200, ['Content-Encoding: gzip']),
    'a bomb in a bomb': () => json(gzipSync(makeBomb()), 200, ['Content-Encoding: gzip, gzip']),
    'gzip, though it does not say so': (given) => withBody(given, gzipSync(padded(given.proper, 2))),
    'gzip as transfer coding': ({ proper }) => [
      say(head(proper, 'Transfer-Encoding: gzip'), gzipSync(padded(proper, 2))),
      END,
    ],
  }),
  ...plays('compressed: *', ANSWER, { 'not at all, though it says so': withHeaders(['Content-Encoding: gzip']) }),
];
