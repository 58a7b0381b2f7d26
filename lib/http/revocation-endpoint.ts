import type { Revoke } from '../broker/revocation/revoke.ts';
import { ok } from '../core/result.ts';
import { answerText } from './answer.ts';
import type { EndpointDeps, GatewayHandler } from './endpoint.ts';
import { createReferenceEndpoint } from './reference-endpoint.ts';

/** The path after the profile. */
export const REVOCATION_ROUTE = '/oauth/v2/revoke';

export interface RevocationEndpointDeps extends EndpointDeps {
  readonly revoke: Revoke;
}

/** Creates `POST /{profile}/oauth/v2/revoke` (RFC 7009 §2): 200 once the token is revoked, or was never valid. */
export function createRevocationEndpoint(deps: RevocationEndpointDeps): GatewayHandler {
  const options = { name: 'revoke', use: 'revocation', route: REVOCATION_ROUTE } as const;
  return createReferenceEndpoint(deps, options, async (profile, token) => {
    const revoked = await deps.revoke(profile, token);
    return revoked.ok ? ok(answerText(200, '')) : revoked;
  });
}
