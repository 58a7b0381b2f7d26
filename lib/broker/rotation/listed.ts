import { type Clock, sleep } from '../../core/clock.ts';
import { ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import type { HolderKeys } from './holder-keys.ts';
import type { RotationFault } from './rotated-key.ts';

/** ZITADEL's list lags its writes: a key that it lacks is looked for again before it counts as removed. */
const LISTED_MS = 5 * SECOND_MS;
const LOOK_AGAIN_MS = SECOND_MS;

/** Whether ZITADEL lists a key. */
export async function isListed(clock: Clock, keys: HolderKeys, keyId: string): Promise<Result<boolean, RotationFault>> {
  const until = clock.now() + LISTED_MS;
  for (;;) {
    const listed = await keys.list();
    if (!listed.ok) return listed;
    if (listed.value.some((key) => key.keyId === keyId)) return ok(true);
    if (clock.now() >= until) return ok(false);
    await sleep(clock, LOOK_AGAIN_MS);
  }
}
