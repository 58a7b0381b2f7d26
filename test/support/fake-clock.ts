import type { Clock } from '../../lib/core/clock.ts';
import { type EpochMs, plus } from '../../lib/core/time.ts';
import { turn } from './turns.ts';
import { isSigning } from './web-crypto.ts';

/** A clock that stands still until it is told to go on. */
export interface FakeClock extends Clock {
  /** Lets `ms` pass: runs the timers that come due, in their order, each at its own instant, with I/O turns and signatures between. */
  readonly advance: (ms: number) => Promise<void>;
  /** Milliseconds until the next timer; infinite if none is set. */
  readonly nextMs: () => number;
  /** Forgets all timers that are set, as if the process that set them were dead; answers how many there were. */
  readonly dropTimers: () => number;
}

const TURNS_BETWEEN_TIMERS = 3;

/** Creates a clock that shows `start`. */
export function createFakeClock(start: EpochMs): FakeClock {
  let now = start;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();

  async function settle(): Promise<void> {
    for (let turns = 0; turns < TURNS_BETWEEN_TIMERS || isSigning(); turns += 1) await turn();
  }

  return {
    now: () => now,
    after(delayMs, run) {
      const timer = { at: now + Math.max(0, delayMs), run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const end = plus(now, ms);
      await settle();
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at) as EpochMs;
        next.run();
        await settle();
      }
      now = end;
    },
    nextMs: () => Math.min(...[...timers].map(({ at }) => at)) - now,
    dropTimers() {
      const { size } = timers;
      timers.clear();
      return size;
    },
  };
}
