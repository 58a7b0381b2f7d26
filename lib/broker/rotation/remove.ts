import { ok, type Result } from '../../core/result.ts';
import type { RegisteredKey } from '../../zitadel/keys.ts';
import type { HolderKeys } from './holder-keys.ts';
import { markOf } from './mark.ts';
import type { Removal } from './removable.ts';
import { listVersions, type RotationFault, readVersion } from './rotated-key.ts';
import type { RotationRun } from './run.ts';
import type { SecretVersions } from './versions.ts';

type Named = Pick<RotationRun, 'secret' | 'token'>;

/** Reads what decides on removals. A version that cannot be read is a fault: it may name any key. */
async function readRemoval(
  versions: SecretVersions,
  { secret, token }: Named,
): Promise<Result<Removal, RotationFault>> {
  const listed = await listVersions(versions, secret);
  if (!listed.ok) return listed;
  const named = new Set<string>();
  for (const { id, stages } of listed.value) {
    if (stages.length === 0) continue;
    const found = await readVersion(versions, secret, id, stages.join(', '));
    if (!found.ok) return found;
    // A client secret, which the first key of an account may replace, names no key.
    if (found.value !== undefined && found.value.kind !== 'client_secret') named.add(found.value.key.kid);
  }
  return ok({ mark: markOf(secret, token), named });
}

/** The ids of the keys that were removed, and the fault that ended it, if any. */
export interface Removed {
  readonly removed: readonly string[];
  readonly fault?: RotationFault;
}

/**
 * Removes the keys that `choose` names, one after the other. For safety: the versions are read after the keys are listed
 * and again before each removal, since a step may run twice, and a key that is stored meanwhile must stay.
 */
export async function removeUnneeded(
  versions: SecretVersions,
  run: Named,
  keys: HolderKeys,
  choose: (found: readonly RegisteredKey[], removal: Removal) => readonly string[],
): Promise<Removed> {
  const removed: string[] = [];
  const found = await keys.list();
  if (!found.ok) return { removed, fault: found.error };
  for (;;) {
    const removal = await readRemoval(versions, run);
    if (!removal.ok) return { removed, fault: removal.error };
    const left = found.value.filter(({ keyId }) => !removed.includes(keyId));
    const [next] = choose(left, removal.value);
    if (next === undefined) return { removed };
    const gone = await keys.remove(next);
    if (!gone.ok) return { removed, fault: gone.error };
    removed.push(next);
  }
}
