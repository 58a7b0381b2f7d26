import { fail, ok, type Result } from '../../core/result.ts';
import type { HolderKeys } from './holder-keys.ts';
import { isListed } from './listed.ts';
import { expiryOf, formatExpiry, markOf } from './mark.ts';
import { abandonedKeys } from './removable.ts';
import { removeUnneeded } from './remove.ts';
import { holderOf, type RotationFault, readCurrent, readKey } from './rotated-key.ts';
import type { RotationRun, StepDeps, StepDone } from './run.ts';

/**
 * Creates the first step of a rotation: the pending version has a new key, which ZITADEL knows. Every call may have an
 * effect although its reply is lost; the next try finds the pending value, or a key to sweep.
 */
export function createCreateSecret({ clock, versions, openKeys }: StepDeps) {
  /** Ends a rotation that cannot go on, so that the next one can begin. */
  async function giveUp({ secret, token }: RotationRun, why: string) {
    const cleared = await versions.move(secret, 'AWSPENDING', { from: token });
    const then = cleared.ok ? 'its label was removed; rotate again' : `its label stays: ${cleared.error.detail}`;
    return fail({ detail: `${why}: ${then}` });
  }

  /** A key that was written before is used, if ZITADEL still knows it. */
  async function reuse(run: RotationRun, keys: HolderKeys, keyId: string) {
    const known = await isListed(clock, keys, keyId);
    if (!known.ok) return known;
    if (known.value) return ok({ keyId });
    return giveUp(run, `ZITADEL does not know AWSPENDING's key ${keyId} (removed, or expired)`);
  }

  return async (run: RotationRun): Promise<Result<StepDone, RotationFault>> => {
    const { secret, token, rotated } = run;
    const read = await readCurrent(versions, secret);
    if (!read.ok) return read;
    const { listed, currentId, current } = read.value;
    if (currentId === token) return ok({ keyId: current.key.kid });
    if (holderOf(listed, 'AWSPENDING') !== token) {
      return fail({ detail: 'AWSPENDING is on another version: only Secrets Manager starts a rotation' });
    }
    if (holderOf(listed, 'AWSPREVIOUS') === token) {
      return giveUp(run, "AWSPENDING's version was the current one, and was replaced by hand");
    }
    const opened = await openKeys(run, current);
    if (!opened.ok) return opened;
    const keys = opened.value;

    const pending = await readKey(versions, secret, token, 'AWSPENDING');
    if (!pending.ok) return pending;
    if (pending.value !== undefined) return reuse(run, keys, pending.value.key.kid);

    const { removed, fault } = await removeUnneeded(versions, run, keys, abandonedKeys(clock.now()));
    if (fault !== undefined) return fail(fault);
    const expiry = expiryOf(markOf(secret, token), { now: clock.now(), everyMs: rotated.everyMs });
    const added = await keys.add(formatExpiry(expiry));
    if (!added.ok) return added;
    const { keyId, text } = added.value;
    const written = await versions.write(secret, token, text);
    if (!written.ok) return fail({ detail: `writing AWSPENDING: ${written.error.detail}` });
    if (written.value === 'written') return ok({ keyId, isNew: true, removed });
    // The step runs twice, and the other one was first: its key counts.
    await keys.remove(keyId);
    const stored = await readKey(versions, secret, token, 'AWSPENDING');
    if (!stored.ok) return stored;
    if (stored.value !== undefined) return reuse(run, keys, stored.value.key.kid);
    return fail({ detail: 'writing AWSPENDING: it has another value already' });
  };
}
