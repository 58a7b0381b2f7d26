import { createHash } from 'node:crypto';
import type { Profile } from '../profiles/profile.ts';

/** Everything that determines which token is handed out. Demands that differ in any of it share no token. */
export interface Demand {
  readonly profile: Profile;
  /** Sorted, without duplicates. */
  readonly scopes: readonly string[];
}

declare const cacheKeyBrand: unique symbol;

/** The key of a demand in memory and in the table: 43 characters of base64url. */
export type CacheKey = string & { readonly [cacheKeyBrand]: true };

/** Change this when rows written before must no longer be read. */
const KEY_VERSION = 'v2';

/** The keys of demands for all scopes of a profile, which nearly every caller requests. */
const keys = new WeakMap<Profile, CacheKey>();

/** The key of a demand. Profiles are immutable, so the key for all scopes of a profile is derived once. */
export function cacheKey(demand: Demand): CacheKey {
  if (demand.scopes !== demand.profile.scopes) return deriveKey(demand);
  const known = keys.get(demand.profile);
  if (known !== undefined) return known;
  const key = deriveKey(demand);
  keys.set(demand.profile, key);
  return key;
}

/**
 * SHA-256 over the demand's parts, each prefixed with its length, so that no two demands have the same encoding.
 * Includes the issuer and the secret's name: a profile that changes either does not use the old tokens.
 */
function deriveKey({ profile, scopes }: Demand): CacheKey {
  const { name, issuer, secret, grant = '', subject = '', revocation } = profile;
  const hash = createHash('sha256');
  for (const part of [KEY_VERSION, name, issuer, secret, grant, subject, revocation?.secret ?? '', ...scopes]) {
    const bytes = Buffer.from(part, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest('base64url') as CacheKey;
}
