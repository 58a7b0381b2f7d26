import type { Redacted } from '../../core/redacted.ts';
import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';

/** A token that was obtained. */
export interface Token {
  readonly accessToken: Redacted<string>;
  /** What the server said it granted, where it said so. */
  readonly scope?: string;
  /** Before the request was sent: the token was certainly not issued earlier. */
  readonly obtainedAt: EpochMs;
  /** The end of its use; never later than its real expiry. */
  readonly expiresAt: EpochMs;
  readonly refreshAt: EpochMs;
  /** The digests of the tokens that it was exchanged from: when one of them dies, it is not handed out either. */
  readonly madeFrom?: readonly string[];
  /** The profile has `revocation`, but the application's client id could not be read: nobody can revoke the token. */
  readonly isIrrevocable?: true;
  /** By how much the clock of the sandbox that obtained it is ahead of the server's; absent where it is not, and in the store. */
  readonly aheadMs?: number;
}

/** Where the life of a token stands. */
export type Freshness =
  /** Handed out. */
  | 'fresh'
  /** Handed out at once, while one caller renews it. */
  | 'due'
  /** Callers wait for the renewal, and get this one only when that fails. */
  | 'last_resort'
  /** Never handed out. */
  | 'dead';

/** A token must outlive the way to its user and the request that it is for. */
export const LEAST_LEFT_MS = 5 * SECOND_MS;

/**
 * A life shorter than this would be renewed at nearly every request: such a token is handed out and forgotten. ZITADEL
 * says 19 of a life of 20 s: it counts the whole seconds that are left when it answers.
 */
export const LEAST_CACHED_LIFE_MS = 19 * SECOND_MS;

const REFRESH_SHARE = 0.75;
/** Spreads renewals, so that what was obtained together is not renewed together. */
const REFRESH_JITTER_SHARE = 0.05;
/** `minValiditySeconds` never asks for more than this share of a life: short lives are cached too. */
const MIN_VALIDITY_SHARE = 0.25;

/** The instants that rule a token's life. `maxAgeMs` shortens it; `random` is from [0, 1). */
export function tokenLife(
  obtainedAt: EpochMs,
  { lifeMs, maxAgeMs = lifeMs, random }: { lifeMs: number; maxAgeMs?: number | undefined; random: number },
): Pick<Token, 'obtainedAt' | 'expiresAt' | 'refreshAt'> {
  const usedMs = Math.min(lifeMs, maxAgeMs);
  const refreshMs = Math.floor(usedMs * (REFRESH_SHARE - REFRESH_JITTER_SHARE * random));
  return { obtainedAt, expiresAt: plus(obtainedAt, usedMs), refreshAt: plus(obtainedAt, refreshMs) };
}

/**
 * A token that was stored, under the rules of today: `maxAgeMs` may have been lowered since. One from the future was
 * stamped by a clock that is wrong, so that nobody can tell when it ends: it counts for nothing.
 */
export function limitLife(
  token: Token,
  { now, maxAgeMs }: { now: EpochMs; maxAgeMs: number | undefined },
): Token | undefined {
  const { obtainedAt, expiresAt, refreshAt } = token;
  if (obtainedAt > plus(now, LEAST_LEFT_MS)) return undefined;
  if (maxAgeMs === undefined || expiresAt - obtainedAt <= maxAgeMs) return token;
  const dueAt = plus(obtainedAt, Math.floor(maxAgeMs * (REFRESH_SHARE - REFRESH_JITTER_SHARE)));
  return {
    ...token,
    expiresAt: plus(obtainedAt, maxAgeMs),
    refreshAt: Math.min(refreshAt, dueAt) as EpochMs,
  };
}

/**
 * How far a clock is ahead of a server's, by the `Date` of the server's answer (RFC 9110 §6.6.1, whole seconds). What a
 * token must have left anyway counts for nothing, and neither does a clock that is behind: its tokens are younger than
 * they seem.
 */
export function clockAheadMs(askedAt: EpochMs, date: string): number {
  const aheadMs = askedAt - Date.parse(date);
  return aheadMs > LEAST_LEFT_MS ? aheadMs : 0;
}

/** A token as it is stored for others: a clock that is ahead would make it live longer than it does. */
export function forOthers({ aheadMs = 0, ...token }: Token): Token {
  const { obtainedAt, expiresAt, refreshAt } = token;
  const shift = (at: EpochMs) => plus(at, -aheadMs);
  return { ...token, obtainedAt: shift(obtainedAt), expiresAt: shift(expiresAt), refreshAt: shift(refreshAt) };
}

/** Whether two tokens are one and the same for their users. */
export const isSameToken = (a: Token | undefined, b: Token | undefined): boolean =>
  a !== undefined && a.accessToken.reveal() === b?.accessToken.reveal();

/** Whether a token lives long enough to be kept. */
export const isWorthKeeping = ({ obtainedAt, expiresAt }: Pick<Token, 'obtainedAt' | 'expiresAt'>): boolean =>
  expiresAt - obtainedAt >= LEAST_CACHED_LIFE_MS;

/** Where a token stands at `now`; as `due` counts what falls due within `aheadMs` as well. */
export function freshness(
  { obtainedAt, expiresAt, refreshAt }: Pick<Token, 'obtainedAt' | 'expiresAt' | 'refreshAt'>,
  { now, minValidityMs, aheadMs = 0 }: { now: EpochMs; minValidityMs: number; aheadMs?: number },
): Freshness {
  const leftMs = expiresAt - now;
  if (leftMs < LEAST_LEFT_MS) return 'dead';
  if (leftMs < Math.min(minValidityMs, (expiresAt - obtainedAt) * MIN_VALIDITY_SHARE)) return 'last_resort';
  return refreshAt <= now + aheadMs ? 'due' : 'fresh';
}
