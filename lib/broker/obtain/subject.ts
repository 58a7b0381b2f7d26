import { fail, ok, type Result } from '../../core/result.ts';
import { getClientId } from '../credentials/application.ts';
import type { AttemptOptions } from '../credentials/attempt.ts';
import type { Credentials, HeldCredential } from '../credentials/credentials.ts';
import type { Profile } from '../profiles/profile.ts';
import type { AttemptFailure } from '../store/failure.ts';
import type { Demand } from '../token/demand.ts';
import { isSameToken, type Token } from '../token/freshness.ts';
import { demandGrant, type IssuedToken, type RequestToken } from './request.ts';

/** What a token request needs, prepared before the lease is acquired. */
export interface Prepared {
  readonly held: HeldCredential;
  /** The token to exchange, if the grant is an exchange. */
  readonly subject?: Token;
  /** The client id of the application that can revoke the token. */
  readonly revoker?: string;
}

/** Obtains the token that a demand exchanges. `refused`: the one that ZITADEL has just refused. */
export type ObtainSubject = (demand: Demand, refused?: Token) => Promise<Result<Token, AttemptFailure>>;

/** A token request in two steps: the subject's token is obtained before the lease, the request is sent under it. */
export interface TokenRequests {
  readonly prepare: (demand: Demand, held: HeldCredential) => Promise<Result<Prepared, AttemptFailure>>;
  readonly request: (
    demand: Demand,
    prepared: Prepared,
    options: AttemptOptions,
  ) => Promise<Result<IssuedToken, AttemptFailure>>;
}

/** The subject tokens to try after a refused one: the stored one, and a new one. */
const MORE_SUBJECTS = 2;

export interface TokenRequestsDeps {
  readonly requestToken: RequestToken;
  readonly credentials: Credentials;
  readonly obtainSubject: ObtainSubject;
}

/**
 * The client id of the revoking application: ZITADEL revokes a token only for a client in its audience. If the secret
 * cannot be read, the token is obtained anyway and cannot be revoked.
 */
export async function findRevoker(
  { revocation }: Profile,
  credentials: Credentials,
): Promise<{ readonly revoker?: string }> {
  if (revocation === undefined) return {};
  if (revocation.clientId !== undefined) return { revoker: revocation.clientId };
  const clientId = await getClientId(credentials, revocation.secret);
  return clientId.ok ? { revoker: clientId.value } : {};
}

/** Creates token requests that obtain their subject's token themselves. */
export function createTokenRequests({ requestToken, credentials, obtainSubject }: TokenRequestsDeps): TokenRequests {
  return {
    async prepare(demand, held) {
      const grant = demandGrant(demand, held.credential);
      if (!grant.ok) return fail({ error: grant.error });
      const revoker = await findRevoker(demand.profile, credentials);
      if (grant.value !== 'token-exchange') return ok({ held, ...revoker });
      const subject = await obtainSubject(demand);
      return subject.ok ? ok({ held, ...revoker, subject: subject.value }) : subject;
    },
    async request(demand, prepared, options) {
      let used = prepared.subject;
      let result = await requestToken(demand, { ...prepared, ...options });
      // ZITADEL ends the tokens of a locked account: the cached token may be dead, and the stored one too.
      for (let more = MORE_SUBJECTS; more > 0 && used !== undefined; more -= 1) {
        if (result.ok || !result.error.subjectRefused) return result;
        const newer = await obtainSubject(demand, used);
        if (!newer.ok || isSameToken(newer.value, used) || !options.mayRepeat(0)) return result;
        used = newer.value;
        result = await requestToken(demand, { ...prepared, subject: used, mayRepeat: options.mayRepeat });
      }
      return result;
    },
  };
}
