import type { CallerError } from '../../core/error.ts';
import { redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Form } from '../../oauth/form.ts';
import { TOKEN_TYPE } from '../../oauth/grant.ts';
import type { ExchangeParameters } from '../../zitadel/token-request.ts';
import { type ExchangeRules, isTokenType, NEEDS_ACTOR } from '../profiles/exchange-rules.ts';

const refuse = (kind: CallerError['kind'], detail: string) => fail<CallerError>({ kind, detail });

/** Parses the actor token; it and its type must be sent together (RFC 8693 §2.1). */
function readActor(
  form: Form,
  { impersonation }: ExchangeRules,
): Result<Pick<ExchangeParameters, 'actor'>, CallerError> {
  const token = form.get('actor_token');
  const tokenType = form.get('actor_token_type');
  if (token === undefined && tokenType === undefined) return ok({});
  if (token === undefined || tokenType === undefined) {
    return refuse('invalid_request', 'actor_token and actor_token_type must be sent together');
  }
  if (!impersonation) return refuse('invalid_request', 'this profile does not allow an actor');
  if (!isTokenType(tokenType)) return refuse('invalid_request', 'actor_token_type is not a supported token type');
  return ok({ actor: { token: redacted(token), tokenType } });
}

/** The exchange that a caller requests. `audiences` are those that the caller names, if any. */
export type ExchangeWish = ExchangeParameters;

/** Parses an exchange request (RFC 8693 §2.1), and checks it against the rules of the profile. */
export function allowExchange(form: Form, rules: ExchangeRules): Result<ExchangeWish, CallerError> {
  const subjectToken = form.get('subject_token');
  const subjectTokenType = form.get('subject_token_type');
  if (subjectToken === undefined) return refuse('invalid_request', 'subject_token is missing');
  if (subjectTokenType === undefined) return refuse('invalid_request', 'subject_token_type is missing');
  if (!rules.subjectTokenTypes.includes(subjectTokenType)) {
    return refuse('invalid_request', 'this profile does not exchange tokens of this subject_token_type');
  }
  const requestedTokenType = form.get('requested_token_type') ?? TOKEN_TYPE.accessToken;
  if (!rules.requestedTokenTypes.includes(requestedTokenType)) {
    return refuse('invalid_request', 'this profile does not hand out tokens of this requested_token_type');
  }
  const actor = readActor(form, rules);
  if (!actor.ok) return actor;
  if (actor.value.actor === undefined && NEEDS_ACTOR.includes(subjectTokenType)) {
    return refuse('invalid_request', 'this subject_token_type needs actor_token and actor_token_type');
  }
  const audiences = [...new Set(form.all('audience'))].sort();
  if (form.has('resource') || audiences.some((named) => !rules.audiences.includes(named))) {
    return refuse('invalid_target', 'this profile does not allow the audience, and resource is not supported');
  }
  return ok({ subjectToken: redacted(subjectToken), subjectTokenType, requestedTokenType, ...actor.value, audiences });
}
