import { createHash } from 'node:crypto';

/** A text that looks like a token and is always the same for one name. */
export const tokenNamed = (name: string): string =>
  [0, 1, 2].map((part) => createHash('sha256').update(`${name} ${part}`).digest('base64url')).join('.');

const tokensNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => tokenNamed(`${name} ${index}`));

/** Tokens that callers send. ZITADEL accepts the good ones, and does not know any other. */
export const SENT = {
  goodSubjects: tokensNamed('good subject', 12),
  badSubjects: tokensNamed('bad subject', 6),
  goodActors: tokensNamed('good actor', 3),
  /** Accepted, but of accounts that may not impersonate anybody. */
  powerlessActors: tokensNamed('powerless actor', 2),
  /** To be introspected, or revoked. */
  active: tokensNamed('active', 8),
  unknown: tokensNamed('unknown', 4),
  /** Of another application, which alone may revoke them. */
  unrevocable: tokensNamed('unrevocable', 4),
} as const;

/** RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

const IETF = 'urn:ietf:params:oauth:token-type:';

/** The types of tokens that may be exchanged, by their short names: RFC 8693 §3, and ZITADEL's own. */
export const TOKEN_TYPES = {
  access_token: `${IETF}access_token`,
  id_token: `${IETF}id_token`,
  jwt: `${IETF}jwt`,
  user_id: 'urn:zitadel:params:oauth:token-type:user_id',
} as const;

/** Types that nobody may exchange. */
export const REFRESH_TOKEN = `${IETF}refresh_token`;
export const SAML2_TOKEN = `${IETF}saml2`;

/** ZITADEL exchanges subjects of these types only for an actor. */
export const NEED_ACTOR: readonly string[] = [TOKEN_TYPES.jwt, TOKEN_TYPES.user_id];
