import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { sleep } from '../../../lib/core/clock.ts';
import type { Watch } from './time.ts';

/** A request as it was received; bytes as latin1. */
export interface Sent {
  readonly head: string;
  readonly body: string;
}

/** The answer that the service would have given. */
export interface Proper {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What a hostile answer can be made of. */
export interface Given {
  readonly proper: Proper;
  readonly sent: Sent;
  /** A token that was never handed out before. */
  readonly token: string;
}

/** A server's side of a connection; `watch` counts each step that is not a matter of waiting. */
export interface Connection {
  readonly socket: Socket;
  readonly watch: Watch;
}

/** One thing that a server does with a connection: it sends bytes, or acts. After the last one it is silent. */
export type Step = string | Buffer | ((connection: Connection) => void | Promise<void>);

/** Says no more, and goes on reading (FIN). */
export const END: Step = ({ socket }) => void socket.end();

/** Forgets the connection at once (RST). */
export const RESET: Step = ({ socket }) => void socket.resetAndDestroy();

/** Lets time pass. */
export const wait =
  (ms: number): Step =>
  ({ watch }) =>
    sleep(watch.clock, ms);

/** Sends one byte at a time; `Infinity` times: without an end. */
export const drip =
  (bytes: string, everyMs: number, times = 1): Step =>
  async ({ socket, watch }) => {
    for (let sent = 0; sent < times * bytes.length; sent += 1) {
      await sleep(watch.clock, everyMs);
      if (socket.destroyed || socket.writableEnded) return;
      socket.write(bytes.charAt(sent % bytes.length), 'latin1');
    }
  };

/** Sends as fast as the other side reads, which may be never, until that side hangs up. */
export const flood =
  (text: string, times: number): Step =>
  async ({ socket, watch }) => {
    const bytes = Buffer.from(text, 'latin1');
    function* pieces() {
      for (let poured = 0; poured < times; poured += 1) {
        // What has no end must not keep time from going on.
        if (times !== Number.POSITIVE_INFINITY) watch.moves += 1;
        yield bytes;
      }
    }
    await pipeline(pieces, socket, { end: false }).catch(() => undefined);
  };

/** Plays the steps on a connection, one after the other. */
export async function perform(connection: Connection, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (connection.socket.destroyed) return;
    connection.watch.moves += 1;
    if (typeof step === 'function') await step(connection);
    else connection.socket.write(step);
  }
}

/** Bytes that are sent in one piece; texts in UTF-8. */
export const together = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string, 'utf8')));

/** An answer of HTTP/1.1 with a length. */
export function answer(
  status: number | string,
  { type, body }: { readonly type?: string | undefined; readonly body: string | Buffer },
  headers: readonly string[] = [],
): Buffer {
  const bytes = Buffer.from(body as string, 'utf8');
  const lines = [
    `HTTP/1.1 ${typeof status === 'number' ? `${status} Status` : status}`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ...headers,
    `Content-Length: ${bytes.length}`,
  ];
  return together(`${lines.join('\r\n')}\r\n\r\n`, bytes);
}

/** The proper answer with more header lines, and perhaps another status. */
export const again = (
  { proper }: Given,
  lines: readonly string[] = [],
  status: number | string = proper.status,
): Buffer => answer(status, proper, lines);

/** The proper answer with another body. */
export const withBody = ({ proper: { type } }: Given, body: string | Buffer, lines: readonly string[] = []): Buffer =>
  answer(200, { type, body }, lines);

/** JSON, of any status. */
export const json = (body: string | Buffer, status: number | string = 200, lines: readonly string[] = []): Buffer =>
  answer(status, { type: 'application/json', body }, lines);

/** A page, as proxies and portals send it. */
export const html = (body: string, status: number, lines: readonly string[] = []): Buffer =>
  answer(status, { type: 'text/html', body }, lines);

/** The first line and the header lines of a proper answer, and the empty line: its length is not among them. */
export const head = ({ status, type }: Proper, ...lines: readonly string[]): string =>
  [`HTTP/1.1 ${status} OK`, `Content-Type: ${type}`, ...lines, '\r\n'].join('\r\n');

/** The header line of a body in chunks. */
export const CHUNKED = 'Transfer-Encoding: chunked';

/** Arrays in each other, 10,000 deep or so deep as told. */
export const nested = (depth = 10_000): string => '['.repeat(depth) + ']'.repeat(depth);
