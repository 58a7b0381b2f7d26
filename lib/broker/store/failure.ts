import type { BrokerError } from '../../core/error.ts';
import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';
import { CLOCK_SKEW_MS } from './lease.ts';
import type { Row } from './table.ts';

/** Why a request with a credential failed. */
export interface AttemptFailure {
  readonly error: BrokerError;
  /** The id of the credential that was, or may have been, refused. */
  readonly credential?: string;
  /** When the refusal ends; reporting it again does not prolong it. */
  readonly until?: EpochMs;
  /** The subject's token was refused; another one may be accepted. */
  readonly subjectRefused?: true;
  /** The subject's token could not be obtained; the failure ends as soon as it can. */
  readonly ofSubject?: true;
  /** The account is locked or deactivated; the credential itself may work again at any time. */
  readonly isAccount?: true;
}

/** A failure to obtain a token, remembered so that the same request is not sent to ZITADEL again. */
export interface Failure extends Pick<AttemptFailure, 'error' | 'credential' | 'ofSubject'> {
  /** No retry before then. */
  readonly until: EpochMs;
  /** The number of consecutive failures. */
  readonly count: number;
}

/** Whether a failure is a suspicion against a credential: either the credential or an outage may be the cause. */
export const isSuspicionAgainst = (failure: Failure | undefined, credential: string): boolean =>
  failure?.error.kind === 'unavailable' && failure.credential === credential;

const SHORTEST_PAUSE_MS = 2 * SECOND_MS;
export const LONGEST_PAUSE_MS = 30 * SECOND_MS;

/** Keeps sandboxes that failed together from retrying together. */
const JITTER_SHARE = 0.2;

/**
 * How long not to send requests to ZITADEL after `count` consecutive failures: 2 s, doubled each time, at least what
 * the server asked for, plus up to a fifth at random, at most 30 s.
 * @param random from [0, 1)
 */
export function pauseMs(
  count: number,
  { random, askedMs = 0 }: { random: number; askedMs?: number | undefined },
): number {
  const doubledMs = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** (count - 1));
  return Math.min(LONGEST_PAUSE_MS, Math.ceil(Math.max(doubledMs, askedMs) * (1 + JITTER_SHARE * random)));
}

/**
 * A failed attempt as it is remembered. A refused credential is not retried for 30 s; after an outage the retry comes
 * sooner.
 * @param earlier the number of consecutive failures before this one
 * @param random from [0, 1)
 */
export function createFailure(
  { error, credential, until: refusedUntil, ofSubject }: AttemptFailure,
  { now, earlier, random }: { now: EpochMs; earlier: number; random: number },
): Failure {
  // A request that was not sent is not another failure, and lasts only as long as requests are held back.
  if (error.kind === 'unavailable' && error.isHeldBack)
    return { error, until: plus(now, error.retryAfterMs), count: earlier, ...(ofSubject && { ofSubject }) };
  const count = earlier + 1;
  const askedMs = error.kind === 'unavailable' ? error.retryAfterMs : 0;
  const isRefusal = error.kind === 'credential_refused';
  return {
    error,
    until:
      (isRefusal ? refusedUntil : undefined) ??
      plus(now, isRefusal ? LONGEST_PAUSE_MS : pauseMs(count, { random, askedMs })),
    count,
    ...(credential === undefined ? {} : { credential }),
    ...(ofSubject === undefined ? {} : { ofSubject }),
  };
}

/**
 * Whether a failure still prevents an attempt with `credential`.
 * @param credential absent if not known yet: then any refusal counts
 */
export const stands = (failure: Failure | undefined, now: EpochMs, credential?: string): failure is Failure =>
  failure !== undefined &&
  now < failure.until &&
  // Never longer, even if a sandbox with a wrong clock wrote the row.
  failure.until <= now + LONGEST_PAUSE_MS + CLOCK_SKEW_MS &&
  (failure.credential === undefined || credential === undefined || failure.credential === credential);

/** Under steady load the next attempt comes within this time after the pause; later callers wait for it. */
const RECENT_MS = 5 * SECOND_MS;

/** Whether a failure lasts or ended so recently that a retry should not block callers. */
export const isRecent = (failure: Failure | undefined, now: EpochMs): failure is Failure =>
  failure !== undefined && now < plus(failure.until, RECENT_MS);

/** A refused or unusable credential is read again every 1 to 2 s, so a caller that retries then may get a new one. */
const REFUSED_RETRY_MS = 2 * SECOND_MS;

/** The error for callers at `now`: `Retry-After` counts down. */
export function currentError({ error, until }: Failure, now: EpochMs): BrokerError {
  switch (error.kind) {
    case 'unavailable':
    case 'unexpected_answer':
      return { ...error, retryAfterMs: Math.max(0, until - now) };
    case 'credential_refused':
    case 'credential_unusable':
      return { ...error, retryAfterMs: REFUSED_RETRY_MS };
    default:
      return error;
  }
}

/** A failure as stored in the table: its kind, never an untrusted text. */
export const failureToRow = ({ error, until, count, credential }: Failure): Row => ({
  failedUntil: until,
  failure: error.kind,
  failures: count,
  ...(credential === undefined ? {} : { failedCredential: credential }),
});

/** The failure that another sandbox stored in a row. */
export function failureFromRow({ failedUntil, failure, failures = 1, failedCredential }: Row): Failure | undefined {
  if (failedUntil === undefined) return undefined;
  const detail = 'another sandbox has just failed; its log says why';
  const error: BrokerError =
    failure === 'credential_refused' || failure === 'credential_unusable' || failure === 'unexpected_answer'
      ? { kind: failure, detail }
      : { kind: 'unavailable', dependency: 'zitadel', detail, retryAfterMs: 0 };
  const credential = failedCredential === undefined ? {} : { credential: failedCredential };
  return { error, until: failedUntil, count: failures, ...credential };
}
