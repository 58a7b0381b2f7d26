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

/** A timer that fires this late tells of a process that stood still: Lambda freezes a sandbox once it has answered. */
const FROZEN_MS = 500;

/** What a process that stood still is given, so that what has arrived meanwhile is read before a time limit counts. */
const THAW_MS = 250;

/** Whether so much time has passed since `startedAt`, for something limited to `limitMs`, that the process stood still. */
export const wasFrozen = (clock: Clock, startedAt: EpochMs, limitMs: number): boolean =>
  clock.now() - startedAt > limitMs + FROZEN_MS;

/** As `clock.after`, for a time limit: after a freeze it gives a moment more. */
export function afterAwake(clock: Clock, delayMs: number, run: () => void): () => void {
  const startedAt = clock.now();
  let cancel = clock.after(delayMs, () => {
    if (wasFrozen(clock, startedAt, delayMs)) cancel = clock.after(THAW_MS, run);
    else run();
  });
  return () => cancel();
}

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
