import type { BrokerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Send } from '../../oauth/transport.ts';
import type { Credential } from '../../zitadel/credential.ts';
import { chooseGrant, type Grant } from '../../zitadel/grant.ts';
import { audienceScope, audiencesOf } from '../../zitadel/scope.ts';
import { judgeTokenAnswer, type TokenOutcome } from '../../zitadel/token-answer.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import { buildTokenRequest } from '../../zitadel/token-request.ts';
import { toAttemptFailure } from '../credentials/application.ts';
import type { AttemptOptions, WithCredential } from '../credentials/attempt.ts';
import type { HeldCredential } from '../credentials/credentials.ts';
import type { ExplainRefusal } from '../credentials/issuer-check.ts';
import type { Profile } from '../profiles/profile.ts';
import type { AttemptFailure } from '../store/failure.ts';
import type { Demand } from '../token/demand.ts';
import type { Token } from '../token/freshness.ts';
import type { KeyIds } from './counter.ts';
import { type ReceiveDeps, receiveToken } from './receive.ts';

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

export interface RequestTokenDeps extends ReceiveDeps {
  readonly uuid: () => string;
  readonly send: Send;
  readonly withCredential: WithCredential;
  readonly explainRefusal: ExplainRefusal;
  /** Learns of the key of each request. */
  readonly keyIds: Pick<KeyIds, 'note'>;
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

/** The audiences of an exchange: those of the scopes, and the revoking application if the subject has it. */
function audienceOf({ profile, scopes }: Demand, { subject, revoker }: TokenRequestInput): readonly string[] {
  const named = audiencesOf(scopes.length === 0 ? (profile.inherited ?? []) : scopes);
  return revoker === undefined || named.length === 0 || subject?.isIrrevocable ? named : [...named, revoker];
}

/** The origin of a token that was exchanged from `subject`. */
const originOf = ({ accessToken, obtainedAt, madeFrom = [], madeAt = [] }: Token) => ({
  madeFrom: [tokenDigest(accessToken), ...madeFrom],
  madeAt: [obtainedAt, ...madeAt],
});

/**
 * Creates the token request: one request, and a second only if the credential was refused and may have been outdated or
 * too new.
 */
export function createRequestToken(deps: RequestTokenDeps): RequestToken {
  const { clock, uuid, send, withCredential, explainRefusal, keyIds } = deps;

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
    keyIds.note(credential);
    const outcome = judgeTokenAnswer(message, await send(message));
    if (outcome.kind !== 'issued') return fail(toFailure(outcome, profile, id));
    const check = subject === undefined ? undefined : { audiences, mayAsk: input.mayRepeat(0) };
    const token = await receiveToken(outcome.response, { profile, askedAt, check }, deps);
    if (!token.ok) return fail({ error: token.error });
    const isRevocable = revoker !== undefined && (subject === undefined || audiences.includes(revoker));
    return ok({
      ...token.value,
      ...(subject === undefined ? {} : originOf(subject)),
      ...(profile.revocation === undefined || isRevocable ? {} : { isIrrevocable: true }),
    });
  }

  return async (demand, input) => {
    const attempt = (held: HeldCredential) => request(demand, held, input);
    const { held, mayRepeat } = input;
    const { secret, issuer } = demand.profile;
    const result = await withCredential(secret, held, attempt, mayRepeat, input.isSuspected);
    if (result.ok) return ok({ token: result.value.value, held: result.value.held });
    return fail(await explainRefusal(result.error, { issuer, credential: held.credential, mayRepeat }));
  };
}
