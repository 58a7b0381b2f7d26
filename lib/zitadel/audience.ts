import type { Redacted } from '../core/redacted.ts';
import { parseJsonObject } from '../oauth/token-response.ts';

const JWT = /^[\w-]+\.([\w-]+)\.[\w-]*$/;

/** Parses `aud` of a JWT or an introspection response: an array or a single string (RFC 7519 §4.1.3). */
export function readAudience(aud: unknown): readonly string[] | undefined {
  const values: unknown = typeof aud === 'string' ? [aud] : aud;
  return Array.isArray(values) && values.every((value) => typeof value === 'string') ? values : undefined;
}

/**
 * The audience of a JWT; `undefined` for opaque tokens. The signature is not verified: the token comes from the issuer
 * itself, and its audience is only compared with what was requested.
 */
export function jwtAudience(token: Redacted<string>): readonly string[] | undefined {
  const [, payload] = JWT.exec(token.reveal()) ?? [];
  if (payload === undefined) return undefined;
  return readAudience(parseJsonObject(Buffer.from(payload, 'base64url').toString('utf8'))?.aud);
}

/** The first audience that was not requested, if any. */
export const foreignAudience = (audience: readonly string[], allowed: readonly string[]): string | undefined =>
  audience.find((entry) => !allowed.includes(entry));
