import { repeatsSecret } from '../core/redacted.ts';
import type { Result } from '../core/result.ts';
import { parseErrorResponse, parseTokenResponse, type TokenResponse } from '../oauth/token-response.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';
import { sortAnswer, type UpstreamTrouble } from './upstream.ts';

/** What an answer of the token endpoint means for the broker. `detail` is safe to log. */
export type TokenOutcome =
  | { readonly kind: 'issued'; readonly response: TokenResponse }
  /** ZITADEL refuses the credential, or this grant for it. `isAccount`: the account is locked or deactivated. */
  | {
      readonly kind: 'credential_refused';
      readonly error: string;
      readonly isAccount?: true;
      readonly detail: string;
    }
  /** An internal error of ZITADEL. Released versions also answer so to a bad assertion: it may be a refusal, or not. */
  | { readonly kind: 'maybe_refused'; readonly detail: string }
  /** ZITADEL does not accept the token to be exchanged. */
  | { readonly kind: 'subject_refused'; readonly detail: string }
  /** The credential is valid, but not for these scopes or this audience. */
  | { readonly kind: 'scope_refused'; readonly error: 'invalid_scope' | 'invalid_target'; readonly detail: string }
  /** ZITADEL does not exchange from or to this type of token. */
  | { readonly kind: 'type_refused'; readonly detail: string }
  /** Impersonation is switched off in ZITADEL, or the actor lacks the role for it. */
  | { readonly kind: 'impersonation_refused'; readonly detail: string }
  /** `isRefusal`: refused for a reason that the broker does not recognise. */
  | (UpstreamTrouble & { readonly isRefusal?: true });

/**
 * Maps ZITADEL's refusals. They follow RFC 6749 §5.2 loosely: a wrong secret is `invalid_request`, a bad assertion of a
 * service account is `invalid_grant`. So `error` alone does not identify the cause.
 */
function judgeRefusal(error: string, description: string, detail: string): TokenOutcome {
  if (/\b(?:subject|actor)_token\b/.test(description)) return { kind: 'subject_refused', detail };
  if (error === 'invalid_scope' || error === 'invalid_target') return { kind: 'scope_refused', error, detail };
  if (description.endsWith('Token.TypeNotSupported')) return { kind: 'type_refused', detail };
  if (description.includes('Impersonation.') || description === 'membership not found') {
    return { kind: 'impersonation_refused', detail };
  }
  if (description === 'Errors.User.NotActive') return { kind: 'credential_refused', error, isAccount: true, detail };
  const refusals = ['invalid_client', 'unauthorized_client', 'invalid_grant', 'access_denied'];
  if (refusals.includes(error) || description.startsWith('Errors.User.'))
    return { kind: 'credential_refused', error, detail };
  if (error === 'server_error' || error === 'temporarily_unavailable') return { kind: 'unavailable', detail };
  return { kind: 'unexpected', ...(error === 'invalid_request' ? { isRefusal: true } : {}), detail };
}

/** Released versions of ZITADEL answer a service account's bad assertion so (later versions: 400 `invalid_grant`). */
function mayBeBadAssertion({ body }: OAuthRequest, result: Result<OAuthAnswer, TransportFault>): boolean {
  if (!result.ok || result.value.status !== 500) return false;
  const refusal = parseErrorResponse(result.value);
  const isInternal = refusal?.error === 'server_error' && refusal.description.includes('Errors.Internal');
  return isInternal && new URLSearchParams(body).has('assertion');
}

/** Judges the result of a token request. Total: every answer has exactly one outcome. */
export function judgeTokenAnswer(
  request: OAuthRequest,
  result: Result<OAuthAnswer, TransportFault>,
  tokenTypes?: readonly string[],
): TokenOutcome {
  const sorted = sortAnswer(request, result);
  if (sorted.kind === 'refusal') return judgeRefusal(sorted.error, sorted.description, sorted.detail);
  if (sorted.kind !== 'answer') {
    return mayBeBadAssertion(request, result) ? { kind: 'maybe_refused', detail: sorted.detail } : sorted;
  }
  const response = parseTokenResponse(sorted.answer, tokenTypes);
  if (response.ok) {
    const { scope = '', issuedTokenType = '' } = response.value;
    // Callers see these members, so they must not repeat what was sent.
    const isRepeated = repeatsSecret(scope, request.secrets) || repeatsSecret(issuedTokenType, request.secrets);
    if (isRepeated)
      return { kind: 'unexpected', detail: `${sorted.detail}: scope or issued_token_type repeats a secret` };
    return { kind: 'issued', response: response.value };
  }
  return { kind: 'unexpected', detail: `${sorted.detail}: ${response.error}` };
}
