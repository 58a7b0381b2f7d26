import type { GatewayHandler } from '../http/endpoint.ts';
import type { Environment, Overrides } from './base.ts';
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
 * @throws {Error} where the profiles or the environment are not as a deployment makes them
 */
export const createSandbox = (document: unknown, env: Environment, overrides: Overrides = {}): Sandbox => ({
  ...createTokenFunctions(document, env, overrides),
  introspect: createIntrospectFunction(document, env, overrides),
  metadata: createMetadataFunction(env, overrides),
});
