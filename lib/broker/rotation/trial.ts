import { type Clock, sleep } from '../../core/clock.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import type { Send } from '../../oauth/transport.ts';
import { judgeTokenAnswer } from '../../zitadel/token-answer.ts';
import { buildTokenRequest } from '../../zitadel/token-request.ts';
import type { RotationFault } from './account-keys.ts';
import type { RotatedKey } from './rotated-key.ts';

/** ZITADEL's reads lag its writes: a new key may be refused for a moment, by released versions with a 500. */
const TRIED_MS = 20 * SECOND_MS;
const TRY_AGAIN_MS = SECOND_MS;

/** Obtains a token with a key, as the broker would, and drops it. Tries again for 20 s. */
export function createTryKey({ clock, uuid, send }: { clock: Clock; uuid: () => string; send: Send }) {
  return async (
    credential: RotatedKey,
    { issuer, scopes }: { issuer: string; scopes: readonly string[] },
  ): Promise<Result<void, RotationFault>> => {
    const until = clock.now() + TRIED_MS;
    for (;;) {
      const asked = { issuer, credential, grant: 'jwt-bearer' as const, scopes };
      const request = await buildTokenRequest(asked, { now: clock.now(), jti: uuid });
      const outcome = judgeTokenAnswer(request, await send(request));
      if (outcome.kind === 'issued') return ok(undefined);
      if (clock.now() + TRY_AGAIN_MS > until) {
        return fail({ detail: `no token with key ${credential.key.kid} in 20 s: ${outcome.detail}` });
      }
      await sleep(clock, TRY_AGAIN_MS);
    }
  };
}
