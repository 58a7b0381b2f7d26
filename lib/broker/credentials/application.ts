import type { BrokerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { UpstreamTrouble } from '../../zitadel/upstream.ts';
import type { AttemptFailure } from './attempt.ts';
import type { Credentials, HeldCredential } from './credentials.ts';

/** The credential of an application, and the client id that names the application in an audience. */
export interface Application {
  readonly held: HeldCredential;
  readonly clientId: string;
}

/** Gets an application's credential: ZITADEL accepts no other for introspection and revocation. */
export async function getApplication(
  credentials: Credentials,
  secret: string,
): Promise<Result<Application, BrokerError>> {
  const held = await credentials.get(secret);
  if (!held.ok) return held;
  const { credential } = held.value;
  if (credential.kind !== 'service_account_key') return ok({ held: held.value, clientId: credential.clientId });
  const detail = `secret ${secret}: a service-account key cannot introspect or revoke; use an application's credential`;
  return fail({ kind: 'credential_unusable', detail });
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
