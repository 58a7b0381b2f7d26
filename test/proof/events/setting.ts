import { createHash } from 'node:crypto';
import { accounts, audience, ISSUER, SECRETS } from '../../support/fleet.ts';
import { memberAt } from './authoriser.ts';

/** What each endpoint has after the profile in its path. */
export const ROUTES = {
  token: '/oauth/v2/token',
  introspect: '/oauth/v2/introspect',
  revoke: '/oauth/v2/revoke',
  metadata: '/.well-known/openid-configuration',
} as const;

export type Endpoint = keyof typeof ROUTES;

/** An HTTP API's payload 2.0, an HTTP API's payload 1.0, or a REST API's event. */
export type Format = '2.0' | '1.0' | 'REST';

/** Where API Gateway says that it was called. */
export const DOMAIN = 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com';

/** The account of most callers. */
export const ACCOUNT = '123456789012';

/** Another account, whose roles are listed in one place only. */
export const OTHER_ACCOUNT = '210987654321';

/** The scopes of the profiles: each has the first, some the second. */
export const SCOPES = { project: audience(accounts.project), profile: 'profile' } as const;

/** What callers of the profile `portal` may name as audience; ZITADEL knows the first only. */
export const AUDIENCES = { known: accounts.project, unknown: accounts.otherProject } as const;

/** What tokens carry besides their profile's scopes if the profile can revoke them. */
export const REVOCATION_SCOPE = audience(accounts.oidcSecret.clientId);

const shared = {
  issuer: ISSUER,
  callers: [
    `arn:aws:iam::${ACCOUNT}:role/orders-service`,
    `arn:aws:iam::${ACCOUNT}:role/batch-*`,
    `arn:aws-us-gov:iam::${OTHER_ACCOUNT}:role/orders-service`,
  ],
};
const orders = { ...shared, secret: 'orders', scopes: [SCOPES.project, SCOPES.profile] };
const exchanging = { ...shared, secret: 'shipping', scopes: [SCOPES.project] };

const anything = {
  subjectTokenTypes: ['access_token', 'id_token', 'jwt', 'urn:zitadel:params:oauth:token-type:user_id'],
  requestedTokenTypes: ['access_token', 'jwt', 'id_token'],
  audiences: [AUDIENCES.known, AUDIENCES.unknown],
  impersonation: true,
};
const twoTypes = { subjectTokenTypes: ['access_token', 'id_token'], impersonation: true };

/** Profiles of every kind. All that list somebody list the same roles, but for the last two. */
export const DOCUMENT = {
  profiles: {
    orders,
    reports: { ...shared, secret: 'reports', scopes: [SCOPES.project] },
    billing: { ...shared, secret: 'shipping', subject: 'orders' },
    introspecting: { ...orders, introspection: 'apiSecret' },
    remembering: { ...orders, introspection: 'apiSecret', introspectionCacheSeconds: 60 },
    revocable: { ...orders, introspection: 'apiSecret', revocation: { secret: 'shipping', callers: orders.callers } },
    exchanging: { ...exchanging, exchange: {} },
    portal: { ...exchanging, exchange: anything },
    both: { ...exchanging, subject: 'orders', exchange: twoTypes },
    // A name that every object has: whoever looks it up carelessly finds something.
    constructor: { ...orders, callers: [`arn:aws:iam::${ACCOUNT}:role/somebody-else`] },
    derived: { ...shared, secret: 'shipping', subject: 'source' },
    foreign: { ...orders, callers: [`arn:aws:iam::${OTHER_ACCOUNT}:role/somebody-else`] },
    source: { issuer: ISSUER, secret: 'orders', scopes: [SCOPES.project] },
  },
};

export type ProfileName = keyof (typeof DOCUMENT)['profiles'];

/** The client that obtains the profile's tokens, whose tokens alone it may hand out. */
export function clientOf(profile: string): string | undefined {
  const secret = memberAt(DOCUMENT, 'profiles', profile, 'secret');
  if (secret === undefined) return undefined;
  const { clientId = 'assertion' } = JSON.parse(SECRETS[secret as keyof typeof SECRETS]) as { clientId?: string };
  return clientId;
}

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
