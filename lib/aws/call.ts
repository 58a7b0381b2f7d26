import type { Clock } from '../core/clock.ts';

/** A signal that aborts after `limitMs` unless `done` is called first. */
export function abortAfter(clock: Clock, limitMs: number): { readonly signal: AbortSignal; readonly done: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, done: clock.after(limitMs, () => controller.abort()) };
}

/**
 * The name of an SDK error, or the code of one that has none of its own, such as `ECONNREFUSED`; safe to log. Its
 * message is not: it may repeat what was sent.
 */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const isNamed = error.name !== 'Error' || !('code' in error);
  return loggableName(isNamed ? error.name : String(error.code));
}

/** Sanitises an untrusted name for the log: one word. */
export const loggableName = (name: string): string => (/^\w{1,64}$/.test(name) ? name : 'Error');
