import type { Profile } from '../broker/profiles/profile.ts';
import { fingerprint } from '../core/digest.ts';
import type { BrokerError } from '../core/error.ts';
import { type Redacted, redacted } from '../core/redacted.ts';
import type { Result } from '../core/result.ts';
import { canonicalToken } from '../zitadel/token-identity.ts';
import type { GatewayAnswer } from './answer.ts';
import {
  callerError,
  createEndpoint,
  type EndpointDeps,
  type EndpointOptions,
  type Facts,
  type GatewayHandler,
} from './endpoint.ts';
import { LARGEST_TOKEN_FORM_BYTES } from './gateway-request.ts';

/** How an endpoint serves a request about a token. */
type ServeReference = (
  profile: Profile,
  token: Redacted<string>,
  facts: Facts,
) => Promise<Result<GatewayAnswer, BrokerError>>;

/** Creates an endpoint with the parameter `token` (RFC 7009 §2.1, RFC 7662 §2.1). */
export const createReferenceEndpoint = (
  deps: EndpointDeps,
  options: Omit<EndpointOptions, 'largestBytes'>,
  serve: ServeReference,
): GatewayHandler =>
  createEndpoint(
    deps,
    { ...options, largestBytes: LARGEST_TOKEN_FORM_BYTES },
    async ({ form, profile, deadline, facts }) => {
      const token = form.get('token');
      if (token === undefined) return callerError('invalid_request', 'token is missing');
      facts.seen = fingerprint(canonicalToken(token));
      await deps.bulletin.look(deadline - deps.clock.now());
      return serve(profile, redacted(token), facts);
    },
  );
