import type { Clock } from '../core/clock.ts';
import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { SECOND_MS } from '../core/time.ts';
import type { Send } from '../oauth/transport.ts';
import type { Credential } from '../zitadel/credential.ts';
import { chooseGrant, type Grant } from '../zitadel/grant.ts';
import { judgeTokenAnswer, type TokenOutcome } from '../zitadel/token-answer.ts';
import { buildTokenRequest } from '../zitadel/token-request.ts';
import { toAttemptFailure } from './application.ts';
import type { HeldCredential } from './credentials.ts';
import type { Demand } from './demand.ts';
import { LEAST_LEFT_MS, type Token, tokenLife } from './freshness.ts';
import type { AttemptFailure, WithCredential } from './refusals.ts';

/** The most that one request to ZITADEL may take (the transport keeps to it). */
export const REQUEST_MS = 3 * SECOND_MS;

/** What an exchange needs besides the demand. */
export interface ExchangeInput {
  readonly held: HeldCredential;
  /** The token that is exchanged. */
  readonly subject?: Token;
  /** A scope that is added to the demand's: the audience that makes the token revocable. */
  readonly audience?: string;
  /** Whether another request of up to `REQUEST_MS` may follow `delayMs` from now: the lease must outlast it. */
  readonly mayRepeat: (delayMs: number) => boolean;
}

export interface Earned {
  readonly token: Token;
  /** The credential that earned it: another than the one put in where the secret had changed. */
  readonly held: HeldCredential;
}

export type Exchange = (demand: Demand, input: ExchangeInput) => Promise<Result<Earned, AttemptFailure>>;

export interface ExchangeDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly send: Send;
  readonly withCredential: WithCredential;
}

/** Which grant a demand uses with a credential, or why none can. */
export function demandGrant({ profile }: Demand, credential: Credential): Result<Grant, BrokerError> {
  const grant = chooseGrant(credential, { grant: profile.grant, hasSubject: profile.subject !== undefined });
  if (grant.ok) return grant;
  const detail = `profile ${profile.name}, secret ${profile.secret}: ${grant.error}`;
  return fail({ kind: 'credential_unusable', detail });
}

/** What a refusal means where the profile itself asked: whatever it is about, an operator must mend it. */
function toFailure(outcome: Exclude<TokenOutcome, { kind: 'earned' }>, credential: string): AttemptFailure {
  const { detail } = outcome;
  switch (outcome.kind) {
    case 'subject_refused':
      return { error: { kind: 'credential_refused', detail: `the subject's token: ${detail}` }, subjectRefused: true };
    case 'scope_refused':
      return { error: { kind: 'credential_refused', detail: `the scopes of the profile: ${detail}` } };
    case 'type_refused':
    case 'impersonation_refused':
      return { error: { kind: 'credential_refused', detail } };
    default:
      return toAttemptFailure(outcome, credential);
  }
}

/**
 * Creates the one way to earn a token: one request, and a second only where the credential was refused and may have
 * been the wrong one.
 */
export function createExchange({ clock, random, uuid, send, withCredential }: ExchangeDeps): Exchange {
  async function request(demand: Demand, { credential, id }: HeldCredential, { subject, audience }: ExchangeInput) {
    const { profile, scopes } = demand;
    const grant = demandGrant(demand, credential);
    if (!grant.ok) return fail<AttemptFailure>({ error: grant.error });
    const earnedAt = clock.now();
    const asked = {
      issuer: profile.issuer,
      credential,
      grant: grant.value,
      scopes: audience === undefined ? scopes : [...scopes, audience],
      ...(subject === undefined ? {} : { subjectToken: subject.accessToken }),
    };
    const message = await buildTokenRequest(asked, { now: earnedAt, jti: uuid });
    const outcome = judgeTokenAnswer(message, await send(message));
    if (outcome.kind !== 'earned') return fail(toFailure(outcome, id));
    const { accessToken, lifeMs, scope } = outcome.response;
    if (lifeMs < LEAST_LEFT_MS) {
      const detail = `the token lives ${lifeMs / SECOND_MS} s; less than 5 s is of no use`;
      return fail<AttemptFailure>({ error: { kind: 'unexpected_answer', detail } });
    }
    const life = tokenLife(earnedAt, { lifeMs, maxAgeMs: profile.maxAgeMs, random: random() });
    return ok<Token>({ accessToken, ...(scope === undefined ? {} : { scope }), ...life });
  }

  return async (demand, input) => {
    const attempt = (held: HeldCredential) => request(demand, held, input);
    const result = await withCredential(demand.profile.secret, input.held, attempt, input.mayRepeat);
    return result.ok ? ok({ token: result.value.value, held: result.value.held }) : result;
  };
}
