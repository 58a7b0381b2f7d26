import { type Clock, sleep, within } from '../../core/clock.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';
import type { Credential } from '../../zitadel/credential.ts';
import { type AttemptFailure, type Failure, LONGEST_PAUSE_MS } from '../store/failure.ts';
import type { Credentials, HeldCredential } from './credentials.ts';

/** One request to ZITADEL with a credential. */
export type Attempt<T> = (held: HeldCredential) => Promise<Result<T, AttemptFailure>>;

export interface AttemptOptions {
  /** Whether there is time for another request in `delayMs` milliseconds. */
  readonly mayRepeat: (delayMs: number) => boolean;
  /** Whether an earlier attempt, here or elsewhere, ended in a suspicion against this credential. */
  readonly isSuspected?: boolean;
}

/** Runs attempts with a credential; returns the result and the credential that was used last. */
export type WithCredential = <T>(
  secret: string,
  held: HeldCredential,
  attempt: Attempt<T>,
  mayRepeat: AttemptOptions['mayRepeat'],
  isSuspected?: boolean,
) => Promise<Result<{ readonly value: T; readonly held: HeldCredential }, AttemptFailure>>;

/** How long a caller waits while the secret of a refused credential is read again. */
const REFRESH_MS = 0.5 * SECOND_MS;

/** Whether the secret of a credential that was refused or unusable has a new one. Waits at most 0.5 s. */
export async function isReplaced(
  { clock, credentials }: { clock: Clock; credentials: Credentials },
  secret: string,
  { error, credential }: Failure,
  deadline: EpochMs,
): Promise<boolean> {
  if (error.kind !== 'credential_refused' && error.kind !== 'credential_unusable') return false;
  const before = credential ?? credentials.known(secret);
  const waitMs = Math.min(REFRESH_MS, (deadline - clock.now()) / 2);
  const current = await within(clock, waitMs, credentials.refresh(secret));
  return current?.ok === true && current.value.id !== before;
}

/** Not remembered as a refusal: the next request has the new secret and time to use it. */
const CHANGED: AttemptFailure = {
  error: {
    kind: 'unavailable',
    dependency: 'zitadel',
    detail: 'the credential was refused; its secret has changed, but there was no time left to try the new one',
    retryAfterMs: 0,
  },
};

/** ZITADEL may refuse a credential that was just added, because its reads lag its writes. */
const SETTLING_MS = 500;

/** A locked account is retried sooner than a wrong credential. */
const LONGEST_ACCOUNT_PAUSE_MS = 10 * SECOND_MS;
const FIRST_ACCOUNT_PAUSE_MS = 2 * SECOND_MS;

type Refusal = AttemptFailure & { readonly until: EpochMs };

/** A failure that may mean a refused credential or an outage. */
const isSuspicion = ({ error, credential }: AttemptFailure): boolean =>
  credential !== undefined && error.kind === 'unavailable';

/** A confirmed suspicion: the secret has not changed, and ZITADEL has had time to recover. */
const confirmed = (failure: AttemptFailure): AttemptFailure => ({
  ...failure,
  error: { kind: 'credential_refused', detail: `${failure.error.detail} (twice: the credential counts as refused)` },
});

/**
 * Creates the handling of refused credentials. It reads the secret again and tries a changed credential. An unchanged
 * one that has never worked here is retried after a short pause. A credential that stays refused is not retried for
 * 30 s, for any purpose. Meanwhile the secret is read every 1 to 2 s, and a changed credential is used at once.
 */
export function createRefusals({ clock, credentials }: { clock: Clock; credentials: Credentials }): WithCredential {
  /** Credentials that have worked here: if one is refused, the reason is not that it is too new. */
  const proven = new WeakSet<Credential>();
  const refused = new WeakMap<Credential, Refusal>();
  /** The number of consecutive refusals because the account is not active. */
  const inactive = new WeakMap<Credential, number>();

  const standingRefusal = ({ credential }: HeldCredential): AttemptFailure | undefined => {
    const refusal = refused.get(credential);
    return refusal !== undefined && clock.now() < refusal.until ? refusal : undefined;
  };

  function leaveAlone({ credential }: HeldCredential, failure: AttemptFailure) {
    const count = (inactive.get(credential) ?? 0) + 1;
    if (failure.isAccount) inactive.set(credential, count);
    const accountPauseMs = Math.min(LONGEST_ACCOUNT_PAUSE_MS, FIRST_ACCOUNT_PAUSE_MS * 2 ** (count - 1));
    const pauseMs = failure.isAccount ? accountPauseMs : LONGEST_PAUSE_MS;
    const refusal = { ...failure, until: plus(clock.now(), pauseMs) };
    refused.set(credential, refusal);
    return fail<AttemptFailure>(refusal);
  }

  return async (secret, held, attempt, mayRepeat, isSuspected = false) => {
    const tryWith = async (used: HeldCredential) => {
      const result = await attempt(used);
      if (!result.ok) return result;
      proven.add(used.credential);
      refused.delete(used.credential);
      inactive.delete(used.credential);
      return ok({ value: result.value, held: used });
    };
    /** A suspicion is not remembered here until it is confirmed. */
    const settle = (used: HeldCredential, failure: AttemptFailure, stands: boolean) => {
      if (!isSuspicion(failure)) return leaveAlone(used, failure);
      return stands ? leaveAlone(used, confirmed(failure)) : fail(failure);
    };
    /** The second and last attempt: after another refusal, the credential is not retried until the pause ends. */
    const tryLast = async (used: HeldCredential, stands: boolean) => {
      const standing = standingRefusal(used);
      if (standing !== undefined) return fail(standing);
      const result = await tryWith(used);
      return result.ok || result.error.credential === undefined ? result : settle(used, result.error, stands);
    };

    /** A changed credential may be refused because it is too new, so it is retried once after a short pause. */
    const tryChanged = async (used: HeldCredential) => {
      const standing = standingRefusal(used);
      if (standing !== undefined) return fail(standing);
      const result = await tryWith(used);
      if (result.ok || result.error.credential === undefined) return result;
      if (result.error.isAccount || !mayRepeat(SETTLING_MS)) return settle(used, result.error, false);
      await sleep(clock, SETTLING_MS);
      return tryLast(used, false);
    };

    const standing = standingRefusal(held);
    if (standing !== undefined) {
      const current = await credentials.refresh(secret);
      const isChanged = current.ok && current.value.id !== held.id;
      return isChanged && mayRepeat(0) ? tryChanged(current.value) : fail(standing);
    }
    const first = await tryWith(held);
    if (first.ok || first.error.credential === undefined) return first;
    const current = await credentials.reread(secret, held.id);
    if (current.ok && current.value.id !== held.id) {
      if (!isSuspicion(first.error)) leaveAlone(held, first.error);
      return mayRepeat(0) ? tryChanged(current.value) : fail(CHANGED);
    }
    if (isSuspicion(first.error) && isSuspected) return settle(held, first.error, true);
    // A client secret that did not change while this sandbox had it is not new.
    const mayBeTooNew =
      held.credential.kind !== 'client_secret' && !first.error.isAccount && !proven.has(held.credential);
    if ((!mayBeTooNew && !isSuspicion(first.error)) || !mayRepeat(SETTLING_MS)) return settle(held, first.error, false);
    await sleep(clock, SETTLING_MS);
    return tryLast(held, false);
  };
}
