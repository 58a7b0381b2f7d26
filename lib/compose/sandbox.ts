import type { Profiles } from '../broker/profiles/profile.ts';
import type { GatewayHandler } from '../http/endpoint.ts';
import type { Environment, Overrides } from './environment.ts';
import { createFederatedFunction } from './federated.ts';
import { createIntrospectFunction } from './introspect.ts';
import { createMetadataFunction } from './metadata.ts';
import { createTokenFunctions, type TokenFunctions } from './tokens.ts';

/** All functions in one process, for the local stack and the tests. When deployed, each has its own sandboxes. */
export interface Sandbox extends TokenFunctions {
  readonly federated: GatewayHandler;
  readonly introspect: GatewayHandler;
  readonly metadata: GatewayHandler;
}

/**
 * Builds all functions.
 * @throws {Error} if the environment is not that of a deployment
 */
export const createSandbox = (profiles: Profiles, env: Environment, overrides: Overrides = {}): Sandbox => ({
  ...createTokenFunctions(profiles, env, overrides),
  federated: createFederatedFunction(profiles, env, overrides),
  introspect: createIntrospectFunction(profiles, env, overrides),
  metadata: createMetadataFunction(env, overrides),
});
