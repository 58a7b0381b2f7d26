import { fail, ok, type Result } from '../../core/result.ts';
import { removeAll } from './account-keys.ts';
import type { CreateDeps, RotationRun } from './create.ts';
import { markOf } from './mark.ts';
import { outlivedKeys } from './removable.ts';
import { holderOf, namedKeys, type RotatedKey, type RotationFault, readKey } from './rotated-key.ts';

/** What `finishSecret` did. */
export interface Finished {
  readonly keyId: string;
  /** The keys that were removed at ZITADEL. */
  readonly removed: readonly string[];
  /** Why keys that are no longer needed could not be removed; the next rotation removes them. */
  readonly left?: string;
}

/**
 * Creates the last step of a rotation: the pending version becomes the current one, and the keys before the previous
 * one go. The key that the rotation replaced stays until the next rotation: sandboxes still use it, and rows are sealed
 * with it.
 */
export function createFinishSecret({ versions, openKeys }: Pick<CreateDeps, 'versions' | 'openKeys'>) {
  async function removeOutlived({ secret, token, issuer }: RotationRun, current: RotatedKey) {
    const left = ({ detail }: RotationFault) => ({ removed: [], left: detail });
    const listed = await versions.list(secret);
    if (!listed.ok) return left(listed.error);
    const named = await namedKeys(versions, secret, listed.value);
    if (!named.ok) return left(named.error);
    const opened = await openKeys({ issuer, credential: current });
    if (!opened.ok) return left(opened.error);
    const found = await opened.value.list();
    if (!found.ok) return left(found.error);
    const outlived = outlivedKeys(found.value, { mark: markOf(secret, token), named: named.value });
    const { removed, fault } = await removeAll(opened.value, outlived);
    return { removed, ...(fault === undefined ? {} : { left: fault.detail }) };
  }

  return async (run: RotationRun): Promise<Result<Finished, RotationFault>> => {
    const { secret, token } = run;
    const listed = await versions.list(secret);
    if (!listed.ok) return fail({ detail: `the versions of the secret: ${listed.error.detail}` });
    const pending = await readKey(versions, secret, token, 'AWSPENDING');
    if (!pending.ok) return pending;
    if (pending.value === undefined) return fail({ detail: 'AWSPENDING has no value' });
    const currentId = holderOf(listed.value, 'AWSCURRENT');
    if (currentId !== token) {
      if (holderOf(listed.value, 'AWSPENDING') !== token) {
        return fail({ detail: 'AWSPENDING is on another version: this rotation was replaced by another' });
      }
      const from = currentId === undefined ? {} : { from: currentId };
      const moved = await versions.move(secret, 'AWSCURRENT', { ...from, to: token });
      if (!moved.ok) return fail({ detail: `moving AWSCURRENT: ${moved.error.detail}` });
    }
    return ok({ keyId: pending.value.key.kid, ...(await removeOutlived(run, pending.value)) });
  };
}
