import { createHash } from 'node:crypto';
import type { Redacted } from '../core/redacted.ts';

/** 128 bits in base64url: enough to tell tokens apart, and short where many are listed. */
const DIGEST_LENGTH = 22;

/** A JWS or a JWE in compact serialization (RFC 7515 §7.1, RFC 7516 §7.1). */
const COMPACT = /^[\w+/-]+(?:\.[\w+/-]*){2}(?:(?:\.[\w+/-]*){2})?$/;

/**
 * The one spelling of a token. ZITADEL ignores white space anywhere in a token; as it decodes base64, padding, the other
 * alphabet and the bits that no byte uses may differ as well. Whoever compares texts takes one token for several.
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

/** Names a token in whatever spelling it comes, without telling it: the beginning of a SHA-256, 22 characters. */
export function tokenDigest(token: Redacted<string>): string {
  const known = digests.get(token);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(canonicalToken(token.reveal()));
  const made = hash.digest('base64url').slice(0, DIGEST_LENGTH);
  digests.set(token, made);
  return made;
}
