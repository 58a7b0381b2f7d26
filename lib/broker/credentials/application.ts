import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { EpochMs } from '../../core/time.ts';
import type { UpstreamTrouble } from '../../zitadel/upstream.ts';
import type { AttemptFailure } from '../store/failure.ts';
import type { Attempt, WithCredential } from './attempt.ts';
import type { Credentials, HeldCredential } from './credentials.ts';
import { mayRepeatUntil } from './deadline.ts';
import type { ExplainRefusal } from './issuer-check.ts';

/** The client id of a credential, if it is an application's. */
function clientIdOf({ credential }: HeldCredential, secret: string): Result<string, BrokerError> {
  if (credential.kind !== 'service_account_key') return ok(credential.clientId);
  const detail = `secret ${secret}: a service-account key cannot introspect or revoke; use an application's credential`;
  return fail({ kind: 'credential_unusable', detail });
}

/** The client id of the application whose credential is in a secret: it names the application in an audience. */
export async function getClientId(credentials: Credentials, secret: string): Promise<Result<string, BrokerError>> {
  const held = await credentials.get(secret);
  return held.ok ? clientIdOf(held.value, secret) : held;
}

/** The secret of a request, the issuer that it addresses, and the end of its time. */
export interface RequestTime {
  readonly secret: string;
  readonly issuer: string;
  readonly endsAt: EpochMs;
}

export interface AttemptDeps {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
  readonly explainRefusal: ExplainRefusal;
}

/**
 * Runs attempts with the credential in a secret, until `endsAt`.
 * @param check refuses a credential before it is used
 */
export async function withSecret<T>(
  { clock, credentials, withCredential, explainRefusal }: AttemptDeps,
  { secret, issuer, endsAt }: RequestTime,
  attempt: Attempt<T>,
  check: (held: HeldCredential, secret: string) => Result<unknown, BrokerError> = ok,
): Promise<Result<T, AttemptFailure>> {
  const held = await credentials.get(secret);
  if (!held.ok) return fail({ error: held.error });
  const checked = check(held.value, secret);
  if (!checked.ok) return fail({ error: checked.error });
  const mayRepeat = mayRepeatUntil(clock, endsAt);
  const result = await withCredential(secret, held.value, attempt, mayRepeat);
  if (result.ok) return ok(result.value.value);
  return fail(await explainRefusal(result.error, { issuer, credential: held.value.credential, mayRepeat }));
}

/** Runs attempts with an application's credential: ZITADEL accepts no other for introspection and revocation. */
export async function asApplication<T>(
  deps: AttemptDeps,
  time: RequestTime,
  attempt: Attempt<T>,
): Promise<Result<T, BrokerError>> {
  const result = await withSecret(deps, time, attempt, clientIdOf);
  return result.ok ? result : fail(result.error.error);
}

/** The failure of an attempt, from one that every endpoint shares. `whose`: the profile and secret, for the log. */
export function toAttemptFailure(
  outcome: UpstreamTrouble | { readonly kind: 'credential_refused' | 'maybe_refused'; readonly detail: string },
  credential: string,
  whose: string,
): AttemptFailure {
  const detail = `${whose}: ${outcome.detail}`;
  switch (outcome.kind) {
    case 'credential_refused':
      return { error: { kind: 'credential_refused', detail }, credential };
    case 'maybe_refused':
      return { error: { kind: 'unavailable', dependency: 'zitadel', detail, retryAfterMs: 0 }, credential };
    case 'unexpected':
      return { error: { kind: 'unexpected_answer', detail: outcome.detail } };
    default: {
      const { detail: reason, retryAfterMs = 0, isHeldBack } = outcome;
      const error: BrokerError = { kind: 'unavailable', dependency: 'zitadel', detail: reason, retryAfterMs };
      return { error: isHeldBack ? { ...error, isHeldBack } : error };
    }
  }
}
