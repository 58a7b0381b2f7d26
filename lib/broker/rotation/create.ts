import { type Clock, sleep } from '../../core/clock.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import { type KeyPair, serviceAccountJson } from '../../zitadel/key-pair.ts';
import { type AccountKeys, removeAll } from './account-keys.ts';
import { expiryOf, formatExpiry, markOf } from './mark.ts';
import { abandonedKeys } from './removable.ts';
import { holderOf, namedKeys, type RotatedKey, type RotationFault, readKey } from './rotated-key.ts';
import type { SecretVersions } from './versions.ts';

/** One step of a rotation. */
export interface RotationRun {
  /** The secret's full ARN. */
  readonly secret: string;
  /** The `ClientRequestToken`: the id of the pending version. */
  readonly token: string;
  readonly issuer: string;
  /** The rotation's period. */
  readonly everyMs: number;
}

export interface CreateDeps {
  readonly clock: Clock;
  readonly versions: SecretVersions;
  readonly openKeys: (input: { issuer: string; credential: RotatedKey }) => Promise<Result<AccountKeys, RotationFault>>;
  readonly createKeyPair: (alg: RotatedKey['key']['alg']) => Promise<KeyPair>;
}

/** What `createSecret` did: `ready` before, or a new key. */
export interface Created {
  readonly keyId: string;
  readonly isNew: boolean;
  /** The keys of earlier tries that were removed. */
  readonly swept: readonly string[];
}

/** ZITADEL's list lags its writes: a key that it lacks is looked for again before it counts as removed. */
const LISTED_MS = 5 * SECOND_MS;
const LOOK_AGAIN_MS = SECOND_MS;

/** Creates the first step of a rotation: the pending version has a new key, which ZITADEL knows. */
export function createCreateSecret({ clock, versions, openKeys, createKeyPair }: CreateDeps) {
  async function isListed(keys: AccountKeys, keyId: string): Promise<Result<boolean, RotationFault>> {
    const until = clock.now() + LISTED_MS;
    for (;;) {
      const listed = await keys.list();
      if (!listed.ok) return listed;
      if (listed.value.some((key) => key.keyId === keyId)) return ok(true);
      if (clock.now() >= until) return ok(false);
      await sleep(clock, LOOK_AGAIN_MS);
    }
  }

  /**
   * Writes the pending value. A write whose result is unknown may have happened: the key stays, and the next try finds
   * either the value or a key to sweep.
   */
  async function write(run: RotationRun, text: Redacted<string>): Promise<Result<void, RotationFault>> {
    const written = await versions.write(run.secret, run.token, text);
    if (written.ok && written.value === 'written') return ok(undefined);
    const detail = written.ok ? 'AWSPENDING has another value already' : written.error.detail;
    return fail({ detail: `writing AWSPENDING: ${detail}` });
  }

  return async (run: RotationRun): Promise<Result<Created, RotationFault>> => {
    const { secret, token, issuer, everyMs } = run;
    const listed = await versions.list(secret);
    if (!listed.ok) return fail({ detail: `the versions of the secret: ${listed.error.detail}` });
    const currentId = holderOf(listed.value, 'AWSCURRENT');
    if (currentId === undefined) return fail({ detail: 'the secret has no version AWSCURRENT' });
    const current = await readKey(versions, secret, currentId, 'AWSCURRENT');
    if (!current.ok) return current;
    if (current.value === undefined) return fail({ detail: 'AWSCURRENT has no value' });
    if (currentId === token) return ok({ keyId: current.value.key.kid, isNew: false, swept: [] });
    if (holderOf(listed.value, 'AWSPENDING') !== token) {
      return fail({ detail: 'AWSPENDING is on another version: only Secrets Manager starts a rotation' });
    }
    const opened = await openKeys({ issuer, credential: current.value });
    if (!opened.ok) return opened;
    const keys = opened.value;

    const pending = await readKey(versions, secret, token, 'AWSPENDING');
    if (!pending.ok) return pending;
    if (pending.value !== undefined) {
      const { kid } = pending.value.key;
      const known = await isListed(keys, kid);
      if (!known.ok) return known;
      if (known.value) return ok({ keyId: kid, isNew: false, swept: [] });
      const removed = await versions.move(secret, 'AWSPENDING', { from: token });
      const then = removed.ok ? 'its label was removed; rotate again' : `its label stays: ${removed.error.detail}`;
      return fail({ detail: `ZITADEL does not know AWSPENDING's key ${kid} (removed, or expired): ${then}` });
    }

    const found = await keys.list();
    if (!found.ok) return found;
    const named = await namedKeys(versions, secret, listed.value);
    if (!named.ok) return named;
    const mark = markOf(secret, token);
    const abandoned = abandonedKeys(found.value, { mark, named: named.value, now: clock.now() });
    const { removed: swept, fault } = await removeAll(keys, abandoned);
    if (fault !== undefined) return fail(fault);
    const { publicKey, privateKey } = await createKeyPair(current.value.key.alg);
    const expirationDate = formatExpiry(expiryOf(mark, { now: clock.now(), everyMs }));
    const added = await keys.add(expirationDate, publicKey);
    if (!added.ok) return added;
    const { keyId } = added.value;
    const text = serviceAccountJson({ userId: current.value.userId, keyId, privateKey, expirationDate });
    const written = await write(run, text);
    return written.ok ? ok({ keyId, isNew: true, swept }) : written;
  };
}
