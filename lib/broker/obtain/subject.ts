import { fail, ok, type Result } from '../../core/result.ts';
import { getApplication } from '../credentials/application.ts';
import type { AttemptFailure, AttemptOptions } from '../credentials/attempt.ts';
import type { Credentials, HeldCredential } from '../credentials/credentials.ts';
import type { Profile } from '../profiles/profile.ts';
import type { Demand } from '../token/demand.ts';
import { isSameToken, type Token } from '../token/freshness.ts';
import { demandGrant, type IssuedToken, type RequestToken } from './request.ts';

/** All that a token request needs, before the lease is taken. */
export interface Prepared {
  readonly held: HeldCredential;
  /** The token that is to be exchanged, where the grant is an exchange. */
  readonly subject?: Token;
  /** The client id of the application that is to revoke the token. */
  readonly revoker?: string;
}

/** Finds the token that a demand exchanges. `refused` is one that ZITADEL has just turned down. */
export type ObtainSubject = (demand: Demand, refused?: Token) => Promise<Result<Token, AttemptFailure>>;

/** A token request in two steps: finding the subject comes before the lease, the request itself under it. */
export interface TokenRequests {
  readonly prepare: (demand: Demand, held: HeldCredential) => Promise<Result<Prepared, AttemptFailure>>;
  readonly request: (
    demand: Demand,
    prepared: Prepared,
    options: AttemptOptions,
  ) => Promise<Result<IssuedToken, AttemptFailure>>;
}

/** After a subject's token that is refused: the one that is stored, and a new one. */
const MORE_SUBJECTS = 2;

export interface TokenRequestsDeps {
  readonly requestToken: RequestToken;
  readonly credentials: Credentials;
  readonly obtainSubject: ObtainSubject;
}

/**
 * The client id of the application that revokes: ZITADEL revokes a token only for one that is in its audience. Where the
 * secret cannot be read a token is obtained all the same, and cannot be revoked.
 */
export async function findRevoker(
  { revocation }: Profile,
  credentials: Credentials,
): Promise<{ readonly revoker?: string }> {
  if (revocation === undefined) return {};
  if (revocation.clientId !== undefined) return { revoker: revocation.clientId };
  const application = await getApplication(credentials, revocation.secret);
  return application.ok ? { revoker: application.value.clientId } : {};
}

/** Creates token requests that find their subject themselves. */
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
      // ZITADEL ends the tokens of an account that was locked: the kept one may be dead, and the stored one as well.
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
