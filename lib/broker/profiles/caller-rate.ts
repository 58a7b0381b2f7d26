import { createBoundedMap } from '../../core/bounded-map.ts';
import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, SECOND_MS } from '../../core/time.ts';
import { nameOf, type Principal } from './caller.ts';

/** How many requests one caller may send. */
export interface CallerRate {
  /** In the long run. */
  readonly perSecond: number;
  /** At once, after a pause. */
  readonly burst: number;
}

/** What a caller has left, as of an instant. Absent: the whole burst. */
export interface Allowance {
  readonly requests: number;
  readonly at: EpochMs;
}

/** A caller that starts asks for the tokens of several profiles at once, however low its rate. */
const LEAST_BURST = 10;

/** The burst, as the time in which the rate makes up for it. */
const BURST_SECONDS = 2;

/**
 * The callers that a sandbox remembers: 2 MB at most. One is forgotten only after the requests of as many others, so
 * that a runaway gains at most one burst in 10,000 requests.
 */
export const REMEMBERED_CALLERS = 10_000;

/**
 * Parses the parameter `callerRate`, requests per second; empty or 0 means no limit.
 * @throws {Error} if it is not a number: the function cannot start
 */
export function parseCallerRate(text = ''): CallerRate | undefined {
  const perSecond = Number(text);
  if (!Number.isFinite(perSecond) || perSecond < 0)
    throw new Error('CALLER_RATE must be a number of requests per second');
  return perSecond === 0 ? undefined : { perSecond, burst: Math.max(LEAST_BURST, BURST_SECONDS * perSecond) };
}

/** The decision for one request: whether it is let in, what is left then, and when the next one would be. */
export interface Admission {
  readonly isAllowed: boolean;
  readonly left: Allowance;
  /** 0 if it is let in. */
  readonly retryAfterMs: number;
}

/**
 * Decides for one request (token bucket). A clock that is set back gives nothing and takes nothing: what is left stays,
 * and grows from then on.
 */
export function admit(allowance: Allowance | undefined, now: EpochMs, { perSecond, burst }: CallerRate): Admission {
  const { requests, at } = allowance ?? { requests: burst, at: now };
  const grown = Math.min(burst, requests + (Math.max(0, now - at) * perSecond) / SECOND_MS);
  if (grown >= 1) return { isAllowed: true, left: { requests: grown - 1, at: now }, retryAfterMs: 0 };
  return {
    isAllowed: false,
    left: { requests: grown, at: now },
    retryAfterMs: ((1 - grown) * SECOND_MS) / perSecond,
  };
}

/** Lets in a request of a caller, or refuses it because the caller sends too many. */
export type LimitCaller = (caller: Principal) => Result<void, BrokerError>;

/** Creates the limit of one sandbox, for each caller by itself. */
export function createCallerLimit(clock: Clock, rate: CallerRate): LimitCaller {
  const allowances = createBoundedMap<string, Allowance>({ entries: REMEMBERED_CALLERS });
  return (caller) => {
    const key = `${caller.kind === 'iam_role' ? caller.partition : caller.kind}:${nameOf(caller)}`;
    const { isAllowed, left, retryAfterMs } = admit(allowances.get(key), clock.now(), rate);
    allowances.set(key, left);
    if (isAllowed) return ok(undefined);
    const detail = `the caller exceeds callerRate: ${rate.perSecond} requests per second`;
    return fail({ kind: 'caller_throttled', detail, retryAfterMs });
  };
}
