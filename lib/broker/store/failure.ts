import type { BrokerError } from '../../core/error.ts';
import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';
import { CLOCK_SKEW_MS } from './lease.ts';
import type { Row } from './table.ts';

/** A failure to obtain a token, remembered so that callers do not repeat it at ZITADEL. */
export interface Failure {
  readonly error: BrokerError;
  /** Nobody tries again before this. */
  readonly until: EpochMs;
  /** How many have come one after the other. */
  readonly count: number;
  /** The credential that was refused, or may have been; a changed one is worth a new attempt at once. */
  readonly credential?: string;
  /** It is the subject's: over as soon as the subject's token can be had. */
  readonly ofSubject?: true;
}

/** Whether a failure is a suspicion against a credential: an error that may be the credential's, or an outage. */
export const isSuspicionAgainst = (failure: Failure | undefined, credential: string): boolean =>
  failure?.error.kind === 'unavailable' && failure.credential === credential;

const SHORTEST_PAUSE_MS = 2 * SECOND_MS;
export const LONGEST_PAUSE_MS = 30 * SECOND_MS;

/** Keeps sandboxes that failed together from trying again together. */
const JITTER_SHARE = 0.2;

/**
 * How long to leave ZITADEL alone after `count` failures in a row: 2 s, doubled each time, and no less than the server
 * asked for; up to a fifth more at random, and 30 s at the most.
 * @param random from [0, 1)
 */
export function pauseMs(
  count: number,
  { random, askedMs = 0 }: { random: number; askedMs?: number | undefined },
): number {
  const doubledMs = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** (count - 1));
  return Math.min(LONGEST_PAUSE_MS, Math.ceil(Math.max(doubledMs, askedMs) * (1 + JITTER_SHARE * random)));
}

/** Where and when something failed. */
export interface FailureContext {
  readonly now: EpochMs;
  /** How many have failed before, one after the other. */
  readonly earlier: number;
  readonly random: number;
  readonly credential?: string | undefined;
  /** Until when a refusal stands that had been met before. */
  readonly refusedUntil?: EpochMs | undefined;
  readonly ofSubject?: true | undefined;
}

/** Remembers an error. What was refused stays refused for 30 s; what was away is asked again sooner. */
export function createFailure(
  error: BrokerError,
  { now, earlier, random, credential, refusedUntil, ofSubject }: FailureContext,
): Failure {
  // What was not asked has not failed once more, and stands for no longer than what it is spared for.
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
 * Whether a failure still keeps the holder of `credential` from trying.
 * @param credential absent where it is not known yet: then any refusal counts
 */
export const stands = (failure: Failure | undefined, now: EpochMs, credential?: string): failure is Failure =>
  failure !== undefined &&
  now < failure.until &&
  // No failure is remembered for longer, whoever wrote it and by whichever clock.
  failure.until <= now + LONGEST_PAUSE_MS + CLOCK_SKEW_MS &&
  (failure.credential === undefined || credential === undefined || failure.credential === credential);

/** A steady load tries again within this time after the pause; whoever comes later than that waits for the attempt. */
const RECENT_MS = 5 * SECOND_MS;

/** Whether a failure stood until a moment ago: whoever tries again had better not make anybody wait for it. */
export const isRecent = (failure: Failure | undefined, now: EpochMs): failure is Failure =>
  failure !== undefined && now < plus(failure.until, RECENT_MS);

/** A refused or unusable credential is read again every 1 to 2 s: whoever comes back then may find a new one. */
const REFUSED_RETRY_MS = 2 * SECOND_MS;

/** The failure as callers get it at `now`: `Retry-After` counts down. */
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

/** A failure as the table keeps it: its kind, never a text from outside. */
export const failureToRow = ({ error, until, count, credential }: Failure): Row => ({
  failedUntil: until,
  failure: error.kind,
  failures: count,
  ...(credential === undefined ? {} : { failedCredential: credential }),
});

/** The failure that another sandbox has left in a row. */
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
