import type { Clock } from '../core/clock.ts';
import type { BrokerError } from '../core/error.ts';
import type { Redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { plus, SECOND_MS } from '../core/time.ts';
import type { Send } from '../oauth/transport.ts';
import { buildRevocationRequest, judgeRevocation } from '../zitadel/revocation.ts';
import { getApplication, toAttemptFailure } from './application.ts';
import type { Credentials, HeldCredential } from './credentials.ts';
import { REQUEST_MS } from './exchange.ts';
import type { Profile } from './profile.ts';
import type { AttemptFailure, WithCredential } from './refusals.ts';
import type { Revocations } from './revocations.ts';

export interface RevokeDeps {
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly send: Send;
  readonly revocations: Revocations;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
}

/** Revokes a token at ZITADEL, and lets every sandbox know. */
export type Revoke = (profile: Profile, token: Redacted<string>) => Promise<Result<void, BrokerError>>;

const REVOKE_MS = 2 * REQUEST_MS + SECOND_MS;

const FOREIGN: BrokerError = {
  kind: 'unsupported_token_type',
  detail:
    'this profile did not earn the token, so ZITADEL does not let it revoke it: only tokens that carry the audience ' +
    'of the revoking application can be revoked, which this profile asks for since it has revocation',
};

/** Creates the revocation of one sandbox. Nothing is pretended: without ZITADEL's word there is no success. */
export function createRevoke({ clock, uuid, send, revocations, credentials, withCredential }: RevokeDeps): Revoke {
  return async ({ issuer, revocation: secret }, token) => {
    if (secret === undefined) {
      return fail({ kind: 'unsupported_token_type', detail: 'this profile does not revoke tokens' });
    }
    const application = await getApplication(credentials, secret);
    if (!application.ok) return application;
    const endsAt = plus(clock.now(), REVOKE_MS);
    const attempt = async ({ credential, id }: HeldCredential): Promise<Result<void, AttemptFailure>> => {
      const request = await buildRevocationRequest({ issuer, credential, token }, { now: clock.now(), jti: uuid });
      const outcome = judgeRevocation(request, await send(request));
      if (outcome.kind === 'revoked') return ok(undefined);
      return fail(outcome.kind === 'foreign_token' ? { error: FOREIGN } : toAttemptFailure(outcome, id));
    };
    const revoked = await withCredential(
      secret,
      application.value.held,
      attempt,
      (delayMs) => clock.now() + delayMs + REQUEST_MS <= endsAt,
    );
    return revoked.ok ? revocations.remember(token) : fail(revoked.error.error);
  };
}
