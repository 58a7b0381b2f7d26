import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { audienceScope } from '../zitadel/scope.ts';
import { getApplication } from './application.ts';
import type { Credentials, HeldCredential } from './credentials.ts';
import type { Demand } from './demand.ts';
import { demandGrant, type Earned, type Exchange } from './exchange.ts';
import { isSameToken, type Token } from './freshness.ts';
import type { AttemptFailure } from './refusals.ts';

/** All that an exchange needs, before the lease is taken. */
export interface Prepared {
  readonly held: HeldCredential;
  /** The token that is to be exchanged, where the grant is an exchange. */
  readonly subject?: Token;
  /** The scope that makes the token revocable by the profile's application. */
  readonly audience?: string;
}

/** Finds the token that a demand exchanges. `refused` is one that ZITADEL has just turned down. */
export type ObtainSubject = (demand: Demand, refused?: Token) => Promise<Result<Token, AttemptFailure>>;

/** Earning a token in two steps: what takes other tokens comes before the lease, what takes one request under it. */
export interface Earn {
  readonly prepare: (demand: Demand, held: HeldCredential) => Promise<Result<Prepared, AttemptFailure>>;
  /** @param mayRepeat whether another request may follow that many milliseconds from now */
  readonly earn: (
    demand: Demand,
    prepared: Prepared,
    mayRepeat: (delayMs: number) => boolean,
  ) => Promise<Result<Earned, AttemptFailure>>;
}

export interface EarnDeps {
  readonly exchange: Exchange;
  readonly credentials: Credentials;
  readonly obtainSubject: ObtainSubject;
}

/** Creates the earning of tokens from the exchange and the way to subjects' tokens. */
export function createEarn({ exchange, credentials, obtainSubject }: EarnDeps): Earn {
  /** ZITADEL revokes a service account's token only for an application that is in its audience. */
  async function revocableBy(secret: string): Promise<Result<string, BrokerError>> {
    const application = await getApplication(credentials, secret);
    return application.ok ? ok(audienceScope(application.value.clientId)) : application;
  }

  return {
    async prepare(demand, held) {
      const grant = demandGrant(demand, held.credential);
      if (!grant.ok) return fail({ error: grant.error });
      if (grant.value === 'token-exchange') {
        // An exchanged token inherits its audience from the subject's.
        const subject = await obtainSubject(demand);
        return subject.ok ? ok({ held, subject: subject.value }) : subject;
      }
      if (demand.profile.revocation === undefined) return ok({ held });
      const audience = await revocableBy(demand.profile.revocation);
      return audience.ok ? ok({ held, audience: audience.value }) : fail({ error: audience.error });
    },
    async earn(demand, prepared, mayRepeat) {
      const first = await exchange(demand, { ...prepared, mayRepeat });
      if (first.ok || first.error.subjectRefused === undefined || prepared.subject === undefined) return first;
      // ZITADEL ends the tokens of an account that was locked: the kept one may be dead, a new one alive.
      const newer = await obtainSubject(demand, prepared.subject);
      if (!newer.ok || isSameToken(newer.value, prepared.subject) || !mayRepeat(0)) return first;
      return exchange(demand, { held: prepared.held, subject: newer.value, mayRepeat: () => false });
    },
  };
}
