import { createHash } from 'node:crypto';
import type { Profile } from '../profiles/profile.ts';

/** Everything that decides which token comes out. Two demands that differ in any of it share no token. */
export interface Demand {
  readonly profile: Profile;
  /** Sorted, without doubles. */
  readonly scopes: readonly string[];
}

declare const cacheKeyBrand: unique symbol;

/** The name of a demand in memory and in the table: 43 characters of base64url. */
export type CacheKey = string & { readonly [cacheKeyBrand]: true };

/** Changed when rows written before must not be read any more. */
const KEY_VERSION = 'v2';

/** The keys of demands for all scopes of a profile: what nearly every caller asks for. */
const keys = new WeakMap<Profile, CacheKey>();

/**
 * Names a demand. Profiles are never changed, so the key of all that one has is made once.
 */
export function cacheKey(demand: Demand): CacheKey {
  if (demand.scopes !== demand.profile.scopes) return deriveKey(demand);
  const known = keys.get(demand.profile);
  if (known !== undefined) return known;
  const key = deriveKey(demand);
  keys.set(demand.profile, key);
  return key;
}

/**
 * SHA-256 over the demand's parts, each with its length before it, so that no two demands are written alike.
 * The issuer and the secret's name are among them: a profile that is pointed elsewhere starts afresh.
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
