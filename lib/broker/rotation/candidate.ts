import { ok, type Result } from '../../core/result.ts';
import { type RotatedKey, type RotationFault, readCurrent, readKey } from './rotated-key.ts';
import type { RotationRun } from './run.ts';
import type { SecretVersions } from './versions.ts';

/** The current key, and the one that is to replace it. */
export interface Pair {
  readonly current: RotatedKey;
  /** `undefined` if nothing is pending, as when Secrets Manager tests a configuration. */
  readonly pending?: RotatedKey;
}

/** Reads the current and the pending key of a rotation. */
export async function readPair(
  versions: SecretVersions,
  { secret, token }: RotationRun,
): Promise<Result<Pair, RotationFault>> {
  const read = await readCurrent(versions, secret);
  if (!read.ok) return read;
  const { currentId, current } = read.value;
  if (currentId === token) return ok({ current });
  const pending = await readKey(versions, secret, token, 'AWSPENDING');
  if (!pending.ok) return pending;
  return ok({ current, ...(pending.value === undefined ? {} : { pending: pending.value }) });
}
