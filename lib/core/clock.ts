import type { EpochMs } from './time.ts';

/** Time, handed in so that tests and the simulation own it. */
export interface Clock {
  /** The wall clock. Read it again after an await that may have taken long: a sandbox can freeze in any of them. */
  readonly now: () => EpochMs;
  /** Runs `run` once, `delayMs` from now, unless the returned function is called first. */
  readonly after: (delayMs: number, run: () => void) => () => void;
}

/** Resolves `delayMs` from now. */
export const sleep = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });

/** The value of `promise`, or `undefined` when it takes longer than `limitMs`. The promise itself goes on. */
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
