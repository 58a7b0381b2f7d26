import { answer, END, type Proper, RESET, type Step, say } from '../play.ts';
import { DOWN, type Kind, kind } from './kind.ts';

/** How a server lets go of a connection. */
const ENDINGS: Readonly<Record<string, readonly Step[]>> = {
  'and hangs up': [END],
  'and breaks off': [RESET],
  'and falls silent': [],
};

/** How far an answer with a length comes: the bytes that are still said. */
const STAGES: Readonly<Record<string, (whole: Buffer) => number>> = {
  'one letter': () => 1,
  'the version': () => 'HTTP/1.1'.length,
  'half of the status': () => 'HTTP/1.1 2'.length,
  'the status': () => 'HTTP/1.1 200'.length,
  'the first line': (whole) => whole.indexOf('\r\n'),
  'the first line and its end': (whole) => whole.indexOf('\r\n') + 2,
  'half of a header name': (whole) => whole.indexOf('\r\n') + 6,
  'half of a header value': (whole) => whole.indexOf(': ') + 5,
  'one header': (whole) => whole.indexOf('\r\n', whole.indexOf(': ')) + 2,
  'the headers without their end': (whole) => whole.indexOf('\r\n\r\n') + 2,
  'half of the end of the headers': (whole) => whole.indexOf('\r\n\r\n') + 3,
};
const BODY_STAGES: Readonly<Record<string, (whole: Buffer) => number>> = {
  'the headers': (whole) => whole.indexOf('\r\n\r\n') + 4,
  'one byte of the body': (whole) => whole.indexOf('\r\n\r\n') + 5,
  'half of the body': (whole) => (whole.indexOf('\r\n\r\n') + 4 + whole.length) >> 1,
  'all but the last byte': (whole) => whole.length - 1,
};

/** A proper answer whose body is never empty: revocation's is ignored, but not that it is cut. */
const whole = (proper: Proper): Buffer =>
  answer(proper.status, { type: proper.type, body: proper.body === '' ? '{"a":1}' : proper.body });

const cut = Object.entries({ ...STAGES, ...BODY_STAGES }).flatMap(([stage, lengthOf]) =>
  Object.entries(ENDINGS).map(([ending, steps]) =>
    kind(`cut: says ${stage} ${ending}`, DOWN, ({ proper }) => {
      const bytes = whole(proper);
      return [say(bytes.subarray(0, lengthOf(bytes))), ...steps];
    }),
  ),
);

/** How far an answer in chunks comes; `%` is where it is cut. */
const CHUNK_STAGES: Readonly<Record<string, string>> = {
  'half of a chunk size': '1%000\r\n',
  'a chunk size without its end': '10%\r\n',
  'a chunk size': '10\r\n%',
  'half of a chunk': '10\r\n{"a":%',
  'a chunk without its end': '10\r\n{"a":1111111111}%',
  'a chunk': '10\r\n{"a":1111111111}\r\n%',
  'the last chunk without its end': '10\r\n{"a":1111111111}\r\n0%',
  'the last chunk and one line end': '10\r\n{"a":1111111111}\r\n0\r\n%',
  'half of a trailer': '10\r\n{"a":1111111111}\r\n0\r\nX-Tra%',
  'a trailer': '10\r\n{"a":1111111111}\r\n0\r\nX-Trailer: a\r\n%',
};

const cutChunks = Object.entries(CHUNK_STAGES).flatMap(([stage, body]) =>
  Object.entries(ENDINGS).map(([ending, steps]) =>
    kind(`cut in chunks: says ${stage} ${ending}`, DOWN, ({ proper }) => [
      say(
        `HTTP/1.1 200 OK\r\nContent-Type: ${proper.type}\r\nTransfer-Encoding: chunked\r\n\r\n`,
        body.slice(0, body.indexOf('%')),
      ),
      ...steps,
    ]),
  ),
);

/** Nothing is said at all. */
const mute: readonly Kind[] = Object.entries(ENDINGS).flatMap(([ending, steps]) => [
  { name: `connection: is taken ${ending}`, means: DOWN, greets: true, play: () => steps },
  kind(`connection: takes the request ${ending}`, DOWN, () => steps),
]);

export const connectionKinds: readonly Kind[] = [...mute, ...cut, ...cutChunks];
