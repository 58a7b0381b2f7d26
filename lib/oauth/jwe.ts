import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { fail, ok, type Result } from '../core/result.ts';
import { parseJsonObject } from './token-response.ts';

/** The only supported algorithms: direct encryption (RFC 7518 §4.5) with AES-256 in Galois/Counter Mode (§5.3). */
const METHOD = { alg: 'dir', enc: 'A256GCM' } as const;
const CIPHER = 'aes-256-gcm';

/** 96 bits, as RFC 7518 §5.3 requires. */
const IV_BYTES = 12;

/** 128 bits, as RFC 7518 §5.3 requires; OpenSSL would accept shorter ones. */
const TAG_BYTES = 16;

const COMPACT = /^([\w-]+)\.\.([\w-]+)\.([\w-]*)\.([\w-]+)$/;

/** The content of a JWE. */
export interface Decrypted {
  /** Authenticated, like the content. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly plaintext: string;
}

/**
 * Encrypts a text to a JWE in compact serialization (RFC 7516 §7.1).
 * @param header parameters besides `alg` and `enc`: authenticated, not encrypted
 * @param key 32 bytes; IVs are random, so use a key for a few thousand encryptions at most
 */
export function encryptJwe(
  plaintext: string,
  header: Readonly<Record<string, string | number>>,
  key: Uint8Array,
): string {
  const protectedHeader = Buffer.from(JSON.stringify({ ...METHOD, ...header })).toString('base64url');
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv).setAAD(Buffer.from(protectedHeader));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const parts = [iv, ciphertext, cipher.getAuthTag()].map((bytes) => bytes.toString('base64url'));
  // With `dir`, the encrypted key between header and IV is empty.
  return [protectedHeader, '', ...parts].join('.');
}

/**
 * Decrypts the output of `encryptJwe`. Refuses any other algorithm (RFC 8725 §3.1) and any extension (`crit`, `zip`).
 * @returns the content, or why it cannot be decrypted
 */
export function decryptJwe(compact: string, key: Uint8Array): Result<Decrypted, string> {
  const [, protectedHeader = '', ...parts] = COMPACT.exec(compact) ?? [];
  const [iv, ciphertext, tag] = parts.map((part) => Buffer.from(part, 'base64url'));
  if (iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES || ciphertext === undefined) {
    return fail('it is not a JWE of this kind');
  }
  const header = parseJsonObject(Buffer.from(protectedHeader, 'base64url').toString('utf8'));
  if (header?.alg !== METHOD.alg || header.enc !== METHOD.enc || 'crit' in header || 'zip' in header) {
    return fail('it is encrypted in another way');
  }
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(protectedHeader))
    .setAuthTag(tag);
  try {
    const plaintext = Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
    return ok({ header, plaintext });
  } catch {
    return fail('it cannot be decrypted with this key, or it was changed');
  }
}
