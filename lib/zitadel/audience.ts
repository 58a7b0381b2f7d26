import type { Redacted } from '../core/redacted.ts';
import { parseJsonObject } from '../oauth/token-response.ts';

const JWT = /^[\w-]+\.([\w-]+)\.[\w-]*$/;

/** `aud` of a JWT or an introspection response, which may be one text (RFC 7519 §4.1.3); `undefined` where it is none. */
export function readAudience(aud: unknown): readonly string[] | undefined {
  const values: unknown = typeof aud === 'string' ? [aud] : aud;
  return Array.isArray(values) && values.every((value) => typeof value === 'string') ? values : undefined;
}

/**
 * The audience of a token that can be read: a JWT. Its signature is not looked at, since it comes from the issuer itself
 * and is only held against what was asked for.
 */
export function jwtAudience(token: Redacted<string>): readonly string[] | undefined {
  const [, payload] = JWT.exec(token.reveal()) ?? [];
  if (payload === undefined) return undefined;
  return readAudience(parseJsonObject(Buffer.from(payload, 'base64url').toString('utf8'))?.aud);
}

/** The first audience that was not asked for; `undefined` where there is none. */
export const foreignAudience = (audience: readonly string[], allowed: readonly string[]): string | undefined =>
  audience.find((entry) => !allowed.includes(entry));
