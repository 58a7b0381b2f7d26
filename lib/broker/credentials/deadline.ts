import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { REQUEST_MS } from '../../core/limits.ts';
import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';
import type { AttemptOptions } from './attempt.ts';

/** With less time than this, nothing is started that a caller would wait for. */
export const LEAST_TIME_MS = 1.5 * SECOND_MS;

/** Reserved for the answer. */
export const ANSWER_MS = 0.5 * SECOND_MS;

/** The error for a caller with too little time left. */
export const OUT_OF_TIME: BrokerError = {
  kind: 'out_of_time',
  detail: 'no time left to obtain a token',
  retryAfterMs: SECOND_MS,
};

/** Whether another request, sent after a delay, can end by `endsAt`. */
export const mayRepeatUntil =
  (clock: Clock, endsAt: EpochMs): AttemptOptions['mayRepeat'] =>
  (delayMs) =>
    clock.now() + delayMs + REQUEST_MS <= endsAt;

/** The end of the time for two requests and the processing between them. */
export const attemptEnd = (clock: Clock): EpochMs => plus(clock.now(), 2 * REQUEST_MS + SECOND_MS);
