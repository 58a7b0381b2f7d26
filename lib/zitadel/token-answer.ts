import { repeatsSecret } from '../core/redacted.ts';
import type { Result } from '../core/result.ts';
import { parseErrorResponse, parseTokenResponse, type TokenResponse } from '../oauth/token-response.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';
import { sortAnswer, type UpstreamTrouble } from './upstream.ts';

/** What an answer of the token endpoint means for the broker. `detail` is fit for the log. */
export type TokenOutcome =
  | { readonly kind: 'issued'; readonly response: TokenResponse }
  /** ZITADEL does not accept the credential, or not for this grant; `isAccount`: the account is locked or deactivated. */
  | {
      readonly kind: 'credential_refused';
      readonly error: string;
      readonly isAccount?: true;
      readonly detail: string;
    }
  /** ZITADEL's own error, which released versions answer to a bad assertion: the credential may be refused, or not. */
  | { readonly kind: 'maybe_refused'; readonly detail: string }
  /** The token that was to be exchanged is not accepted. */
  | { readonly kind: 'subject_refused'; readonly detail: string }
  /** The credential is fine, but not for these scopes or this audience. */
  | { readonly kind: 'scope_refused'; readonly error: 'invalid_scope' | 'invalid_target'; readonly detail: string }
  /** A type of token that ZITADEL does not exchange, or not to. */
  | { readonly kind: 'type_refused'; readonly detail: string }
  /** Nobody may stand in for another: switched off at ZITADEL, or the actor has no role for it. */
  | { readonly kind: 'impersonation_refused'; readonly detail: string }
  /** `isRefusal`: a request that is refused for a reason that is not known here. */
  | (UpstreamTrouble & { readonly isRefusal?: true });

/**
 * ZITADEL's own vocabulary of refusals. It follows RFC 6749 §5.2 loosely: a wrong secret is `invalid_request`, a bad
 * assertion of a service account `invalid_grant`, so `error` alone does not tell who is at fault.
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

/** Released versions of ZITADEL answer any bad assertion of a service account so (400 `invalid_grant` since). */
function mayBeBadAssertion({ body }: OAuthRequest, result: Result<OAuthAnswer, TransportFault>): boolean {
  if (!result.ok || result.value.status !== 500) return false;
  const refusal = parseErrorResponse(result.value);
  const isInternal = refusal?.error === 'server_error' && refusal.description.includes('Errors.Internal');
  return isInternal && new URLSearchParams(body).has('assertion');
}

/** Judges what a token request came to. Total: any answer of any server has one outcome. */
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
    // Callers read these: they must not learn from them what was sent.
    const isRepeated = repeatsSecret(scope, request.secrets) || repeatsSecret(issuedTokenType, request.secrets);
    if (isRepeated)
      return { kind: 'unexpected', detail: `${sorted.detail}: scope or issued_token_type repeats a secret` };
    return { kind: 'issued', response: response.value };
  }
  return { kind: 'unexpected', detail: `${sorted.detail}: ${response.error}` };
}
