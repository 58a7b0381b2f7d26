import { answer, CHUNKED, head } from '../answers.ts';
import { END, RESET, type Step, say } from '../play.ts';
import { DOWN, type Given, type Kind } from './kind.ts';
import { kinds, plays, type Table } from './table.ts';

/** How a server ends a connection, or does not. */
const ENDINGS: Table<readonly Step[]> = {
  'and hangs up': [END],
  'and breaks off': [RESET],
  'and falls silent': [],
};

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
  const whole = answer(proper.status, { type: proper.type, body: proper.body === '' ? '{"a":1}' : proper.body });
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

const chunked = (body: string, { proper }: Given): Step => say(head(proper, CHUNKED), body);

export const connectionKinds: readonly Kind[] = [
  ...plays('connection: is taken *', DOWN, ENDINGS).map((kind) => ({ ...kind, greets: true as const })),
  ...plays('connection: takes the request *', DOWN, ENDINGS),
  ...Object.entries(ENDINGS).flatMap(([ending, steps]) => [
    ...kinds(`cut: says * ${ending}`, DOWN, (lengthOf, given) => [say(cut(given, lengthOf)), ...steps], STAGES),
    ...kinds(`cut in chunks: says * ${ending}`, DOWN, (body, given) => [chunked(body, given), ...steps], CHUNK_STAGES),
  ]),
];
