import { setTimeout as realDelay } from 'node:timers/promises';
import { instant } from '../../../lib/core/time.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

/** The instant at which each case begins. */
export const START = instant(1_795_438_700_000);

/** The time of a case that has not begun, and what its servers have done. */
export const createWatch = () => ({
  clock: createFakeClock(START),
  /** How often something was received or sent, or a connection was opened or closed. */
  moves: 0,
  /** How often the hostile answer was given. */
  struck: 0,
});
export type Watch = ReturnType<typeof createWatch>;

/**
 * Real turns of at least 1 ms without a move, after which all seem to wait for the clock. Nearly all work is done in this
 * process, so turns are a better measure than milliseconds: on a busy machine they take longer. The longest way is to
 * the end of the invocation; the timers of AWS's SDK, which run in real time, come before it.
 */
const QUIET_TURNS = { usual: 60, beforeHostility: 1_000, longWay: 2_500 };

const LONG_WAY_MS = 5_000;

function patience({ struck, clock }: Watch): number {
  if (clock.nextMs() >= LONG_WAY_MS) return QUIET_TURNS.longWay;
  return struck === 0 ? QUIET_TURNS.beforeHostility : QUIET_TURNS.usual;
}

/** Real milliseconds that one case may take, on however slow a machine. */
const PATIENCE_MS = 30_000;

/**
 * Waits for a promise; while nothing else happens, advances the clock from timer to timer.
 * @param limitMs of the clock's time, after which the promise hangs
 */
export async function pass<T>(
  watch: Watch,
  limitMs: number,
  promise: Promise<T>,
): Promise<{ readonly value: T; readonly tookMs: number } | 'hangs'> {
  const { clock } = watch;
  const begunAt = clock.now();
  const realEndsAt = performance.now() + PATIENCE_MS;
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  let seen = watch.moves;
  let quiet = 0;
  while (performance.now() <= realEndsAt) {
    await realDelay(1);
    if (isSettled) return { value: await promise, tookMs: clock.now() - begunAt };
    quiet = watch.moves === seen ? quiet + 1 : 0;
    seen = watch.moves;
    if (quiet < patience(watch)) continue;
    if (clock.now() - begunAt + clock.nextMs() > limitMs) break;
    await clock.advance(clock.nextMs());
    quiet = 0;
  }
  return 'hangs';
}
