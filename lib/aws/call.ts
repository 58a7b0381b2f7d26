import type { Clock } from '../core/clock.ts';

/** A signal that aborts after `limitMs` unless `done` is called first. */
export function abortAfter(clock: Clock, limitMs: number): { readonly signal: AbortSignal; readonly done: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, done: clock.after(limitMs, () => controller.abort()) };
}

/** The name of an SDK error, safe to log. Its message is not: it may repeat what was sent. */
export function errorName(error: unknown): string {
  return loggableName(error instanceof Error ? error.name : typeof error);
}

/** Sanitises an untrusted name for the log: one word. */
export const loggableName = (name: string): string => (/^\w{1,64}$/.test(name) ? name : 'Error');
