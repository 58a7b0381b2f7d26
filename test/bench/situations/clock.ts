import type { Clock } from '../../../lib/core/clock.ts';
import { instant } from '../../../lib/core/time.ts';

/** A clock that runs as usual, and can be put forward so that nobody has to wait for a token to grow old. */
export interface JumpingClock extends Clock {
  readonly jump: (ms: number) => void;
}

/** Creates a clock that shows the real time until it is put forward. */
export function createJumpingClock(): JumpingClock {
  let aheadMs = 0;
  return {
    now: () => instant(Date.now() + aheadMs),
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    jump: (ms) => {
      aheadMs += ms;
    },
  };
}
