import { type Redacted, repeatsSecret } from '../core/redacted.ts';
import type { Result } from '../core/result.ts';
import { type EpochMs, instant, SECOND_MS } from '../core/time.ts';
import { isJson, parseJsonObject } from '../oauth/token-response.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';
import { readAudience } from './audience.ts';
import type { Credential } from './credential.ts';
import { authenticateClient, type SigningDeps } from './token-request.ts';
import { createRequest, sortAnswer, type UpstreamTrouble } from './upstream.ts';

/** ZITADEL's introspection response (RFC 7662 §2.2). */
export interface Introspection {
  readonly body: string;
  readonly isActive: boolean;
  readonly expiresAt?: EpochMs;
  readonly audience?: readonly string[];
  readonly scopes?: readonly string[];
  /** The user id of the account that the token was issued for. */
  readonly subject?: string;
  /** The client that obtained it: the login name of a service account, or the client id of an application. */
  readonly clientId?: string;
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

/** Builds `POST /oidc/v1/userinfo` (OpenID Connect Core §5.3.1): needs only the token, of any audience. */
export const buildUserinfoRequest = (issuer: string, token: Redacted<string>): OAuthRequest => ({
  url: `${issuer}/oidc/v1/userinfo`,
  authorization: `Bearer ${token.reveal().replace(/\s+/g, '')}`,
  body: '',
  secrets: [token.reveal()],
});

/** Whether ZITADEL accepts the token; `undefined` if the answer does not say. */
export function judgeUserinfo(result: Result<OAuthAnswer, TransportFault>): boolean | undefined {
  if (!result.ok) return undefined;
  if (result.value.status === 401) return false;
  return result.value.status === 200 && isJson(result.value) ? true : undefined;
}

function readClaims({ exp, aud, scope, sub, client_id: clientId }: Readonly<Record<string, unknown>>) {
  const audience = readAudience(aud);
  return {
    ...(typeof exp === 'number' ? { expiresAt: instant(exp * SECOND_MS) } : {}),
    ...(audience === undefined ? {} : { audience }),
    ...(typeof scope === 'string' ? { scopes: scope.split(' ') } : {}),
    ...(typeof sub === 'string' ? { subject: sub } : {}),
    ...(typeof clientId === 'string' ? { clientId } : {}),
  };
}

/**
 * Judges an answer. Only a valid introspection response counts: any other answer is a failure, never "inactive".
 * ZITADEL refuses a client with 400 `unauthorized_client`, while RFC 7662 §2.3 requires 401.
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
    return { kind: 'unexpected', detail: `${sorted.detail}: the body is not an introspection response` };
  }
  // The caller knows the token, but none of the other secrets that were sent.
  const token = new URLSearchParams(request.body).get('token');
  if (
    repeatsSecret(
      body,
      request.secrets.filter((secret) => secret !== token),
    )
  ) {
    return { kind: 'unexpected', detail: `${sorted.detail}: the body repeats the credential` };
  }
  return { kind: 'introspected', introspection: { body, isActive: claims.active, ...readClaims(claims) } };
}
