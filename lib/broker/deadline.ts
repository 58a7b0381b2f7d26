import type { BrokerError } from '../core/error.ts';
import { SECOND_MS } from '../core/time.ts';

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
