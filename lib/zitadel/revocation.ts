import type { Redacted } from '../core/redacted.ts';
import type { Result } from '../core/result.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';
import type { Credential } from './credential.ts';
import { authenticateClient, type SigningDeps } from './token-request.ts';
import { createRequest, sortAnswer, type UpstreamTrouble } from './upstream.ts';

export type RevocationOutcome =
  | { readonly kind: 'revoked' }
  /** The token was not requested with this application's audience, so ZITADEL does not revoke it for this client. */
  | { readonly kind: 'foreign_token'; readonly detail: string }
  | { readonly kind: 'credential_refused'; readonly detail: string }
  | UpstreamTrouble;

/** Builds `POST /oauth/v2/revoke` (RFC 7009 §2.1). */
export async function buildRevocationRequest(
  { issuer, credential, token }: { issuer: string; credential: Credential; token: Redacted<string> },
  deps: SigningDeps,
): Promise<OAuthRequest> {
  const client = await authenticateClient(issuer, credential, deps);
  return createRequest(`${issuer}/oauth/v2/revoke`, client, { token: token.reveal() }, [token.reveal()]);
}

/** Judges an answer: 200 if the token is now revoked or was never valid (RFC 7009 §2.2). */
export function judgeRevocation(request: OAuthRequest, result: Result<OAuthAnswer, TransportFault>): RevocationOutcome {
  const sorted = sortAnswer(request, result);
  if (sorted.kind === 'answer') return { kind: 'revoked' };
  if (sorted.kind !== 'refusal') return sorted;
  const { error, description, detail } = sorted;
  if (description === 'token was not issued for this client') return { kind: 'foreign_token', detail };
  const isClient = error === 'invalid_client' || error === 'unauthorized_client';
  return { kind: isClient ? 'credential_refused' : 'unexpected', detail };
}
