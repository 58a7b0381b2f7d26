import { createHash } from 'node:crypto';
import type { Profile } from './profile.ts';

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
const KEY_VERSION = 'v1';

/**
 * SHA-256 over the demand's parts, each with its length before it, so that no two demands are written alike.
 * The issuer and the secret's name are among them: a profile that is pointed elsewhere starts afresh.
 */
export function cacheKey({ profile, scopes }: Demand): CacheKey {
  const { name, issuer, secret, grant = '', subject = '', revocation = '' } = profile;
  const hash = createHash('sha256');
  for (const part of [KEY_VERSION, name, issuer, secret, grant, subject, revocation, ...scopes]) {
    const bytes = Buffer.from(part, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest('base64url') as CacheKey;
}
