import { type Redacted, repeatsSecret } from '../core/redacted.ts';
import type { Result } from '../core/result.ts';
import { type EpochMs, instant, SECOND_MS } from '../core/time.ts';
import { isJson, parseJsonObject } from '../oauth/token-response.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';
import type { Credential } from './credential.ts';
import { authenticateClient, type SigningDeps } from './token-request.ts';
import { createRequest, sortAnswer, type UpstreamTrouble } from './upstream.ts';

/** What ZITADEL says of a token (RFC 7662 §2.2), as it said it. */
export interface Introspection {
  readonly body: string;
  readonly isActive: boolean;
  readonly expiresAt?: EpochMs;
}

export type IntrospectionOutcome =
  | { readonly kind: 'introspected'; readonly introspection: Introspection }
  | { readonly kind: 'credential_refused'; readonly detail: string }
  | UpstreamTrouble;

/** Builds `POST /oauth/v2/introspect` (RFC 7662 §2.1). */
export async function buildIntrospectionRequest(
  { issuer, credential, token }: { issuer: string; credential: Credential; token: Redacted<string> },
  deps: SigningDeps,
): Promise<OAuthRequest> {
  const client = await authenticateClient(issuer, credential, deps);
  return createRequest(`${issuer}/oauth/v2/introspect`, client, { token: token.reveal() }, [token.reveal()]);
}

/**
 * Judges an answer. Only a clean one says anything about the token: whatever else comes is trouble, never "inactive".
 * ZITADEL refuses a client with 400 `unauthorized_client`, where RFC 7662 §2.3 has 401.
 */
export function judgeIntrospection(
  request: OAuthRequest,
  result: Result<OAuthAnswer, TransportFault>,
): IntrospectionOutcome {
  const sorted = sortAnswer(request, result);
  if (sorted.kind === 'refusal') {
    const isClient = sorted.error === 'unauthorized_client' || sorted.error === 'invalid_client';
    return { kind: isClient ? 'credential_refused' : 'unexpected', detail: sorted.detail };
  }
  if (sorted.kind !== 'answer') return sorted;
  const { body } = sorted.answer;
  const claims = isJson(sorted.answer) ? parseJsonObject(body) : undefined;
  if (typeof claims?.active !== 'boolean') {
    return { kind: 'unexpected', detail: `${sorted.detail}: the body is no introspection response` };
  }
  // The caller knows the token, and nothing else of what was sent.
  const token = new URLSearchParams(request.body).get('token');
  if (
    repeatsSecret(
      body,
      request.secrets.filter((secret) => secret !== token),
    )
  ) {
    return { kind: 'unexpected', detail: `${sorted.detail}: the body repeats the credential` };
  }
  const { active: isActive, exp } = claims;
  const expiresAt = typeof exp === 'number' ? { expiresAt: instant(exp * SECOND_MS) } : {};
  return { kind: 'introspected', introspection: { body, isActive, ...expiresAt } };
}
