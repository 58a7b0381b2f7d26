import type { Profiles } from '../broker/profile.ts';
import { createRevocations } from '../broker/revocations.ts';
import { createRevoke } from '../broker/revoke.ts';
import type { GatewayHandler } from '../http/endpoint.ts';
import { createRevocationEndpoint } from '../http/revocation-endpoint.ts';
import { createBase, type Environment, type Overrides } from './base.ts';
import { createTable } from './table.ts';

/** Builds the function that revokes, on its own: the others hear of it through the table. */
export function createRevokeFunction(profiles: Profiles, env: Environment, overrides: Overrides = {}): GatewayHandler {
  const base = createBase(profiles, env, overrides);
  const table = overrides.table ?? createTable(env, base.clock);
  return createRevocationEndpoint({
    ...base,
    revoke: createRevoke({ ...base, revocations: createRevocations({ clock: base.clock, table }) }),
  });
}
