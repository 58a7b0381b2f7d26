import type { Redacted } from '../../core/redacted.ts';
import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';

/** A token obtained from ZITADEL. */
export interface Token {
  readonly accessToken: Redacted<string>;
  /** The granted scope, if the server sent one. */
  readonly scope?: string;
  /** Taken before the request was sent: the token cannot have been issued earlier. */
  readonly obtainedAt: EpochMs;
  /** When its use ends; never later than its real expiry. */
  readonly expiresAt: EpochMs;
  readonly refreshAt: EpochMs;
  /** The digests of the tokens that it was exchanged from. When one of them dies, it is no longer handed out. */
  readonly madeFrom?: readonly string[];
  /** When each of these was obtained; a flush of its profile since then voids this token too. */
  readonly madeAt?: readonly EpochMs[];
  /** The profile has `revocation`, but the application's client id could not be read: the token cannot be revoked. */
  readonly isIrrevocable?: true;
}

/** How fresh a token is. */
export type Freshness =
  /** Handed out. */
  | 'fresh'
  /** Handed out at once, and renewed. */
  | 'due'
  /** Callers wait for the renewal and get this token only if it fails. */
  | 'last_resort'
  /** Never handed out. */
  | 'dead';

/** A token must outlive its delivery and the request it is used for. */
export const LEAST_LEFT_MS = 5 * SECOND_MS;

/**
 * A token with a shorter life would need renewal at nearly every request, so it is handed out but not cached. For a
 * life of 20 s ZITADEL sends 19: it counts the whole seconds that are left when it answers.
 */
export const LEAST_CACHED_LIFE_MS = 19 * SECOND_MS;

const REFRESH_SHARE = 0.75;
/** Spreads renewals, so that tokens obtained together are not renewed together. */
const REFRESH_JITTER_SHARE = 0.05;
/** The cap on `minValiditySeconds`, as a share of the token's life: short-lived tokens are cached too. */
const MIN_VALIDITY_SHARE = 0.25;

/** The instants of a token's life. `maxAgeMs` shortens it; `random` is from [0, 1). */
export function tokenLife(
  obtainedAt: EpochMs,
  { lifeMs, maxAgeMs = lifeMs, random }: { lifeMs: number; maxAgeMs?: number | undefined; random: number },
): Pick<Token, 'obtainedAt' | 'expiresAt' | 'refreshAt'> {
  const usedMs = Math.min(lifeMs, maxAgeMs);
  const refreshMs = Math.floor(usedMs * (REFRESH_SHARE - REFRESH_JITTER_SHARE * random));
  return { obtainedAt, expiresAt: plus(obtainedAt, usedMs), refreshAt: plus(obtainedAt, refreshMs) };
}

/**
 * A stored token under the current profile: `maxAgeMs` may have been lowered since. A token from the future is not
 * used: a wrong clock stamped it, so its expiry is unknown.
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

/** A token with its instants moved: from a sandbox's time to the store's, or back (store/store-time.ts). */
export function shiftToken(token: Token, byMs: number): Token {
  if (byMs === 0) return token;
  const { obtainedAt, expiresAt, refreshAt, madeAt } = token;
  const shift = (at: EpochMs) => plus(at, byMs);
  return {
    ...token,
    obtainedAt: shift(obtainedAt),
    expiresAt: shift(expiresAt),
    refreshAt: shift(refreshAt),
    ...(madeAt === undefined ? {} : { madeAt: madeAt.map(shift) }),
  };
}

/** Whether two tokens have the same access token. */
export const isSameToken = (a: Token | undefined, b: Token | undefined): boolean =>
  a !== undefined && a.accessToken.reveal() === b?.accessToken.reveal();

/** Whether a token lives long enough to be cached. */
export const isWorthKeeping = ({ obtainedAt, expiresAt }: Pick<Token, 'obtainedAt' | 'expiresAt'>): boolean =>
  expiresAt - obtainedAt >= LEAST_CACHED_LIFE_MS;

/** With less time left, a token is handed out only if its renewal fails. */
export const minimumLeftMs = (
  { obtainedAt, expiresAt }: Pick<Token, 'obtainedAt' | 'expiresAt'>,
  minValidityMs: number,
): number => Math.min(minValidityMs, (expiresAt - obtainedAt) * MIN_VALIDITY_SHARE);

/** How fresh a token is at `now`. A token that becomes due within `aheadMs` counts as `due`. */
export function freshness(
  token: Pick<Token, 'obtainedAt' | 'expiresAt' | 'refreshAt'>,
  { now, minValidityMs, aheadMs = 0 }: { now: EpochMs; minValidityMs: number; aheadMs?: number },
): Freshness {
  const leftMs = token.expiresAt - now;
  if (leftMs < LEAST_LEFT_MS) return 'dead';
  if (leftMs < minimumLeftMs(token, minValidityMs)) return 'last_resort';
  return token.refreshAt <= now + aheadMs ? 'due' : 'fresh';
}
