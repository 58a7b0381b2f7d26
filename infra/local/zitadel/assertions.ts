import { constants, type KeyObject, verify } from 'node:crypto';
import type { Key } from './accounts.ts';
import { withoutSpace } from './tokens.ts';

/** The claims of a JWT, before its signature is verified. Times are epoch seconds, 0 if absent. */
export interface Assertion {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly jwt: string;
}

/** The conditions for an assertion. */
export interface Conditions {
  readonly issuer: string;
  readonly nowMs: number;
  /** How far ahead `iat` may be: ZITADEL's offset, plus a second because it rounds. */
  readonly aheadSeconds: number;
  readonly keys: ReadonlyMap<string, Key>;
}

export const SERVICE_ACCOUNT_AHEAD_SECONDS = 2;
export const APPLICATION_AHEAD_SECONDS = 1;
const LARGEST_AGE_SECONDS = 3600;

// Without padding.
const isBase64Url = (part = ''): boolean => /^[\w-]+$/.test(part);

const decode = (part: string | undefined): unknown => {
  if (part === undefined || !isBase64Url(part)) return undefined;
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return undefined;
  }
};

const readTime = (value: unknown): number | undefined => {
  if (value === undefined || value === null) return 0;
  const seconds = typeof value === 'string' ? Date.parse(value) / 1000 : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) ? Math.trunc(seconds) : undefined;
};

/** Parses a JWT's claims (RFC 7523 §3). `undefined` if it is not a JWT or a claim has the wrong type. */
export function parseAssertion(text: string): Assertion | undefined {
  const jwt = withoutSpace(text);
  const parts = jwt.split('.');
  const claims = parts.length === 3 ? decode(parts[1]) : undefined;
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined;
  const { iss = '', sub = '', aud = [], iat, exp } = claims as Record<string, unknown>;
  const audience: unknown[] = Array.isArray(aud) ? aud : [aud];
  const issuedAt = readTime(iat);
  const expiresAt = readTime(exp);
  if (typeof iss !== 'string' || typeof sub !== 'string' || issuedAt === undefined || expiresAt === undefined) {
    return undefined;
  }
  if (!audience.every((entry): entry is string => typeof entry === 'string')) return undefined;
  return { issuer: iss, subject: sub, audience, issuedAt, expiresAt, jwt };
}

const isSignedBy = (alg: unknown, key: KeyObject, data: Buffer, signature: Buffer): boolean => {
  const isRsa = key.asymmetricKeyType === 'rsa';
  const isP256 = key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  if (alg === 'RS256' && isRsa) return verify('sha256', data, key, signature);
  if (alg === 'PS256' && isRsa) {
    return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING }, signature);
  }
  return alg === 'ES256' && isP256 && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
};

function hasGoodSignature(jwt: string, keys: ReadonlyMap<string, Key>, nowMs: number): boolean {
  const [head = '', payload = '', signature = ''] = jwt.split('.');
  const header = decode(head) as { alg?: unknown; kid?: unknown } | undefined;
  const key = typeof header?.kid === 'string' ? keys.get(header.kid) : undefined;
  if (key === undefined || key.expiresMs <= nowMs || !isBase64Url(signature)) return false;
  return isSignedBy(header?.alg, key.publicKey, Buffer.from(`${head}.${payload}`), Buffer.from(signature, 'base64url'));
}

/** Whether audience, times and signature are valid; the caller must check `iss` and `sub`. */
export function isValid(assertion: Assertion, { issuer, nowMs, aheadSeconds, keys }: Conditions): boolean {
  const now = Math.floor(nowMs / 1000);
  const isForThisIssuer = assertion.audience.includes(issuer);
  const isUnexpired = assertion.expiresAt * 1000 > nowMs + (aheadSeconds - 1) * 1000;
  const isYoung = assertion.issuedAt >= now - LARGEST_AGE_SECONDS;
  const isPast = assertion.issuedAt <= now + aheadSeconds;
  return isForThisIssuer && isUnexpired && isYoung && isPast && hasGoodSignature(assertion.jwt, keys, nowMs);
}

/** Like {@link isValid}, and `iss` equals `sub`. */
export const isOwnAndValid = (assertion: Assertion, conditions: Conditions): boolean =>
  assertion.issuer === assertion.subject && isValid(assertion, conditions);
