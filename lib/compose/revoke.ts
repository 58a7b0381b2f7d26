import type { Profiles } from '../broker/profiles/profile.ts';
import { createRevoke } from '../broker/revocation/revoke.ts';
import type { GatewayHandler } from '../http/endpoint.ts';
import { createRevocationEndpoint } from '../http/revocation-endpoint.ts';
import { createBase } from './base.ts';
import type { Environment, Overrides } from './environment.ts';

/**
 * Builds the function that revokes. The other functions learn of a revocation from the table.
 * @throws {Error} if the environment is not that of a deployment: the function cannot start
 */
export function createRevokeFunction(profiles: Profiles, env: Environment, overrides: Overrides = {}): GatewayHandler {
  const base = createBase(profiles, env, overrides);
  return createRevocationEndpoint({ ...base, revoke: createRevoke(base) });
}
