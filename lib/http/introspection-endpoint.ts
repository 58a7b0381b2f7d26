import type { Introspect } from '../broker/introspection/introspect.ts';
import { ok } from '../core/result.ts';
import { answerText } from './answer.ts';
import type { EndpointDeps, GatewayHandler } from './endpoint.ts';
import { createReferenceEndpoint } from './reference-endpoint.ts';

/** The path after the profile. */
export const INTROSPECTION_ROUTE = '/oauth/v2/introspect';

export interface IntrospectionEndpointDeps extends EndpointDeps {
  readonly introspect: Introspect;
}

/**
 * Creates `POST /{profile}/oauth/v2/introspect` (RFC 7662 §2). It returns ZITADEL's response unchanged. Anything but a
 * valid response is an error, never "inactive". It ignores `token_type_hint`, which ZITADEL does not need.
 */
export function createIntrospectionEndpoint(deps: IntrospectionEndpointDeps): GatewayHandler {
  const options = { name: 'introspect', use: 'introspection', route: INTROSPECTION_ROUTE } as const;
  return createReferenceEndpoint(deps, options, async (profile, token, facts) => {
    const result = await deps.introspect(profile, token);
    if (!result.ok) return result;
    const { introspection, source } = result.value;
    facts.introspected = { isActive: introspection.isActive, source };
    return ok(answerText(200, introspection.body));
  });
}
