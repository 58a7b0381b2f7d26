import type { BrokerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, instant, plus, SECOND_MS } from '../../core/time.ts';
import { LEAST_TIME_MS } from '../credentials/deadline.ts';
import { currentError, type Failure, isRecent, stands } from '../store/failure.ts';
import { freshness, isWorthKeeping, LEAST_LEFT_MS, type Token } from '../token/freshness.ts';
import type { Obtained } from './renewal.ts';

/** What a sandbox remembers for a key. */
export interface Entry {
  readonly token?: Token;
  readonly failure?: Failure;
  /** No renewal before then while the token is still valid. */
  readonly quietUntil?: EpochMs;
}

export const NOTHING: Entry = {};

export type Renewed = Result<Obtained, Failure>;

/** While another sandbox renews a token that is still valid, this one looks for the result no more often than this. */
const LOOK_AGAIN_MS = SECOND_MS;

/** What to do for a caller. */
export type Action =
  | { readonly kind: 'serve'; readonly token: Token }
  /** A failure prevents a renewal, unless its cause is gone. */
  | { readonly kind: 'report'; readonly failure: Failure }
  /**
   * Serves a token that is due, and starts its renewal. `failed`: a renewal that failed recently; then even a token
   * below its minimum is served, so that callers do not wait for every attempt while ZITADEL is down or slow.
   */
  | { readonly kind: 'serve_due'; readonly failed?: Failure }
  /** Waits for a renewal. */
  | { readonly kind: 'renew' };

const RENEW: Action = { kind: 'renew' };

/** The moment of a decision. */
export interface Moment {
  readonly now: EpochMs;
  /** The profile's. */
  readonly minValidityMs: number;
  /** The caller's remaining time. */
  readonly leftMs: number;
  /** The id of the known credential. */
  readonly credential: string | undefined;
}

/** Decides what to do with an entry whose token, if any, is not void. */
export function decide(entry: Entry, { now, minValidityMs, leftMs, credential }: Moment): Action {
  const { token, failure, quietUntil = instant(0) } = entry;
  const state = token === undefined ? 'dead' : freshness(token, { now, minValidityMs });
  if (token !== undefined && state === 'fresh') return { kind: 'serve', token };
  if (stands(failure, now, credential)) return { kind: 'report', failure };
  if (token !== undefined && state === 'due') {
    return now < quietUntil || leftMs < LEAST_TIME_MS ? { kind: 'serve', token } : { kind: 'serve_due' };
  }
  return state === 'last_resort' && isRecent(failure, now) ? { kind: 'serve_due', failed: failure } : RENEW;
}

/**
 * The entry after a renewal. A token is not replaced by one that expires earlier.
 * @param isGood whether the entry's token is neither void nor the rejected one
 */
export function remember(
  entry: Entry,
  result: Renewed,
  { now, minValidityMs, isGood }: { now: EpochMs; minValidityMs: number; isGood: boolean },
): Entry {
  const { token: known } = entry;
  // A token rejected without proof stays: ZITADEL may be down, and the token valid.
  if (!result.ok) return { ...(known === undefined ? {} : { token: known }), failure: result.error };
  const { token: found, failure } = result.value;
  if (!isWorthKeeping(found)) return entry;
  const token = isGood && known !== undefined && known.expiresAt > found.expiresAt ? known : found;
  const isFresh = freshness(token, { now, minValidityMs }) === 'fresh';
  return {
    token,
    ...(failure === undefined ? {} : { failure }),
    ...(isFresh ? {} : { quietUntil: plus(now, LOOK_AGAIN_MS) }),
  };
}

/** The result without a renewal: the cached token if it is still valid, else the error. */
export function fallBack(
  { token }: Entry,
  error: BrokerError,
  { now, failure }: { now: EpochMs; failure?: Failure | undefined },
): Result<Obtained, BrokerError> {
  if (token === undefined || token.expiresAt - now < LEAST_LEFT_MS) return fail(error);
  return ok({ token, source: 'memory', ...(failure === undefined ? {} : { failure }) });
}

/** Whether a renewal's token is outdated: after a freeze it may be about to expire, and there may be a newer one. */
export function isOutdated(
  { token, failure }: Obtained,
  { now, minValidityMs }: { now: EpochMs; minValidityMs: number },
): boolean {
  const state = freshness(token, { now, minValidityMs });
  return state === 'dead' || (state === 'last_resort' && failure === undefined);
}

/** The result of a completed renewal for one caller: only for the caller that started it is the source `issued`. */
export function settle(
  entry: Entry,
  result: Renewed,
  { now, isMine }: { now: EpochMs; isMine: boolean },
): Result<Obtained, BrokerError> {
  if (!result.ok) return fallBack(entry, currentError(result.error, now), { now, failure: result.error });
  const { value } = result;
  return ok(isMine || value.source !== 'issued' ? value : { ...value, source: 'memory' });
}
