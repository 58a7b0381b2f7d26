import type { Introspect } from '../broker/introspect.ts';
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
export const INTROSPECTION_ROUTE = '/oauth/v2/introspect';

export interface IntrospectionEndpointDeps extends EndpointDeps {
  readonly introspect: Introspect;
}

/**
 * Creates `POST /{profile}/oauth/v2/introspect` (RFC 7662 §2). What ZITADEL says of the token goes through as it came;
 * whatever is not a clean answer is an error, never "inactive". `token_type_hint` is for servers that look in several
 * places; ZITADEL does not.
 */
export function createIntrospectionEndpoint(deps: IntrospectionEndpointDeps): GatewayHandler {
  const options: EndpointOptions = {
    name: 'introspect',
    use: 'introspection',
    route: INTROSPECTION_ROUTE,
    largestBytes: LARGEST_TOKEN_FORM_BYTES,
  };
  return createEndpoint(deps, options, async ({ form, profile, deadline, facts }) => {
    const token = form.get('token');
    if (token === undefined) return callerError('invalid_request', 'token is missing');
    facts.seen = fingerprint(canonicalToken(token));
    await deps.bulletin.look(deadline - deps.clock.now());
    const result = await deps.introspect(profile, redacted(token));
    if (!result.ok) return result;
    const { introspection, source } = result.value;
    facts.introspected = { isActive: introspection.isActive, source };
    return ok(answerText(200, introspection.body));
  });
}
