import { fail, ok, type Result } from '../../core/result.ts';
import { holderOf, listVersions, type RotatedKey, type RotationFault, readKey } from './rotated-key.ts';
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
  const listed = await listVersions(versions, secret);
  if (!listed.ok) return listed;
  const currentId = holderOf(listed.value, 'AWSCURRENT');
  if (currentId === undefined) return fail({ detail: 'the secret has no version AWSCURRENT' });
  const current = await readKey(versions, secret, currentId, 'AWSCURRENT');
  if (!current.ok) return current;
  if (current.value === undefined) return fail({ detail: 'AWSCURRENT has no value' });
  if (currentId === token) return ok({ current: current.value });
  const pending = await readKey(versions, secret, token, 'AWSPENDING');
  if (!pending.ok) return pending;
  return ok({ current: current.value, ...(pending.value === undefined ? {} : { pending: pending.value }) });
}
