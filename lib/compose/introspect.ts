import type { Profiles } from '../broker/profiles/profile.ts';
import type { GatewayHandler } from '../http/endpoint.ts';
import { createIntrospectionEndpoint } from '../http/introspection-endpoint.ts';
import { createBase } from './base.ts';
import type { Environment, Overrides } from './environment.ts';

/**
 * Builds the function that introspects.
 * @throws {Error} if the environment is not that of a deployment: the function cannot start
 */
export const createIntrospectFunction = (
  profiles: Profiles,
  env: Environment,
  overrides: Overrides = {},
): GatewayHandler => createIntrospectionEndpoint(createBase(profiles, env, overrides));
