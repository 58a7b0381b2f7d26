import { createOnBehalf } from '../broker/on-behalf.ts';
import { prewarm } from '../broker/prewarm.ts';
import type { Profiles } from '../broker/profile.ts';
import { createRevocations } from '../broker/revocations.ts';
import { createRevoke } from '../broker/revoke.ts';
import { createTokens } from '../broker/tokens.ts';
import { plus } from '../core/time.ts';
import type { GatewayHandler, InvocationContext } from '../http/endpoint.ts';
import { createRevocationEndpoint } from '../http/revocation-endpoint.ts';
import { createTokenEndpoint } from '../http/token-endpoint.ts';
import { createBase, type Environment, type Overrides } from './base.ts';
import { createTable } from './table.ts';

/** The functions that earn tokens: one hands them out, one renews them on a schedule. */
export interface TokenFunctions {
  readonly token: GatewayHandler;
  /** Revokes, and lets `token` know at once: where both are in one process. */
  readonly revoke: GatewayHandler;
  /** Rejects where a profile failed: Lambda's own count of errors is what the alarm looks at. */
  readonly prewarm: (event: unknown, context: InvocationContext) => Promise<void>;
}

/**
 * Builds the functions that earn tokens.
 * @throws {Error} where the environment is not as a deployment makes it: the function cannot start
 */
export function createTokenFunctions(profiles: Profiles, env: Environment, overrides: Overrides = {}): TokenFunctions {
  const base = createBase(profiles, env, overrides);
  const { clock, log } = base;
  const table = overrides.table ?? createTable(env, clock);
  const revocations = createRevocations({ clock, table });
  const tokens = createTokens({ ...base, table, revocations });
  const onBehalf = createOnBehalf({ ...base, revocations });
  return {
    token: createTokenEndpoint({ ...base, tokens, onBehalf }),
    revoke: createRevocationEndpoint({ ...base, revoke: createRevoke({ ...base, revocations }) }),
    async prewarm(_event, context) {
      const at = clock.now();
      const results = await prewarm({ ...base, tokens }, plus(at, context.getRemainingTimeInMillis()));
      const named = (wanted: string) =>
        results.filter(({ outcome }) => outcome === wanted).map(({ profile }) => profile);
      const failed = results.flatMap(({ profile, error }) => (error === undefined ? [] : [{ profile, error }]));
      log.prewarm({ at, durationMs: clock.now() - at, renewed: named('renewed'), kept: named('kept'), failed });
      if (failed.length > 0) throw new Error(`prewarm failed for ${failed.map(({ profile }) => profile).join(', ')}`);
    },
  };
}
