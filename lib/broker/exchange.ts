import { type Clock, sleep } from '../core/clock.ts';
import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, plus, SECOND_MS } from '../core/time.ts';
import type { Send } from '../oauth/transport.ts';
import type { Credential } from '../zitadel/credential.ts';
import { chooseGrant, type Grant } from '../zitadel/grant.ts';
import { judgeTokenAnswer, type TokenOutcome } from '../zitadel/token-answer.ts';
import { buildTokenRequest } from '../zitadel/token-request.ts';
import type { Credentials, HeldCredential } from './credentials.ts';
import type { Demand } from './demand.ts';
import { LONGEST_PAUSE_MS } from './failure.ts';
import { LEAST_LEFT_MS, type Token, tokenLife } from './freshness.ts';

/** The most that one request to ZITADEL may take (the transport keeps to it). */
export const REQUEST_MS = 3 * SECOND_MS;

/** ZITADEL may refuse a key that was added a moment ago: its reads lag its writes. */
const KEY_SETTLING_MS = 500;

/** What an exchange needs besides the demand. */
export interface ExchangeInput {
  readonly held: HeldCredential;
  /** The token that is exchanged. */
  readonly subject?: Token;
  /** Whether another request of up to `REQUEST_MS` may follow `delayMs` from now: the lease must outlast it. */
  readonly mayRepeat: (delayMs: number) => boolean;
}

export interface Earned {
  readonly token: Token;
  /** The credential that earned it: another than the one put in where the secret had changed. */
  readonly held: HeldCredential;
}

export interface ExchangeFailure {
  readonly error: BrokerError;
  /** The credential that was refused, where that was the matter. */
  readonly credential?: string;
  /** The subject's token was refused: another one may pass. */
  readonly subjectRefused?: true;
}

export type Exchange = (demand: Demand, input: ExchangeInput) => Promise<Result<Earned, ExchangeFailure>>;

export interface ExchangeDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly send: Send;
  readonly credentials: Credentials;
}

/** Which grant a demand uses with a credential, or why none can. */
export function demandGrant({ profile }: Demand, credential: Credential): Result<Grant, BrokerError> {
  const grant = chooseGrant(credential, { grant: profile.grant, hasSubject: profile.subject !== undefined });
  if (grant.ok) return grant;
  const detail = `profile ${profile.name}, secret ${profile.secret}: ${grant.error}`;
  return fail({ kind: 'credential_unusable', detail });
}

function toFailure(outcome: Exclude<TokenOutcome, { kind: 'earned' }>, credential: string): ExchangeFailure {
  const { detail } = outcome;
  switch (outcome.kind) {
    case 'unavailable':
      return { error: { kind: 'unavailable', dependency: 'zitadel', detail, retryAfterMs: outcome.retryAfterMs ?? 0 } };
    case 'unexpected':
      return { error: { kind: 'unexpected_answer', detail } };
    case 'subject_refused':
      return { error: { kind: 'credential_refused', detail: `the subject's token: ${detail}` }, subjectRefused: true };
    case 'scope_refused':
      return { error: { kind: 'credential_refused', detail: `the scopes of the profile: ${detail}` } };
    case 'credential_refused':
      return { error: { kind: 'credential_refused', detail }, credential };
  }
}

/**
 * Creates the one way to earn a token: one request, and a second only where the credential was refused and may have
 * been the wrong one. A refused credential is left alone for 30 s, whatever is demanded with it.
 */
export function createExchange({ clock, random, uuid, send, credentials }: ExchangeDeps): Exchange {
  /** Credentials that have worked here: a refusal of one of these is not a matter of a key that is too new. */
  const proven = new WeakSet<Credential>();
  const refused = new WeakMap<Credential, { readonly failure: ExchangeFailure; readonly until: EpochMs }>();

  async function request(demand: Demand, { credential, id }: HeldCredential, subject: Token | undefined) {
    const { profile, scopes } = demand;
    const grant = demandGrant(demand, credential);
    if (!grant.ok) return fail<ExchangeFailure>({ error: grant.error });
    const earnedAt = clock.now();
    const subjectToken = subject === undefined ? {} : { subjectToken: subject.accessToken };
    const asked = { issuer: profile.issuer, credential, grant: grant.value, scopes, ...subjectToken };
    const message = await buildTokenRequest(asked, { now: earnedAt, jti: uuid });
    const outcome = judgeTokenAnswer(message, await send(message));
    if (outcome.kind !== 'earned') return fail(toFailure(outcome, id));
    const { accessToken, lifeMs, scope } = outcome.response;
    if (lifeMs < LEAST_LEFT_MS) {
      const detail = `the token lives ${lifeMs / SECOND_MS} s; less than 5 s is of no use`;
      return fail<ExchangeFailure>({ error: { kind: 'unexpected_answer', detail } });
    }
    proven.add(credential);
    const life = tokenLife(earnedAt, { lifeMs, maxAgeMs: profile.maxAgeMs, random: random() });
    return ok<Token>({ accessToken, ...(scope === undefined ? {} : { scope }), ...life });
  }

  async function attempt(demand: Demand, held: HeldCredential, subject: Token | undefined) {
    const result = await request(demand, held, subject);
    return result.ok ? ok<Earned>({ token: result.value, held }) : result;
  }

  const standingRefusal = ({ credential }: HeldCredential): ExchangeFailure | undefined => {
    const refusal = refused.get(credential);
    return refusal !== undefined && clock.now() < refusal.until ? refusal.failure : undefined;
  };

  /** Makes a second attempt the last one: refused again, the credential is left alone. */
  async function lastAttempt(demand: Demand, held: HeldCredential, subject: Token | undefined) {
    const standing = standingRefusal(held);
    if (standing !== undefined) return fail(standing);
    const result = await attempt(demand, held, subject);
    return result.ok || result.error.credential === undefined ? result : leaveAlone(held, result.error);
  }

  function leaveAlone({ credential }: HeldCredential, failure: ExchangeFailure) {
    refused.set(credential, { failure, until: plus(clock.now(), LONGEST_PAUSE_MS) });
    return fail(failure);
  }

  return async (demand, { held, subject, mayRepeat }) => {
    const standing = standingRefusal(held);
    if (standing !== undefined) return fail(standing);
    const first = await attempt(demand, held, subject);
    if (first.ok || first.error.credential === undefined) return first;
    const current = await credentials.reread(demand.profile.secret, held.id);
    if (current.ok && current.value.id !== held.id) {
      leaveAlone(held, first.error);
      return mayRepeat(0) ? lastAttempt(demand, current.value, subject) : first;
    }
    const mayBeTooNew = held.credential.kind !== 'client_secret' && !proven.has(held.credential);
    if (!mayBeTooNew || !mayRepeat(KEY_SETTLING_MS)) return leaveAlone(held, first.error);
    await sleep(clock, KEY_SETTLING_MS);
    return lastAttempt(demand, held, subject);
  };
}
