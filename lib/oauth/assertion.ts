import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { type EpochMs, MINUTE_MS, plus, SECOND_MS, toEpochSeconds } from '../core/time.ts';

/** The signing key of a client or a service account. */
export interface SigningKey {
  /** The header parameter `kid` (RFC 7515 §4.1.4); ZITADEL's `keyId`. */
  readonly kid: string;
  readonly alg: 'RS256' | 'ES256';
  readonly privateKey: KeyObject;
}

/** ZITADEL refuses an `iat` 2 s ahead of its clock: backdating tolerates a local clock that is ahead. */
const BACKDATE_MS = 10 * SECOND_MS;

/** Each assertion is used for one request, sent at once. */
const ASSERTION_LIFE_MS = MINUTE_MS;

/**
 * Signs a JWT that authenticates `subject` at `audience` (RFC 7523 §3), for client authentication or as a grant.
 * `audience` is the issuer alone, the only value that ZITADEL accepts.
 * @param jti unique for each assertion (RFC 7523 §3, item 7)
 */
export function signAssertion(
  key: SigningKey,
  { subject, audience, jti, now }: { subject: string; audience: string; jti: string; now: EpochMs },
): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
    .setIssuer(subject)
    .setSubject(subject)
    .setAudience(audience)
    .setIssuedAt(toEpochSeconds(plus(now, -BACKDATE_MS)))
    .setExpirationTime(toEpochSeconds(plus(now, ASSERTION_LIFE_MS)))
    .setJti(jti)
    .sign(key.privateKey);
}
