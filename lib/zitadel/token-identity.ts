import { createHash } from 'node:crypto';
import type { Redacted } from '../core/redacted.ts';

/** In characters of base64url, about 128 bits: enough to tell tokens apart, short enough for long lists. */
const DIGEST_LENGTH = 22;

/** A JWS or a JWE in compact serialization (RFC 7515 §7.1, RFC 7516 §7.1). */
const COMPACT = /^[\w+/-]+(?:\.[\w+/-]*){2}(?:(?:\.[\w+/-]*){2})?$/;

/**
 * The canonical spelling of a token. ZITADEL ignores white space anywhere in a token. Since it decodes base64, padding,
 * the other alphabet and unused bits may differ too. A comparison of raw texts would take one token for several.
 */
export function canonicalToken(text: string): string {
  const bare = text.replace(/[\s=]+/g, '');
  if (!COMPACT.test(bare)) return bare;
  return bare
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString('base64url'))
    .join('.');
}

const digests = new WeakMap<Redacted<string>, string>();

/** Identifies a token, in any spelling, without revealing it: the first 22 characters of a SHA-256 in base64url. */
export function tokenDigest(token: Redacted<string>): string {
  const known = digests.get(token);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(canonicalToken(token.reveal()));
  const made = hash.digest('base64url').slice(0, DIGEST_LENGTH);
  digests.set(token, made);
  return made;
}
