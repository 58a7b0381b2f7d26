import type { Profiles } from '../broker/profiles/profile.ts';
import type { GatewayHandler } from '../http/endpoint.ts';
import type { Environment, Overrides } from './environment.ts';
import { createIntrospectFunction } from './introspect.ts';
import { createMetadataFunction } from './metadata.ts';
import { createTokenFunctions, type TokenFunctions } from './tokens.ts';

/** All functions in one process, as the local stack and the tests have them; deployed, each has sandboxes of its own. */
export interface Sandbox extends TokenFunctions {
  readonly introspect: GatewayHandler;
  readonly metadata: GatewayHandler;
}

/**
 * Builds all functions.
 * @throws {Error} where the environment is not as a deployment makes it
 */
export const createSandbox = (profiles: Profiles, env: Environment, overrides: Overrides = {}): Sandbox => ({
  ...createTokenFunctions(profiles, env, overrides),
  introspect: createIntrospectFunction(profiles, env, overrides),
  metadata: createMetadataFunction(env, overrides),
});
