import { setTimeout as realDelay } from 'node:timers/promises';
import { type EpochMs, instant } from '../../../lib/core/time.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

/** The instant at which each case begins. */
export const START = instant(1_795_438_700_000);

/** A clock that stands still, and knows when the next timer is due. */
export interface StageClock extends FakeClock {
  /** Milliseconds until the next timer, or `undefined` where none is set. */
  readonly nextMs: () => number | undefined;
}

/** Creates one that shows `start`. */
export function createStageClock(start: EpochMs): StageClock {
  const clock = createFakeClock(start);
  const due = new Set<{ readonly at: number }>();
  return {
    ...clock,
    after(delayMs, run) {
      const timer = { at: clock.now() + Math.max(0, delayMs) };
      due.add(timer);
      const cancel = clock.after(delayMs, () => {
        due.delete(timer);
        run();
      });
      return () => {
        due.delete(timer);
        cancel();
      };
    },
    nextMs: () => (due.size === 0 ? undefined : Math.min(...[...due].map(({ at }) => at)) - clock.now()),
  };
}

/** Sees what the servers of a case do. */
export interface Watch {
  /** Something has come or gone; whether it was hostile. */
  readonly move: (isHostile: boolean) => void;
  /** A hostile scene begins. */
  readonly strike: () => void;
  readonly moves: () => number;
  readonly struck: () => number;
  readonly isHostileLast: () => boolean;
}

/** Creates one that has seen nothing. */
export function createWatch(): Watch {
  let moves = 0;
  let struck = 0;
  let isHostileLast = false;
  const move = (isHostile: boolean) => {
    moves += 1;
    isHostileLast = isHostile;
  };
  return {
    move,
    strike() {
      struck += 1;
      move(true);
    },
    moves: () => moves,
    struck: () => struck,
    isHostileLast: () => isHostileLast,
  };
}

/**
 * Real turns of 1 ms or more without anything happening, after which all seem to wait for the clock. Nearly all work is
 * done in this process, so turns are a better measure than milliseconds: on a busy machine they take longer. The
 * longest way is to the end of the invocation: before, the SDK's own timers, of real time, have their turn.
 */
const QUIET_TURNS = { silence: 4, other: 60, beforeHostility: 1_000, longWay: 2_500 };

const LONG_WAY_MS = 5_000;

/** What is waited for. */
export interface Waiting {
  readonly clock: StageClock;
  readonly watch: Watch;
  /** Whether the hostile scene is one that leaves everybody waiting. */
  readonly isSilent: boolean;
}

function patience({ watch, isSilent }: Waiting, nextMs: number): number {
  if (nextMs >= LONG_WAY_MS) return QUIET_TURNS.longWay;
  if (watch.struck() === 0) return QUIET_TURNS.beforeHostility;
  return isSilent && watch.isHostileLast() ? QUIET_TURNS.silence : QUIET_TURNS.other;
}

/** Real milliseconds that one case may take, on however slow a machine. */
const PATIENCE_MS = 30_000;

/** What became of a promise. */
export type Passed<T> = { readonly value: T; readonly tookMs: number } | 'hangs';

/**
 * Waits for a promise; where nothing else happens, goes from timer to timer.
 * @param limitMs of the clock's time; who has not settled by then hangs
 */
export async function pass<T>(waiting: Waiting, limitMs: number, promise: Promise<T>): Promise<Passed<T>> {
  const { clock, watch } = waiting;
  const begunAt = clock.now();
  const realEndsAt = performance.now() + PATIENCE_MS;
  let settled: { readonly value: T } | undefined;
  let thrown: { readonly error: unknown } | undefined;
  promise.then(
    (value) => {
      settled = { value };
    },
    (error: unknown) => {
      thrown = { error };
    },
  );
  let seen = watch.moves();
  let quiet = 0;
  for (;;) {
    await realDelay(1);
    if (thrown !== undefined) throw thrown.error;
    if (settled !== undefined) return { value: settled.value, tookMs: clock.now() - begunAt };
    quiet = watch.moves() === seen ? quiet + 1 : 0;
    seen = watch.moves();
    if (performance.now() > realEndsAt) return 'hangs';
    const nextMs = clock.nextMs();
    if (nextMs === undefined && quiet >= QUIET_TURNS.longWay) return 'hangs';
    if (nextMs === undefined) continue;
    if (quiet < patience(waiting, nextMs)) continue;
    if (clock.now() - begunAt + nextMs > limitMs) return 'hangs';
    await clock.advance(nextMs);
    quiet = 0;
  }
}
