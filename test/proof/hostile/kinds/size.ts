import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { answer, drip, END, flood, type Proper, say } from '../play.ts';
import { ANSWER, atAws, atZitadel, DOWN, type Kind, kind, NONSENSE } from './kind.ts';

const KB = 1_024;
const MB = 1_024 * KB;

/** A proper JSON body, drawn out with spaces to a length. */
const padded = ({ body }: Proper, bytes: number): string => (body === '' ? '{}' : body).padEnd(bytes, ' ');
const head = (type: string, ...lines: readonly string[]): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

/** What is too much for ZITADEL's client has no limit in the SDK of AWS. */
const TOO_MUCH: Kind['means'] = { ...atZitadel('nonsense'), ...atAws('answer') };

const sizes: readonly Kind[] = [
  kind('size: 64 kB to the byte', ANSWER, ({ proper }) => [
    say(answer(proper.status, { ...proper, body: padded(proper, 64 * KB) })),
  ]),
  ...[64 * KB + 1, 128 * KB, MB, 10 * MB].map((bytes) =>
    kind(`size: ${bytes} bytes`, TOO_MUCH, ({ proper }) => [
      say(answer(proper.status, { ...proper, body: padded(proper, bytes) })),
    ]),
  ),
  kind('size: 1 MB in chunks', TOO_MUCH, ({ proper }) => [
    say(head(proper.type, 'Transfer-Encoding: chunked'), `100000\r\n${padded(proper, MB)}\r\n0\r\n\r\n`),
  ]),
  kind('size: 1 MB before a hang-up', TOO_MUCH, ({ proper }) => [say(head(proper.type), padded(proper, MB)), END]),
  kind('size: 100 MB', NONSENSE, () => [
    say(head('application/json', `Content-Length: ${100 * MB}`)),
    flood('a'.repeat(64 * KB), (100 * MB) / (64 * KB)),
  ]),
  kind('size: 100 MB in chunks', NONSENSE, () => [
    say(head('application/json', 'Transfer-Encoding: chunked')),
    flood(`10000\r\n${'a'.repeat(64 * KB)}\r\n`, (100 * MB) / (64 * KB)),
    say('0\r\n\r\n'),
  ]),
  // Both cells would do, down and too much: nobody reads on to tell.
  kind('size: 100 MB with a status of 500', NONSENSE, () => [
    say(`HTTP/1.1 500 Status\r\nContent-Type: text/plain\r\nContent-Length: ${100 * MB}\r\n\r\n`),
    flood('a'.repeat(64 * KB), (100 * MB) / (64 * KB)),
  ]),
];

const endless: readonly Kind[] = [
  kind('endless: a body without a length', NONSENSE, () => [
    say(head('application/json')),
    flood(' '.repeat(16 * KB), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: chunks', NONSENSE, () => [
    say(head('application/json', 'Transfer-Encoding: chunked')),
    flood(`4000\r\n${' '.repeat(16 * KB)}\r\n`, Number.POSITIVE_INFINITY),
  ]),
  kind('endless: chunks of one byte', NONSENSE, () => [
    say(head('application/json', 'Transfer-Encoding: chunked')),
    flood('1\r\n \r\n'.repeat(1_000), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: an extension of a chunk', NONSENSE, () => [
    say(head('application/json', 'Transfer-Encoding: chunked'), '5;a='),
    flood('a'.repeat(16 * KB), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: trailers', NONSENSE, () => [
    say(head('application/json', 'Transfer-Encoding: chunked'), '2\r\n{}\r\n0\r\n'),
    flood('X-Trailer: a\r\n'.repeat(1_000), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: headers', NONSENSE, () => [
    say('HTTP/1.1 200 OK\r\n'),
    flood('X-Header: a\r\n'.repeat(1_000), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: one header', NONSENSE, () => [
    say('HTTP/1.1 200 OK\r\nX-Header: '),
    flood('a'.repeat(16 * KB), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: the name of a header', NONSENSE, () => [
    say('HTTP/1.1 200 OK\r\nX'),
    flood('a'.repeat(16 * KB), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: the reason', NONSENSE, () => [
    say('HTTP/1.1 200 '),
    flood('a'.repeat(16 * KB), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: informational answers', DOWN, () => [
    flood('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100), Number.POSITIVE_INFINITY),
  ]),
  kind('endless: empty lines before the answer', DOWN, () => [flood('\r\n'.repeat(1_000), Number.POSITIVE_INFINITY)]),
];

const SLOWLY_MS = 250;
const slow: readonly Kind[] = [
  kind('slow: the first line', DOWN, () => [drip('HTTP/1.1 200 All is well\r\n', SLOWLY_MS)]),
  kind('slow: a header', DOWN, () => [say('HTTP/1.1 200 OK\r\n'), drip('X-Header: abcdefghijk', SLOWLY_MS)]),
  kind('slow: headers without an end', DOWN, () => [
    say('HTTP/1.1 200 OK\r\n'),
    drip('a: b\r\n', SLOWLY_MS, Number.POSITIVE_INFINITY),
  ]),
  kind('slow: the body', DOWN, ({ proper }) => [
    say(head(proper.type, 'Content-Length: 1000')),
    drip(' ', SLOWLY_MS, Number.POSITIVE_INFINITY),
  ]),
  kind('slow: a body without a length', DOWN, ({ proper }) => [
    say(head(proper.type)),
    drip(' ', SLOWLY_MS, Number.POSITIVE_INFINITY),
  ]),
  kind('slow: chunks', DOWN, ({ proper }) => [
    say(head(proper.type, 'Transfer-Encoding: chunked')),
    drip('1\r\n \r\n', SLOWLY_MS, Number.POSITIVE_INFINITY),
  ]),
  kind('slow: the size of a chunk', DOWN, ({ proper }) => [
    say(head(proper.type, 'Transfer-Encoding: chunked')),
    drip('000000000000000000002\r\n', SLOWLY_MS),
  ]),
  kind('slow: informational answers', DOWN, () => [
    drip('HTTP/1.1 102 Processing\r\n\r\n', SLOWLY_MS, Number.POSITIVE_INFINITY),
  ]),
  kind('slow: 2 s before the answer', { ...atZitadel('answer') }, ({ proper }) => [
    { does: 'wait', ms: 2_000 },
    say(answer(proper.status, proper)),
  ]),
  kind('slow: 3.1 s before the answer', DOWN, ({ proper }) => [
    { does: 'wait', ms: 3_100 },
    say(answer(proper.status, proper)),
  ]),
  kind('slow: 200 ms before the answer', ANSWER, ({ proper }) => [
    { does: 'wait', ms: 200 },
    say(answer(proper.status, proper)),
  ]),
];

/** Nobody asked for compression, and nobody undoes it. */
const COMPRESSIONS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  'deflate without a head': deflateRawSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  'gzip, gzip': (bytes) => gzipSync(gzipSync(bytes)),
};

const compressed = Object.entries(COMPRESSIONS).map(([coding, compress]) =>
  kind(`compressed: ${coding}`, { ...NONSENSE, revocation: 'answer' }, ({ proper }) => [
    say(
      answer(200, { type: proper.type, body: compress(Buffer.from(padded(proper, 2))) }, [
        `Content-Encoding: ${coding.split(' without')[0]}`,
      ]),
    ),
  ]),
);

let bomb: Buffer | undefined;
const makeBomb = (): Buffer => {
  bomb ??= gzipSync(Buffer.alloc(50 * MB, ' '));
  return bomb;
};

const bombs: readonly Kind[] = [
  kind('compressed: a bomb of 50 MB', { ...NONSENSE, revocation: 'answer' }, () => [
    say(answer(200, { type: 'application/json', body: makeBomb() }, ['Content-Encoding: gzip'])),
  ]),
  kind('compressed: a bomb in a bomb', { ...NONSENSE, revocation: 'answer' }, () => [
    say(answer(200, { type: 'application/json', body: gzipSync(makeBomb()) }, ['Content-Encoding: gzip, gzip'])),
  ]),
  kind('compressed: not at all, though it says so', ANSWER, ({ proper }) => [
    say(answer(proper.status, proper, ['Content-Encoding: gzip'])),
  ]),
  kind('compressed: gzip, though it does not say so', { ...NONSENSE, revocation: 'answer' }, ({ proper }) => [
    say(answer(200, { type: proper.type, body: gzipSync(padded(proper, 2)) })),
  ]),
  kind('compressed: gzip as transfer coding', { ...NONSENSE, revocation: 'answer' }, ({ proper }) => [
    say(head(proper.type, 'Transfer-Encoding: gzip'), gzipSync(padded(proper, 2))),
    END,
  ]),
];

export const sizeKinds: readonly Kind[] = [...sizes, ...endless, ...slow, ...compressed, ...bombs];
