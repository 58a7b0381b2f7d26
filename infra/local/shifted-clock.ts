import { systemClock } from '../../lib/compose/journal.ts';
import type { Clock } from '../../lib/core/clock.ts';
import { plus } from '../../lib/core/time.ts';

/** The clock of this machine, moved forward. Timers run in real time. */
export interface ShiftedClock extends Clock {
  /** How far it is ahead. */
  readonly aheadMs: () => number;
  readonly shift: (byMs: number) => void;
}

/** Creates the clock that the broker and its stand-ins share. It starts with the right time. */
export function createShiftedClock(): ShiftedClock {
  let aheadMs = 0;
  return {
    ...systemClock,
    now: () => plus(systemClock.now(), aheadMs),
    aheadMs: () => aheadMs,
    shift: (byMs) => {
      aheadMs += byMs;
    },
  };
}
