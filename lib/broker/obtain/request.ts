import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, SECOND_MS } from '../../core/time.ts';
import { REQUEST_MS, type Send } from '../../oauth/transport.ts';
import { foreignAudience, jwtAudience } from '../../zitadel/audience.ts';
import type { Credential } from '../../zitadel/credential.ts';
import { chooseGrant, type Grant } from '../../zitadel/grant.ts';
import { audienceScope, audiencesOf } from '../../zitadel/scope.ts';
import { judgeTokenAnswer, type TokenOutcome } from '../../zitadel/token-answer.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import { buildTokenRequest } from '../../zitadel/token-request.ts';
import { toAttemptFailure } from '../credentials/application.ts';
import type { AttemptFailure, AttemptOptions, WithCredential } from '../credentials/attempt.ts';
import type { HeldCredential } from '../credentials/credentials.ts';
import type { Introspect } from '../introspection/introspect.ts';
import type { Profile } from '../profiles/profile.ts';
import type { Demand } from '../token/demand.ts';
import { clockAheadMs, LEAST_LEFT_MS, type Token, tokenLife } from '../token/freshness.ts';

/** If a request takes longer than this, the sandbox was frozen. */
const LONGEST_REQUEST_MS = REQUEST_MS + SECOND_MS;

/** What a token request needs besides the demand. */
export interface TokenRequestInput extends AttemptOptions {
  readonly held: HeldCredential;
  /** The token to exchange. */
  readonly subject?: Token;
  /** The client id of the application that can revoke the token: an additional audience. */
  readonly revoker?: string;
}

export interface IssuedToken {
  readonly token: Token;
  /** The credential that obtained it; differs from the given one if the secret had changed. */
  readonly held: HeldCredential;
}

export type RequestToken = (demand: Demand, input: TokenRequestInput) => Promise<Result<IssuedToken, AttemptFailure>>;

export interface RequestTokenDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly send: Send;
  readonly withCredential: WithCredential;
  readonly introspect: Introspect;
}

/** The grant that a demand uses with a credential, or why there is none. */
export function demandGrant({ profile }: Demand, credential: Credential): Result<Grant, BrokerError> {
  const grant = chooseGrant(credential, { grant: profile.grant, hasSubject: profile.subject !== undefined });
  if (grant.ok) return grant;
  const detail = `profile ${profile.name}, secret ${profile.secret}: ${grant.error}`;
  return fail({ kind: 'credential_unusable', detail });
}

/** Maps a refusal of a profile's own token request: an operator must fix each of them. */
function toFailure(
  outcome: Exclude<TokenOutcome, { kind: 'issued' }>,
  { name, secret }: Profile,
  credential: string,
): AttemptFailure {
  const { detail: reason } = outcome;
  const refused = (what: string): AttemptFailure => ({
    error: { kind: 'credential_refused', detail: `profile ${name}${what}: ${reason}` },
  });
  switch (outcome.kind) {
    case 'subject_refused':
      return { ...refused(", the subject's token"), subjectRefused: true };
    case 'scope_refused':
      return refused(', its scopes');
    case 'type_refused':
    case 'impersonation_refused':
      return refused('');
    case 'credential_refused': {
      const account = outcome.isAccount ? { isAccount: outcome.isAccount } : {};
      return { ...refused(`, secret ${secret}`), credential, ...account };
    }
    default:
      return toAttemptFailure(outcome, credential, `profile ${name}, secret ${secret}`);
  }
}

/** The profile of an exchanged token, and the audiences that it may have. */
export interface AudienceCheck {
  readonly profile: Profile;
  readonly audiences: readonly string[];
}

/**
 * Checks that an exchanged token has no audience that was not requested: ZITADEL copies the subject's whole audience if
 * a request names none. Parses a JWT; introspects an opaque token if the profile has introspection.
 * @returns the failure, or `undefined` if the audience is allowed or unknown
 */
export async function checkAudience(
  token: Redacted<string>,
  { profile, audiences }: AudienceCheck,
  { introspect, mayAsk }: { introspect: Introspect; mayAsk: boolean },
): Promise<BrokerError | undefined> {
  let found = jwtAudience(token);
  if (found === undefined && profile.introspection !== undefined && mayAsk) {
    const asked = await introspect(profile, token);
    found = asked.ok ? asked.value.introspection.audience : undefined;
  }
  if (found === undefined || foreignAudience(found, audiences) === undefined) return undefined;
  const detail = `profile ${profile.name}: the exchanged token has a wider audience than requested`;
  return { kind: 'unexpected_answer', detail };
}

/** The life of a token on arrival; a token with too little time left is a failure. */
export function receivedLife(
  lifeMs: number,
  { askedAt, now, maxAgeMs, random }: { askedAt: EpochMs; now: EpochMs; maxAgeMs: number | undefined; random: number },
): Result<ReturnType<typeof tokenLife>, BrokerError> {
  const tookMs = now - askedAt;
  // After a freeze, the caller tries again.
  if (lifeMs < LEAST_LEFT_MS || (tookMs <= LONGEST_REQUEST_MS && lifeMs - tookMs < LEAST_LEFT_MS)) {
    const detail = `the token lives ${lifeMs / SECOND_MS} s, of which the request took ${tookMs} ms; less than 5 s is too short`;
    return fail({ kind: 'unexpected_answer', detail });
  }
  return ok(tokenLife(askedAt, { lifeMs, maxAgeMs, random }));
}

/** The audiences of an exchange: those of the scopes, and the revoking application if the subject has it. */
function audienceOf({ profile, scopes }: Demand, { subject, revoker }: TokenRequestInput): readonly string[] {
  const named = audiencesOf(scopes.length === 0 ? (profile.inherited ?? []) : scopes);
  return revoker === undefined || named.length === 0 || subject?.isIrrevocable ? named : [...named, revoker];
}

/**
 * Creates the token request: one request, and a second only if the credential was refused and may have been outdated or
 * too new.
 */
export function createRequestToken({
  clock,
  random,
  uuid,
  send,
  withCredential,
  introspect,
}: RequestTokenDeps): RequestToken {
  async function request(
    demand: Demand,
    { credential, id }: HeldCredential,
    input: TokenRequestInput,
  ): Promise<Result<Token, AttemptFailure>> {
    const { profile, scopes } = demand;
    const { subject, revoker } = input;
    const grant = demandGrant(demand, credential);
    if (!grant.ok) return fail({ error: grant.error });
    const audiences = subject === undefined ? [] : audienceOf(demand, input);
    if (subject !== undefined && audiences.length === 0) {
      const detail = `profile ${profile.name}: its scopes name no audience, so the exchanged token would have every audience of its subject`;
      return fail({ error: { kind: 'credential_unusable', detail } });
    }
    const askedAt = clock.now();
    const asked = {
      issuer: profile.issuer,
      credential,
      grant: grant.value,
      scopes: subject === undefined && revoker !== undefined ? [...scopes, audienceScope(revoker)] : scopes,
      ...(subject === undefined ? {} : { subjectToken: subject.accessToken, audiences }),
    };
    const message = await buildTokenRequest(asked, { now: askedAt, jti: uuid });
    const answer = await send(message);
    const outcome = judgeTokenAnswer(message, answer);
    if (outcome.kind !== 'issued') return fail(toFailure(outcome, profile, id));
    const { accessToken, lifeMs, scope } = outcome.response;
    const life = receivedLife(lifeMs, { askedAt, now: clock.now(), maxAgeMs: profile.maxAgeMs, random: random() });
    if (!life.ok) return fail({ error: life.error });
    if (subject !== undefined) {
      const mayAsk = input.mayRepeat(0);
      const wider = await checkAudience(accessToken, { profile, audiences }, { introspect, mayAsk });
      if (wider !== undefined) return fail({ error: wider });
    }
    const aheadMs = answer.ok ? clockAheadMs(askedAt, String(answer.value.headers.date)) : 0;
    const isRevocable = revoker !== undefined && (subject === undefined || audiences.includes(revoker));
    return ok({
      accessToken,
      ...(scope === undefined ? {} : { scope }),
      ...life.value,
      ...(aheadMs === 0 ? {} : { aheadMs }),
      ...(subject === undefined ? {} : { madeFrom: [tokenDigest(subject.accessToken), ...(subject.madeFrom ?? [])] }),
      ...(profile.revocation === undefined || isRevocable ? {} : { isIrrevocable: true }),
    });
  }

  return async (demand, input) => {
    const attempt = (held: HeldCredential) => request(demand, held, input);
    const result = await withCredential(demand.profile.secret, input.held, attempt, input.mayRepeat, input.isSuspected);
    return result.ok ? ok({ token: result.value.value, held: result.value.held }) : result;
  };
}
