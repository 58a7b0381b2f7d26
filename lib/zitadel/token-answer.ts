import { loggable } from '../core/redacted.ts';
import type { Result } from '../core/result.ts';
import { SECOND_MS } from '../core/time.ts';
import { parseErrorResponse, parseTokenResponse, type TokenResponse } from '../oauth/token-response.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';

/** What an answer of the token endpoint means for the broker. `detail` is fit for the log. */
export type TokenOutcome =
  | { readonly kind: 'earned'; readonly response: TokenResponse }
  /** ZITADEL does not accept the credential, or not for this grant. */
  | { readonly kind: 'credential_refused'; readonly detail: string }
  /** The token that was to be exchanged is not accepted. */
  | { readonly kind: 'subject_refused'; readonly detail: string }
  /** The credential is fine, but not for these scopes or this audience. */
  | { readonly kind: 'scope_refused'; readonly detail: string }
  | { readonly kind: 'unavailable'; readonly detail: string; readonly retryAfterMs?: number }
  | { readonly kind: 'unexpected'; readonly detail: string };

/** Statuses that say "later" rather than "no": with them ZITADEL and what stands before it report trouble. */
const isLater = (status: number): boolean => status >= 500 || status === 429 || status === 408;

/** `Retry-After` as delay-seconds (RFC 9110 §10.2.3); ZITADEL sends none, a proxy before it may. */
function retryAfter(answer: OAuthAnswer): { retryAfterMs?: number } {
  const seconds = Number(answer.headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * SECOND_MS } : {};
}

/**
 * ZITADEL's own vocabulary of refusals. It follows RFC 6749 §5.2 loosely: a wrong secret is `invalid_request`, a bad
 * assertion of a service account `invalid_grant`, so `error` alone does not tell who is at fault.
 */
function judgeRefusal(error: string, description: string, detail: string): TokenOutcome {
  if (/\b(?:subject|actor)_token\b/.test(description)) return { kind: 'subject_refused', detail };
  if (error === 'invalid_scope' || error === 'invalid_target') return { kind: 'scope_refused', detail };
  const refusals = ['invalid_client', 'unauthorized_client', 'invalid_grant', 'access_denied'];
  if (refusals.includes(error) || description.startsWith('Errors.User.')) return { kind: 'credential_refused', detail };
  if (error === 'server_error' || error === 'temporarily_unavailable') return { kind: 'unavailable', detail };
  return { kind: 'unexpected', detail };
}

/** Judges what a token request came to. Total: any answer of any server has one outcome. */
export function judgeTokenAnswer(request: OAuthRequest, result: Result<OAuthAnswer, TransportFault>): TokenOutcome {
  if (!result.ok) {
    const { kind, detail } = result.error;
    const isNonsense = kind === 'oversized' || kind === 'garbled';
    return { kind: isNonsense ? 'unexpected' : 'unavailable', detail: `${kind}: ${detail}` };
  }
  const answer = result.value;
  const status = `status ${answer.status}`;
  if (answer.status === 200) {
    const response = parseTokenResponse(answer);
    return response.ok
      ? { kind: 'earned', response: response.value }
      : { kind: 'unexpected', detail: `${status}: ${response.error}` };
  }
  const refusal = parseErrorResponse(answer);
  const text = refusal === undefined ? '' : `${refusal.error} ${refusal.description}`;
  const detail = text === '' ? status : `${status}: ${loggable(text, request.secrets)}`;
  if (isLater(answer.status)) return { kind: 'unavailable', detail, ...retryAfter(answer) };
  if (refusal !== undefined && answer.status >= 400) return judgeRefusal(refusal.error, refusal.description, detail);
  return { kind: 'unexpected', detail };
}
