import { sleep } from '../../core/clock.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import { type KeyTokenDeps, requestKeyToken } from './key-token.ts';
import type { RotatedKey, RotationFault } from './rotated-key.ts';

/** ZITADEL's reads lag its writes: a new key may be refused for a moment, by released versions with a 500. */
const TRIED_MS = 20 * SECOND_MS;
const TRY_AGAIN_MS = SECOND_MS;

/** Obtains a token with a key, as the broker would, and drops it. Tries again for 20 s. */
export function createTryKey(deps: KeyTokenDeps) {
  const { clock } = deps;
  return async (
    credential: RotatedKey,
    { issuer, scopes }: { issuer: string; scopes: readonly string[] },
  ): Promise<Result<void, RotationFault>> => {
    const until = clock.now() + TRIED_MS;
    for (;;) {
      const token = await requestKeyToken(deps, { issuer, credential, scopes });
      if (token.ok) return ok(undefined);
      if (clock.now() + TRY_AGAIN_MS > until) {
        return fail({ detail: `no token with key ${credential.key.kid} in 20 s: ${token.error.detail}` });
      }
      await sleep(clock, TRY_AGAIN_MS);
    }
  };
}
