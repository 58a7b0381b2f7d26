import { type Clock, sleep } from '../core/clock.ts';
import type { BrokerError } from '../core/error.ts';
import { fail, type Result } from '../core/result.ts';
import { type EpochMs, plus } from '../core/time.ts';
import type { Credential } from '../zitadel/credential.ts';
import type { Credentials, HeldCredential } from './credentials.ts';
import { LONGEST_PAUSE_MS } from './failure.ts';

/** Why a request with a credential came to nothing. */
export interface AttemptFailure {
  readonly error: BrokerError;
  /** The credential that was refused, where that was the matter. */
  readonly credential?: string;
  /** Until when it is left alone: a refusal that is told again lasts no longer for it. */
  readonly until?: EpochMs;
  /** The subject's token was refused: another one may pass. */
  readonly subjectRefused?: true;
}

/** One request to ZITADEL with a credential. */
export type Attempt<T> = (held: HeldCredential) => Promise<Result<T, AttemptFailure>>;

/** What an attempt came to, and the credential that was used last. */
export type WithCredential = <T>(
  secret: string,
  held: HeldCredential,
  attempt: Attempt<T>,
  /** Whether another request may follow that many milliseconds from now. */
  mayRepeat: (delayMs: number) => boolean,
) => Promise<Result<{ readonly value: T; readonly held: HeldCredential }, AttemptFailure>>;

/** Not remembered as a refusal: the next request has the new secret, and time to use it. */
const CHANGED: AttemptFailure = {
  error: {
    kind: 'unavailable',
    dependency: 'zitadel',
    detail: 'the credential was refused; its secret has changed, but there was no time left to try the new one',
    retryAfterMs: 0,
  },
};

/** ZITADEL may refuse a key that was added a moment ago: its reads lag its writes. */
const KEY_SETTLING_MS = 500;

/**
 * Creates the rule for refused credentials: the secret is read again; a changed one is tried, an unchanged key that has
 * never worked here is tried once more after a moment; what stays refused is left alone for 30 s, whatever it is for.
 */
export function createRefusals({ clock, credentials }: { clock: Clock; credentials: Credentials }): WithCredential {
  /** Credentials that have worked here: a refusal of one of these is not a matter of a key that is too new. */
  const proven = new WeakSet<Credential>();
  const refused = new WeakMap<Credential, AttemptFailure & { readonly until: EpochMs }>();

  const standingRefusal = ({ credential }: HeldCredential): AttemptFailure | undefined => {
    const refusal = refused.get(credential);
    return refusal !== undefined && clock.now() < refusal.until ? refusal : undefined;
  };

  function leaveAlone({ credential }: HeldCredential, failure: AttemptFailure) {
    const refusal = { ...failure, until: plus(clock.now(), LONGEST_PAUSE_MS) };
    refused.set(credential, refusal);
    return fail(refusal);
  }

  return async (secret, held, attempt, mayRepeat) => {
    const tryWith = async (used: HeldCredential) => {
      const result = await attempt(used);
      if (!result.ok) return result;
      proven.add(used.credential);
      return { ok: true, value: { value: result.value, held: used } } as const;
    };
    /** A second attempt is the last one: refused again, the credential is left alone. */
    const tryLast = async (used: HeldCredential) => {
      const standing = standingRefusal(used);
      if (standing !== undefined) return fail(standing);
      const result = await tryWith(used);
      return result.ok || result.error.credential === undefined ? result : leaveAlone(used, result.error);
    };

    const standing = standingRefusal(held);
    if (standing !== undefined) {
      // Somebody else may have read a changed secret since this credential was taken from it.
      const isChanged = ![undefined, held.id].includes(credentials.known(secret));
      const current = isChanged ? await credentials.reread(secret, held.id) : undefined;
      return current?.ok && mayRepeat(0) ? tryLast(current.value) : fail(standing);
    }
    const first = await tryWith(held);
    if (first.ok || first.error.credential === undefined) return first;
    const current = await credentials.reread(secret, held.id);
    if (current.ok && current.value.id !== held.id) {
      leaveAlone(held, first.error);
      return mayRepeat(0) ? tryLast(current.value) : fail(CHANGED);
    }
    const mayBeTooNew = held.credential.kind !== 'client_secret' && !proven.has(held.credential);
    if (!mayBeTooNew || !mayRepeat(KEY_SETTLING_MS)) return leaveAlone(held, first.error);
    await sleep(clock, KEY_SETTLING_MS);
    return tryLast(held);
  };
}
