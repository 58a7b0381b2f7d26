import { type Clock, within } from '../../core/clock.ts';
import type { EpochMs } from '../../core/time.ts';

/**
 * How long the caller whose request begins a renewal lends its invocation to it, although its own token is still good:
 * a sandbox is frozen once it has answered, and with it the renewal.
 */
const FIRST_MS = 100;

/** What the next one lends where the sandbox was frozen meanwhile: the renewal is brought to its end. */
const THAWED_MS = 2_000;

/** A timer that is so late was frozen; one that has come in time says that the process runs on between requests. */
const AWAKE_MS = 20;

/** Something that goes on while nobody may be waiting for it. */
export interface Lending<T> {
  readonly promise: Promise<T>;
  /** Waits for it, for as long as a caller with a good token should; `undefined` when that was not enough. */
  readonly lend: () => Promise<T | undefined>;
}

/**
 * Gives something time that goes on between requests. Lambda gives a sandbox one request at a time and freezes it in
 * between: what an earlier invocation began gets time from the next one. A process that runs on needs none of it.
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
