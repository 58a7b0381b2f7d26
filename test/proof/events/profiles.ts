import { accounts, audience, ISSUER, SECRETS } from '../../support/fleet.ts';
import { memberAt } from './json.ts';

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
