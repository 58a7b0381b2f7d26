import type { Redacted } from '../core/redacted.ts';
import { type EpochMs, plus, SECOND_MS } from '../core/time.ts';

/** A token that was earned. */
export interface Token {
  readonly accessToken: Redacted<string>;
  /** What the server said it granted, where it said so. */
  readonly scope?: string;
  /** Before the request was sent: the token was certainly not issued earlier. */
  readonly earnedAt: EpochMs;
  /** The end of its use; never later than its real expiry. */
  readonly expiresAt: EpochMs;
  readonly refreshAt: EpochMs;
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
/** Spreads renewals, so that what was earned together is not renewed together. */
const REFRESH_JITTER_SHARE = 0.05;
/** `minValiditySeconds` never asks for more than this share of a life: short lives are cached too. */
const MIN_VALIDITY_SHARE = 0.25;

/** The instants that rule a token's life. `maxAgeMs` shortens it; `random` is from [0, 1). */
export function tokenLife(
  earnedAt: EpochMs,
  { lifeMs, maxAgeMs = lifeMs, random }: { lifeMs: number; maxAgeMs?: number | undefined; random: number },
): Pick<Token, 'earnedAt' | 'expiresAt' | 'refreshAt'> {
  const usedMs = Math.min(lifeMs, maxAgeMs);
  const refreshMs = Math.floor(usedMs * (REFRESH_SHARE - REFRESH_JITTER_SHARE * random));
  return { earnedAt, expiresAt: plus(earnedAt, usedMs), refreshAt: plus(earnedAt, refreshMs) };
}

/** Whether two tokens are one and the same for their users. */
export const isSameToken = (a: Token | undefined, b: Token | undefined): boolean =>
  a !== undefined && a.accessToken.reveal() === b?.accessToken.reveal();

/** Whether a token lives long enough to be kept. */
export const isWorthKeeping = ({ earnedAt, expiresAt }: Pick<Token, 'earnedAt' | 'expiresAt'>): boolean =>
  expiresAt - earnedAt >= LEAST_CACHED_LIFE_MS;

/** Where a token stands at `now`. */
export function freshness(
  { earnedAt, expiresAt, refreshAt }: Pick<Token, 'earnedAt' | 'expiresAt' | 'refreshAt'>,
  { now, minValidityMs }: { now: EpochMs; minValidityMs: number },
): Freshness {
  const leftMs = expiresAt - now;
  if (leftMs < LEAST_LEFT_MS) return 'dead';
  if (leftMs < Math.min(minValidityMs, (expiresAt - earnedAt) * MIN_VALIDITY_SHARE)) return 'last_resort';
  return refreshAt <= now ? 'due' : 'fresh';
}
