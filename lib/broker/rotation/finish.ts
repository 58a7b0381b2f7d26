import { fail, ok, type Result } from '../../core/result.ts';
import type { HolderKeys } from './holder-keys.ts';
import { isListed } from './listed.ts';
import { outlivedKeys } from './removable.ts';
import { removeUnneeded } from './remove.ts';
import { holderOf, listVersions, moveLabel, type RotationFault, readKey } from './rotated-key.ts';
import type { RotationRun, StepDeps, StepDone } from './run.ts';

/**
 * Creates the last step of a rotation: the pending version becomes the current one and no longer pending, and the keys
 * before the previous one go. The key that the rotation replaced stays until the next rotation: sandboxes still use it, and rows are sealed
 * with it.
 */
export function createFinishSecret({ clock, versions, openKeys }: StepDeps) {
  async function removeOutlived(run: RotationRun, keys: HolderKeys): Promise<Omit<StepDone, 'keyId'>> {
    const { removed, fault } = await removeUnneeded(versions, run, keys, outlivedKeys);
    return { removed, ...(fault === undefined ? {} : { left: fault.detail }) };
  }

  return async (run: RotationRun): Promise<Result<StepDone, RotationFault>> => {
    const { secret, token } = run;
    const listed = await listVersions(versions, secret);
    if (!listed.ok) return listed;
    const pending = await readKey(versions, secret, token, 'AWSPENDING');
    if (!pending.ok) return pending;
    if (pending.value === undefined) return fail({ detail: 'AWSPENDING has no value' });
    const keyId = pending.value.key.kid;
    const currentId = holderOf(listed.value, 'AWSCURRENT');
    if (currentId !== token && holderOf(listed.value, 'AWSPENDING') !== token) {
      return fail({ detail: 'AWSPENDING is on another version: this rotation was replaced by another' });
    }
    if (currentId !== token && holderOf(listed.value, 'AWSPREVIOUS') === token) {
      return fail({ detail: "AWSPENDING's version was the current one, and was replaced by hand" });
    }
    const opened = await openKeys(run, pending.value);
    if (currentId !== token) {
      // For safety: a removed key still obtains tokens for a moment, so the trial alone does not show that it is there.
      const known = opened.ok ? await isListed(clock, opened.value, keyId) : opened;
      if (!known.ok) return known;
      if (!known.value) return fail({ detail: `ZITADEL does not know AWSPENDING's key ${keyId}` });
      const from = currentId === undefined ? {} : { from: currentId };
      const moved = await moveLabel(versions, secret, 'AWSCURRENT', { ...from, to: token });
      if (!moved.ok) return fail({ detail: `moving AWSCURRENT: ${moved.error.detail}` });
    }
    // Left on this version, the label would let a later rotation bring it back after a change by hand.
    if (holderOf(listed.value, 'AWSPENDING') === token) {
      const cleared = await moveLabel(versions, secret, 'AWSPENDING', { from: token });
      if (!cleared.ok) return fail({ detail: `removing AWSPENDING: ${cleared.error.detail}` });
    }
    const removal = opened.ok ? await removeOutlived(run, opened.value) : { left: opened.error.detail };
    return ok({ keyId, ...removal });
  };
}
