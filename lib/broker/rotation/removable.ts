import { type EpochMs, HOUR_MS } from '../../core/time.ts';
import type { RegisteredKey } from '../../zitadel/keys.ts';
import { type Mark, parseExpiry, readMark } from './mark.ts';

/** A rotation ends within minutes; a key that no version of the secret names after this was left by one that did not. */
const ABANDONED_MS = HOUR_MS;

/**
 * The mark of a key that this secret's rotation added, else `undefined`: a key of the operator's own, or of another
 * secret of the same account. No other key is ever removed.
 */
function ownMark({ expirationDate }: RegisteredKey, { secret }: Mark): Mark | undefined {
  const expiry = parseExpiry(expirationDate);
  const mark = expiry === undefined ? undefined : readMark(expiry);
  return mark?.secret === secret ? mark : undefined;
}

/** What decides whether a key may go. */
export interface Removal {
  /** Of the rotation that is running. */
  readonly mark: Mark;
  /** The ids of the keys that must stay, whatever their marks: those in versions of the secret. */
  readonly named: ReadonlySet<string>;
}

/**
 * The keys to remove before a rotation adds one: those that no version of the secret names, and that an earlier try of
 * this rotation added (its reply was lost), or a rotation that was abandoned an hour ago.
 */
export const abandonedKeys = (
  keys: readonly RegisteredKey[],
  { mark, named, now }: Removal & { readonly now: EpochMs },
): readonly string[] =>
  keys
    .filter((key) => {
      const own = ownMark(key, mark);
      if (own === undefined || named.has(key.keyId)) return false;
      return own.rotation === mark.rotation || key.createdAt < now - ABANDONED_MS;
    })
    .map(({ keyId }) => keyId);

/** The keys to remove after a rotation: those that neither AWSCURRENT nor AWSPREVIOUS names. */
export const outlivedKeys = (keys: readonly RegisteredKey[], { mark, named }: Removal): readonly string[] =>
  keys.filter((key) => ownMark(key, mark) !== undefined && !named.has(key.keyId)).map(({ keyId }) => keyId);
