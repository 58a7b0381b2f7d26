import { type EpochMs, HOUR_MS, SECOND_MS } from '../../core/time.ts';
import type { RegisteredKey } from '../../zitadel/keys.ts';
import { type Mark, parseExpiry, readMark } from './mark.ts';

/** A rotation ends within minutes; a key that no version of the secret names after this was left by one that did not. */
const ABANDONED_MS = HOUR_MS;

/**
 * A key of this rotation that is younger may be that of the same step, which runs twice: it is stored a moment later. One
 * whose reply was lost is older, or the last step removes it.
 */
const BEING_STORED_MS = 2 * SECOND_MS;

/** What decides whether a key may go. */
export interface Removal {
  /** Of the rotation that is running. */
  readonly mark: Mark;
  /** The ids of the keys that must stay, whatever their marks: those in versions of the secret. */
  readonly named: ReadonlySet<string>;
}

/**
 * The mark of a key that this secret's rotation added and that no version needs, else `undefined`: a key of the
 * operator's own, or of another secret of the same account. No other key is ever removed.
 */
function unneeded({ keyId, expirationDate }: RegisteredKey, { mark, named }: Removal): Mark | undefined {
  const expiry = parseExpiry(expirationDate);
  const found = expiry === undefined ? undefined : readMark(expiry);
  return found?.secret !== mark.secret || named.has(keyId) ? undefined : found;
}

/**
 * The keys to remove before a rotation adds one: those that an earlier try of this rotation added (its reply was lost),
 * or a rotation that was abandoned an hour ago.
 */
export const abandonedKeys =
  (now: EpochMs) =>
  (keys: readonly RegisteredKey[], removal: Removal): readonly string[] =>
    keys
      .filter((key) => {
        const found = unneeded(key, removal);
        if (found === undefined) return false;
        const isOwn = found.rotation === removal.mark.rotation;
        return key.createdAt < now - (isOwn ? BEING_STORED_MS : ABANDONED_MS);
      })
      .map(({ keyId }) => keyId);

/** The keys to remove after a rotation: those that neither AWSCURRENT nor AWSPREVIOUS names. */
export const outlivedKeys = (keys: readonly RegisteredKey[], removal: Removal): readonly string[] =>
  keys.filter((key) => unneeded(key, removal) !== undefined).map(({ keyId }) => keyId);
