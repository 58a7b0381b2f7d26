import type { Socket } from 'node:net';
import { type Clock, sleep } from '../../../lib/core/clock.ts';

/** A request as it came off the wire; bytes as latin1. Both empty before anything has come. */
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

/** One thing that a server does with a connection. After the last one it is left open, in silence. */
export type Step =
  | { readonly does: 'say'; readonly bytes: string | Buffer }
  /** Lets time pass. */
  | { readonly does: 'wait'; readonly ms: number }
  /** One byte at a time; `Infinity` times: without an end. */
  | { readonly does: 'drip'; readonly bytes: string; readonly everyMs: number; readonly times?: number }
  /** As fast as the other side reads, which may be never. */
  | { readonly does: 'flood'; readonly bytes: Buffer; readonly times: number }
  /** Says no more, and goes on reading (FIN). */
  | { readonly does: 'end' }
  /** Forgets the connection at once (RST). */
  | { readonly does: 'reset' };

export const say = (...parts: readonly (string | Buffer)[]): Step => ({
  does: 'say',
  bytes: Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part))),
});
export const END: Step = { does: 'end' };
export const RESET: Step = { does: 'reset' };
export const drip = (bytes: string, everyMs = 100, times = 1): Step => ({ does: 'drip', bytes, everyMs, times });
export const flood = (bytes: string | Buffer, times: number): Step => ({
  does: 'flood',
  bytes: Buffer.from(bytes as string, 'latin1'),
  times,
});

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

const isGone = (socket: Socket): boolean => socket.destroyed || socket.writableEnded;

async function pour(socket: Socket, bytes: Buffer, times: number, onMove: () => void): Promise<void> {
  for (let poured = 0; poured < times && !isGone(socket); poured += 1) {
    // What has no end must not keep time from going on.
    if (times !== Number.POSITIVE_INFINITY) onMove();
    if (!socket.write(bytes)) await drained(socket);
  }
}

async function trickle(
  socket: Socket,
  { bytes, everyMs, times = 1 }: Extract<Step, { does: 'drip' }>,
  clock: Clock,
): Promise<void> {
  for (let round = 0; round < times; round += 1) {
    for (const byte of bytes) {
      await sleep(clock, everyMs);
      if (isGone(socket)) return;
      socket.write(byte, 'latin1');
    }
  }
}

/** Plays the steps on a connection, one after the other; `onMove` hears of each that is not a matter of waiting. */
export async function perform(
  socket: Socket,
  steps: readonly Step[],
  { clock, onMove }: { clock: Clock; onMove: () => void },
): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    onMove();
    if (step.does === 'say') socket.write(step.bytes);
    else if (step.does === 'end') socket.end();
    else if (step.does === 'reset') socket.resetAndDestroy();
    else if (step.does === 'wait') await sleep(clock, step.ms);
    else if (step.does === 'flood') await pour(socket, step.bytes, step.times, onMove);
    else await trickle(socket, step, clock);
  }
}
