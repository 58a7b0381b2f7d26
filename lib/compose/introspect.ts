import { createIntrospect } from '../broker/introspect.ts';
import type { Profiles } from '../broker/profile.ts';
import type { GatewayHandler } from '../http/endpoint.ts';
import { createIntrospectionEndpoint } from '../http/introspection-endpoint.ts';
import { createBase, type Environment, type Overrides } from './base.ts';

/** Builds the function that introspects. */
export function createIntrospectFunction(
  profiles: Profiles,
  env: Environment,
  overrides: Overrides = {},
): GatewayHandler {
  const base = createBase(profiles, env, overrides);
  return createIntrospectionEndpoint({ ...base, introspect: createIntrospect(base) });
}
