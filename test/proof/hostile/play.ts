import type { Socket } from 'node:net';
import { type Clock, sleep } from '../../../lib/core/clock.ts';

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

/** A server's side of a connection; `onMove` hears of each step that is not a matter of waiting. */
export interface Connection {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly onMove: () => void;
}

/** One thing that a server does with a connection. After the last one the connection stays open, in silence. */
export type Step = (connection: Connection) => void | Promise<void>;

/** Sends bytes. */
export function say(...parts: readonly (string | Buffer)[]): Step {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part as string, 'utf8')));
  return ({ socket }) => void socket.write(bytes);
}

/** Says no more, and goes on reading (FIN). */
export const END: Step = ({ socket }) => void socket.end();

/** Forgets the connection at once (RST). */
export const RESET: Step = ({ socket }) => void socket.resetAndDestroy();

/** Lets time pass. */
export const wait =
  (ms: number): Step =>
  ({ clock }) =>
    sleep(clock, ms);

const isGone = ({ destroyed, writableEnded }: Socket): boolean => destroyed || writableEnded;

/** Sends one byte at a time; `Infinity` times: without an end. */
export const drip =
  (bytes: string, everyMs: number, times = 1): Step =>
  async ({ socket, clock }) => {
    for (let sent = 0; sent < times * bytes.length; sent += 1) {
      await sleep(clock, everyMs);
      if (isGone(socket)) return;
      socket.write(bytes.charAt(sent % bytes.length), 'latin1');
    }
  };

/** Waits until the socket takes more, or is gone. */
const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });

/** Sends as fast as the other side reads, which may be never. */
export function flood(text: string, times: number): Step {
  const bytes = Buffer.from(text, 'latin1');
  return async ({ socket, onMove }) => {
    for (let poured = 0; poured < times && !isGone(socket); poured += 1) {
      // What has no end must not keep time from going on.
      if (times !== Number.POSITIVE_INFINITY) onMove();
      if (!socket.write(bytes)) await drained(socket);
    }
  };
}

/** Plays the steps on a connection, one after the other. */
export async function perform(connection: Connection, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (connection.socket.destroyed) return;
    connection.onMove();
    await step(connection);
  }
}
