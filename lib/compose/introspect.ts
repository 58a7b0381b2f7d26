import type { Profiles } from '../broker/profile.ts';
import type { GatewayHandler } from '../http/endpoint.ts';
import { createIntrospectionEndpoint } from '../http/introspection-endpoint.ts';
import { createBase, type Environment, type Overrides } from './base.ts';

/**
 * Builds the function that introspects.
 * @throws {Error} where the environment is not as a deployment makes it: the function cannot start
 */
export const createIntrospectFunction = (
  profiles: Profiles,
  env: Environment,
  overrides: Overrides = {},
): GatewayHandler => createIntrospectionEndpoint(createBase(profiles, env, overrides));
