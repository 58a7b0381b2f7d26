import { createHash, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Claims } from './claims.ts';

/** Who acts for an account (RFC 8693 §4.1): the claim `act`. */
export interface Actor {
  readonly iss: string;
  readonly sub: string;
  readonly act?: Actor;
}

/** Removes all white space from a token or an assertion: ZITADEL ignores it. */
export const withoutSpace = (token: string): string => token.replace(/\p{White_Space}/gu, '');

/** What an access token stands for. Times are epoch seconds. */
export interface Session {
  readonly jti: string;
  readonly userId: string;
  /** A service account's user name, or an application's client id. */
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly audience: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly authMethods: readonly string[];
  readonly authTime: number | undefined;
  /** Who acts for the account. */
  readonly actor: Actor | undefined;
  /** The issuer of a JWT; an opaque token has none. */
  readonly issuer: string | undefined;
  isEnded: boolean;
}

/** Signs with the instance's key, which is generated on first use. */
export interface Signer {
  readonly sign: (claims: Claims) => Promise<string>;
  /** The key set (RFC 7517 §5). */
  readonly keySet: () => Promise<object>;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function createSigner(kid: string): Signer {
  let made: Promise<{ publicKey: KeyObject; privateKey: KeyObject }> | undefined;
  const keys = () => {
    made ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
    return made;
  };
  return {
    async sign(claims) {
      const { privateKey } = await keys();
      const signed = `${encode({ alg: 'RS256', kid, typ: 'JWT' })}.${encode(claims)}`;
      return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
    },
    async keySet() {
      const { publicKey } = await keys();
      return { keys: [{ use: 'sig', kid, alg: 'RS256', ...publicKey.export({ format: 'jwk' }) }] };
    },
  };
}

/** `at_hash` (OpenID Connect Core §3.1.3.6). */
export const hashOf = (accessToken: string): string =>
  createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');

const OPAQUE_PART_BYTES = [32, 12, 62, 16];

const ONE_PART_BYTES = 80;

/** A random token in ZITADEL's format: a JWE in compact form, or one part without dots. */
export function createOpaqueToken(hasOnePart: boolean): string {
  const random = (bytes: number) => randomBytes(bytes).toString('base64url');
  if (hasOnePart) return random(ONE_PART_BYTES);
  const header = { alg: 'A256GCMKW', enc: 'A256GCM', iv: random(12), tag: random(16) };
  return [encode(header), ...OPAQUE_PART_BYTES.map(random)].join('.');
}

const LARGEST_COUNT = 100_000;

/** The issued tokens; beyond 100 000, the oldest are forgotten. */
export interface TokenStore<T> {
  readonly add: (token: string, value: T) => void;
  readonly find: (token: string) => T | undefined;
  readonly values: () => Iterable<T>;
}

export function createTokenStore<T>(): TokenStore<T> {
  const tokens = new Map<string, T>();
  return {
    add(token, value) {
      tokens.set(token, value);
      const [oldest] = tokens.size > LARGEST_COUNT ? tokens.keys() : [];
      if (oldest !== undefined) tokens.delete(oldest);
    },
    find: (token) => tokens.get(withoutSpace(token)),
    values: () => tokens.values(),
  };
}
