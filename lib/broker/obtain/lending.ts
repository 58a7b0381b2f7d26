import { type Clock, within } from '../../core/clock.ts';
import type { EpochMs } from '../../core/time.ts';

/**
 * How long a caller with a valid token waits for the renewal that it started: Lambda freezes the sandbox, and the
 * renewal with it, once the caller is answered.
 */
const FIRST_MS = 100;

/** How long the next caller waits if the sandbox was frozen meanwhile, so that the renewal can complete. */
const THAWED_MS = 2_000;

/** A timer later than this shows a freeze; a timer on time shows that the process runs between requests. */
const AWAKE_MS = 20;

/** Work that may continue without a waiting caller. */
export interface Lending<T> {
  readonly promise: Promise<T>;
  /** Waits as long as a caller with a valid token should; `undefined` if the work did not complete in that time. */
  readonly lend: () => Promise<T | undefined>;
}

/**
 * Lets work continue across requests. Lambda sends a sandbox one request at a time and freezes it in between, so work
 * that one invocation started gets time from the next one. A process that is not frozen does not need this.
 */
export function createLending<T>(clock: Clock, promise: Promise<T>): Lending<T> {
  let lenders = 0;
  let isFirst = true;
  let restedAt: EpochMs | undefined;
  let isAwake = false;

  function rest(): void {
    const since = clock.now();
    restedAt = since;
    isAwake = false;
    clock.after(AWAKE_MS, () => {
      isAwake = clock.now() - since < 2 * AWAKE_MS;
    });
  }

  function limitMs(): number {
    if (isFirst) return FIRST_MS;
    if (lenders > 0 || restedAt === undefined || isAwake) return 0;
    return clock.now() - restedAt > AWAKE_MS ? THAWED_MS : 0;
  }

  return {
    promise,
    async lend() {
      const lent = limitMs();
      isFirst = false;
      if (lent === 0) return undefined;
      lenders += 1;
      try {
        return await within(clock, lent, promise);
      } finally {
        lenders -= 1;
        if (lenders === 0) rest();
      }
    },
  };
}
