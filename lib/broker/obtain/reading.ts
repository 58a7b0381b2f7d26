import type { EpochMs } from '../../core/time.ts';
import type { HeldCredential } from '../credentials/credentials.ts';
import { type Failure, failureFromRow, stands } from '../store/failure.ts';
import { isLeased } from '../store/lease.ts';
import { openToken } from '../store/seal.ts';
import type { Row } from '../store/table.ts';
import type { CacheKey } from '../token/demand.ts';
import { type Freshness, freshness, isSameToken, limitLife, shiftToken, type Token } from '../token/freshness.ts';

/** What a row contains for the holder of a credential. */
export type Reading =
  /** No usable token: none, or one that cannot be opened, is void, was rejected, or is from the future. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'token'; readonly token: Token }
  /** Sealed with another credential. */
  | { readonly kind: 'foreign' };

const NOTHING: Reading = { kind: 'nothing' };

/** What a reader knows besides the row. */
export interface Reader {
  readonly key: CacheKey;
  readonly held: HeldCredential;
  readonly now: EpochMs;
  /** How far its clock is ahead of the store's. */
  readonly aheadMs: number;
  /** The profile's. */
  readonly maxAgeMs: number | undefined;
  /** A token that was refused although it seems valid. */
  readonly rejected: Token | undefined;
  readonly isVoid: (token: Token) => boolean;
}

/** Opens the token in a row. */
export function readRow(
  { sealed, credential }: Row,
  { key, held, now, aheadMs, maxAgeMs, rejected, isVoid }: Reader,
): Reading {
  if (sealed === undefined) return NOTHING;
  if (credential !== held.id) return { kind: 'foreign' };
  const opened = openToken(sealed, key, held);
  if (!opened.ok || isSameToken(opened.value, rejected)) return NOTHING;
  const token = limitLife(shiftToken(opened.value, aheadMs), { now, maxAgeMs });
  return token === undefined || isVoid(token) ? NOTHING : { kind: 'token', token };
}

/**
 * Whether a row shows that there is no token and nothing to wait for, even to a reader without the credential. What it
 * says of its token's end is not sealed: the lease of a vacant row may be taken, and no more.
 */
export const isVacant = (row: Row, now: EpochMs): boolean =>
  !row.malformed &&
  (row.sealed === undefined || (row.expiresAt !== undefined && row.expiresAt <= now)) &&
  (row.failedUntil === undefined || row.failedUntil <= now) &&
  !isLeased(row, now);

/** What to do with a row: the decision of the renewal. */
export type NextStep = 'serve' | 'report_failure' | 'wait' | 'acquire';

/** Decides from the freshness of the token, whether a failure lasts, and whether another sandbox holds the lease. */
export function nextStep(state: Freshness, { failed, leased }: { failed: boolean; leased: boolean }): NextStep {
  if (state === 'fresh') return 'serve';
  if (failed) return 'report_failure';
  if (!leased) return 'acquire';
  return state === 'due' ? 'serve' : 'wait';
}

/** The decision on a row, and what it is based on. */
export type Judgement =
  | { readonly step: 'serve'; readonly token: Token }
  | { readonly step: 'report_failure'; readonly failure: Failure }
  | { readonly step: 'wait' }
  | { readonly step: 'acquire' };

/** Decides what to do with a row and the token in it. */
export function judgeRow(
  row: Row,
  token: Token | undefined,
  { held, now, ...limits }: { held: HeldCredential; now: EpochMs; minValidityMs: number; aheadMs: number },
): Judgement {
  const state = token === undefined ? 'dead' : freshness(token, { now, ...limits });
  const failure = failureFromRow(row);
  const failed = stands(failure, now, held.id);
  const step = nextStep(state, { failed, leased: isLeased(row, now) });
  if (step === 'serve' && token !== undefined) return { step, token };
  if (failed && step === 'report_failure') return { step, failure };
  return { step: step === 'wait' ? step : 'acquire' };
}
