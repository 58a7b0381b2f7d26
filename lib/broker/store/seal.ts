import { hkdfSync } from 'node:crypto';
import { redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { instant } from '../../core/time.ts';
import { decryptJwe, encryptJwe } from '../../oauth/jwe.ts';
import { parseJsonObject } from '../../oauth/token-response.ts';
import type { Credential } from '../../zitadel/credential.ts';
import type { CacheKey } from '../token/demand.ts';
import type { Token } from '../token/freshness.ts';

const KEY_BYTES = 32;
const ID_BYTES = 12;

/** HKDF-SHA-256 (RFC 5869); `purpose` separates the derived values. */
const derive = ({ material }: Credential, purpose: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', material.reveal(), 'zitadel-token-broker', `${purpose} v1`, bytes));

const keys = new WeakMap<Credential, Buffer>();

function sealingKey(credential: Credential): Buffer {
  const known = keys.get(credential);
  if (known !== undefined) return known;
  const key = derive(credential, 'sealing key', KEY_BYTES);
  keys.set(credential, key);
  return key;
}

/** The id of a credential, derived from its content: changes with it, and reveals nothing about it. */
export const credentialId = (credential: Credential): string =>
  derive(credential, 'credential id', ID_BYTES).toString('base64url');

/**
 * Seals a token for the table: JWE `dir` + `A256GCM` (RFC 7516, RFC 7518 §4.5) with a key that only the holder of the
 * credential can derive. It also authenticates the row's key, the expiry and the credential's id.
 */
export function sealToken(
  token: Token,
  key: CacheKey,
  { credential, id }: { credential: Credential; id: string },
): string {
  const { accessToken, scope, obtainedAt, expiresAt, refreshAt, madeFrom, madeAt, isIrrevocable } = token;
  const content = JSON.stringify({
    token: accessToken.reveal(),
    scope,
    earnedAt: obtainedAt,
    refreshAt,
    madeFrom,
    madeAt,
    isIrrevocable,
  });
  return encryptJwe(content, { kid: id, pk: key, exp: expiresAt }, sealingKey(credential));
}

/**
 * Opens a token that `sealToken` sealed.
 * @returns the token, or why it cannot be used: another key or format, sealed for another row, or tampered with
 */
export function openToken(
  sealed: string,
  key: CacheKey,
  { credential, id }: { credential: Credential; id: string },
): Result<Token, string> {
  const opened = decryptJwe(sealed, sealingKey(credential));
  if (!opened.ok) return opened;
  const { kid, pk, exp } = opened.value.header;
  if (kid !== id || pk !== key) return fail('the token was sealed for another row');
  const {
    token,
    scope,
    earnedAt: obtainedAt,
    refreshAt,
    madeFrom,
    madeAt,
    isIrrevocable,
  } = parseJsonObject(opened.value.plaintext) ?? {};
  if (
    typeof token !== 'string' ||
    typeof obtainedAt !== 'number' ||
    typeof refreshAt !== 'number' ||
    typeof exp !== 'number'
  ) {
    return fail('the sealed token has an unexpected format');
  }
  return ok({
    accessToken: redacted(token),
    ...(typeof scope === 'string' ? { scope } : {}),
    obtainedAt: instant(obtainedAt),
    expiresAt: instant(exp),
    refreshAt: instant(refreshAt),
    ...(Array.isArray(madeFrom) ? { madeFrom: madeFrom.map(String) } : {}),
    ...(Array.isArray(madeAt) ? { madeAt: madeAt.map((at) => instant(Number(at))) } : {}),
    ...(isIrrevocable === true ? { isIrrevocable } : {}),
  });
}
