import type { Revoke } from '../broker/revoke.ts';
import { fingerprint } from '../core/digest.ts';
import { redacted } from '../core/redacted.ts';
import { ok } from '../core/result.ts';
import { canonicalToken } from '../zitadel/token-identity.ts';
import { answerText } from './answer.ts';
import {
  callerError,
  createEndpoint,
  type EndpointDeps,
  type EndpointOptions,
  type GatewayHandler,
} from './endpoint.ts';
import { LARGEST_TOKEN_FORM_BYTES } from './gateway-request.ts';

/** What follows the profile in the path. */
export const REVOCATION_ROUTE = '/oauth/v2/revoke';

export interface RevocationEndpointDeps extends EndpointDeps {
  readonly revoke: Revoke;
}

/** Creates `POST /{profile}/oauth/v2/revoke` (RFC 7009 §2): 200 once the token is dead, or was never known. */
export function createRevocationEndpoint(deps: RevocationEndpointDeps): GatewayHandler {
  const options: EndpointOptions = {
    name: 'revoke',
    use: 'revocation',
    route: REVOCATION_ROUTE,
    largestBytes: LARGEST_TOKEN_FORM_BYTES,
  };
  return createEndpoint(deps, options, async ({ form, profile, deadline, facts }) => {
    const token = form.get('token');
    if (token === undefined) return callerError('invalid_request', 'token is missing');
    facts.seen = fingerprint(canonicalToken(token));
    await deps.bulletin.look(deadline - deps.clock.now());
    const revoked = await deps.revoke(profile, redacted(token));
    return revoked.ok ? ok(answerText(200, '')) : revoked;
  });
}
