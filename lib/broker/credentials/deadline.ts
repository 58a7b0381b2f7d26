import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';
import { REQUEST_MS } from '../../oauth/transport.ts';
import type { AttemptOptions } from './attempt.ts';

/** With less time than this, nothing is begun that a caller would wait for. */
export const LEAST_TIME_MS = 1.5 * SECOND_MS;

/** Time that is kept for the answer. */
export const ANSWER_MS = 0.5 * SECOND_MS;

/** What a caller is told whose time does not suffice. */
export const OUT_OF_TIME: BrokerError = {
  kind: 'out_of_time',
  detail: 'no time left to obtain a token',
  retryAfterMs: SECOND_MS,
};

/** Whether another request may follow some time from now, and be over by `endsAt`. */
export const mayRepeatUntil =
  (clock: Clock, endsAt: EpochMs): AttemptOptions['mayRepeat'] =>
  (delayMs) =>
    clock.now() + delayMs + REQUEST_MS <= endsAt;

/** When something that takes up to two requests and a moment must be over. */
export const attemptEnd = (clock: Clock): EpochMs => plus(clock.now(), 2 * REQUEST_MS + SECOND_MS);
