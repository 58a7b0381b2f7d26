import { createOnBehalf } from '../broker/exchange/exchange.ts';
import { createDoubts } from '../broker/introspection/doubts.ts';
import { createCounter, createKeyIds } from '../broker/obtain/counter.ts';
import { createTokens } from '../broker/obtain/memory.ts';
import { prewarm } from '../broker/obtain/prewarm.ts';
import { profilesOfChange } from '../broker/obtain/secret-change.ts';
import { chainOf } from '../broker/profiles/check.ts';
import type { Profiles } from '../broker/profiles/profile.ts';
import { createRevoke } from '../broker/revocation/revoke.ts';
import { plus } from '../core/time.ts';
import type { GatewayHandler, InvocationContext } from '../http/endpoint.ts';
import { createRevocationEndpoint } from '../http/revocation-endpoint.ts';
import { createTokenEndpoint } from '../http/token-endpoint.ts';
import { createBase } from './base.ts';
import type { Environment, Overrides } from './environment.ts';

/** The functions that share the tokens of one process. */
export interface TokenFunctions {
  readonly token: GatewayHandler;
  /** Revokes; `token` knows at once, since both are in one process. */
  readonly revoke: GatewayHandler;
  /** Rejects if a profile failed, so that Lambda counts an error, which the alarm watches. */
  readonly prewarm: (event: unknown, context: InvocationContext) => Promise<void>;
}

/** The names in an error; the log has all. */
const MOST_NAMES = 20;

const listOf = (names: readonly string[]): string =>
  names.length <= MOST_NAMES
    ? names.join(', ')
    : `${names.slice(0, MOST_NAMES).join(', ')} and ${names.length - MOST_NAMES} more`;

/**
 * Builds the functions that obtain tokens.
 * @throws {Error} if the environment is not that of a deployment: the function cannot start
 */
export function createTokenFunctions(profiles: Profiles, env: Environment, overrides: Overrides = {}): TokenFunctions {
  const shared = createBase(profiles, env, overrides);
  const noted = { issued: createCounter(), waits: createCounter(), keyIds: createKeyIds() };
  const base = { ...shared, ...noted, doubts: createDoubts(shared) };
  const { clock, log, bulletin, health, expiries, credentials, issued, keyIds } = base;
  const tokens = createTokens(base);
  const onBehalf = createOnBehalf(base);
  const rereadSecret = (secret: string) => {
    const known = credentials.known(secret);
    return known === undefined ? credentials.get(secret) : credentials.reread(secret, known);
  };
  return {
    token: createTokenEndpoint({ ...base, tokens, onBehalf }),
    revoke: createRevocationEndpoint({ ...base, revoke: createRevoke(base) }),
    async prewarm(event, context) {
      const changed = profilesOfChange(event, profiles)?.filter((profile) => profile.prewarm);
      // The account has secrets that no profile names.
      if (changed?.length === 0) return;
      const at = clock.now();
      const leftMs = context.getRemainingTimeInMillis();
      await bulletin.look(leftMs);
      // A changed credential is tried at once: what the old one has sealed cannot be opened with it.
      const secrets = new Set(changed?.flatMap((profile) => chainOf(profile, profiles)));
      await Promise.all([...secrets].map((name) => rereadSecret(profiles.get(name)?.secret ?? '')));
      const chosen = changed === undefined ? profiles : new Map(changed.map((profile) => [profile.name, profile]));
      const results = await prewarm({ profiles: chosen, tokens }, plus(at, leftMs));
      const durationMs = clock.now() - at;
      const expiring = expiries.take();
      const requested = { issued: issued.take(), keyIds: keyIds.take() };
      log.prewarm({ at, durationMs, results, ...requested, degraded: health.degraded(), expiring });
      const failed = results.filter(({ outcome }) => outcome === 'failed').map(({ profile }) => profile);
      if (failed.length > 0) throw new Error(`prewarm failed for ${listOf(failed)}`);
    },
  };
}
