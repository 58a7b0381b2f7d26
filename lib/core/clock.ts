import type { EpochMs } from './time.ts';

/** Time, passed in so that tests and the simulation control it. */
export interface Clock {
  /** The wall clock. Read it again after any await that may take long: a sandbox can freeze there. */
  readonly now: () => EpochMs;
  /** Runs `run` once, `delayMs` from now, unless the returned function is called first. */
  readonly after: (delayMs: number, run: () => void) => () => void;
}

/** Resolves `delayMs` from now. */
export const sleep = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });

/** A timer that fires this late shows that the process was frozen: Lambda freezes a sandbox once it has answered. */
const FROZEN_MS = 500;

/** Extra time after a freeze, to read what arrived meanwhile before a time limit applies. */
const THAW_MS = 250;

/** Whether the process was frozen during something that started at `startedAt` and was limited to `limitMs`. */
export const wasFrozen = (clock: Clock, startedAt: EpochMs, limitMs: number): boolean =>
  clock.now() - startedAt > limitMs + FROZEN_MS;

/** Like `clock.after`, for time limits: allows extra time after a freeze. */
export function afterAwake(clock: Clock, delayMs: number, run: () => void): () => void {
  const startedAt = clock.now();
  let cancel = clock.after(delayMs, () => {
    if (wasFrozen(clock, startedAt, delayMs)) cancel = clock.after(THAW_MS, run);
    else run();
  });
  return () => cancel();
}

/** The value of `promise`, or `undefined` after `limitMs`. The promise itself is not cancelled. */
export function within<T>(clock: Clock, limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => resolve(undefined));
    promise.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (bug: unknown) => {
        cancel();
        reject(bug);
      },
    );
  });
}
