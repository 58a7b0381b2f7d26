import type { BrokerError } from '../../core/error.ts';
import { REQUEST_MS } from '../../core/limits.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { MINUTE_MS, plus, SECOND_MS } from '../../core/time.ts';
import { LONGEST_LIFE_MS } from '../../oauth/token-response.ts';
import type { Send } from '../../oauth/transport.ts';
import type { Credential } from '../../zitadel/credential.ts';
import type { Introspection } from '../../zitadel/introspection.ts';
import { buildRevocationRequest, judgeRevocation } from '../../zitadel/revocation.ts';
import { type AttemptDeps, asApplication, type RequestTime, toAttemptFailure } from '../credentials/application.ts';
import type { Inquiry } from '../introspection/inquiry.ts';
import type { Profile } from '../profiles/profile.ts';
import type { Bulletin } from '../store/bulletin.ts';
import type { Holdings } from '../store/holdings.ts';
import { tokenNotice } from '../store/notices.ts';

export interface RevokeDeps extends AttemptDeps {
  readonly uuid: () => string;
  readonly send: Send;
  readonly bulletin: Pick<Bulletin, 'post'>;
  readonly holdings: Pick<Holdings, 'find'>;
  readonly inquiry: Inquiry;
}

/** Revokes a token at ZITADEL, and notifies every sandbox. */
export type Revoke = (profile: Profile, token: Redacted<string>) => Promise<Result<void, BrokerError>>;

/** Introspection and revocation: up to three requests. */
const REVOKE_MS = 3 * REQUEST_MS + SECOND_MS;

const FOREIGN: BrokerError = {
  kind: 'unsupported_token_type',
  detail:
    'this profile cannot revoke this token: it can revoke only tokens of its own account that have the audience of the ' +
    'revoking application, which this profile requests since it has revocation',
};

/** Whether ZITADEL issued a token to the account of a credential. Login names are compared case-insensitively. */
function isOf(credential: Credential, { subject, clientId }: Introspection): boolean {
  if (credential.kind === 'service_account_key') return subject === credential.userId;
  return clientId?.toLowerCase() === credential.clientId.toLowerCase();
}

/**
 * Creates the revocation of one sandbox. It succeeds only if ZITADEL confirms it. For every caller, it revokes only
 * tokens of the profile's own account; introspection at ZITADEL shows whose a token is.
 */
export function createRevoke(deps: RevokeDeps): Revoke {
  const { clock, uuid, send, bulletin, holdings, inquiry, credentials } = deps;

  const revokeAtZitadel = ({ name }: Profile, time: RequestTime, token: Redacted<string>) =>
    asApplication<void>(deps, time, async ({ credential, id }) => {
      const request = await buildRevocationRequest(
        { issuer: time.issuer, credential, token },
        { now: clock.now(), jti: uuid },
      );
      const outcome = judgeRevocation(request, await send(request));
      if (outcome.kind === 'revoked') return ok(undefined);
      if (outcome.kind === 'foreign_token') return fail({ error: FOREIGN });
      return fail(toAttemptFailure(outcome, id, `revocation of profile ${name}, secret ${time.secret}`));
    });

  return async (profile, token) => {
    const { issuer, secret, revocation } = profile;
    if (revocation === undefined) {
      return fail({ kind: 'unsupported_token_type', detail: 'this profile does not revoke tokens' });
    }
    const time = { secret: revocation.secret, issuer, endsAt: plus(clock.now(), REVOKE_MS) };
    const [own, asked, found] = await Promise.all([
      credentials.get(secret),
      inquiry.ask(time, token),
      holdings.find(token),
    ]);
    if (!own.ok) return own;
    if (!asked.ok) return asked;
    const { isActive } = asked.value;
    if (isActive && !isOf(own.value.credential, asked.value)) return fail(FOREIGN);
    const revoked = await revokeAtZitadel(profile, time, token);
    if (!revoked.ok) return revoked;
    const holding = found.ok ? found.value : undefined;
    // A token that is made up, or dead and not held by the broker, causes no write.
    if (!isActive && found.ok && holding === undefined) return ok(undefined);
    const until = holding?.until ?? asked.value.expiresAt ?? plus(clock.now(), LONGEST_LIFE_MS);
    const holder = holding?.profile ?? profile.name;
    const posted = await bulletin.post(tokenNotice(token, { profile: holder, until: plus(until, MINUTE_MS) }));
    if (posted.ok) return ok(undefined);
    const detail = `revoked, but the other sandboxes could not be notified: ${posted.error.detail}`;
    return fail({ kind: 'unavailable', dependency: 'dynamodb', detail, retryAfterMs: SECOND_MS });
  };
}
