import { generateKeyPairSync } from 'node:crypto';
import { chainOf as chainOfProfile } from '../../../lib/broker/profiles/check.ts';
import type { Profiles } from '../../../lib/broker/profiles/profile.ts';
import { type CacheKey, cacheKey } from '../../../lib/broker/token/demand.ts';
import { GRANT_TYPE, TOKEN_TYPE } from '../../../lib/oauth/grant.ts';
import { tokenEvent } from '../../support/events.ts';
import { profilesOf } from '../../support/profiles.ts';

export const ISSUER = 'https://simulated.zitadel.cloud';
/** The one audience that is granted by exchanges, and one that subjects have besides. */
export const PROJECT = '4711';
export const AUDIENCE = `urn:zitadel:iam:org:project:id:${PROJECT}:aud`;
const OTHER_AUDIENCE = 'urn:zitadel:iam:org:project:id:1848:aud';
/** The application that revokes: its client id is in the audience of every token that it can revoke. */
const REVOKER = 'revoker-client';
export const REVOKER_AUDIENCE = `urn:zitadel:iam:org:project:id:${REVOKER}:aud`;

export const CALLERS = ['shop', 'office', 'stranger'] as const;
export type CallerName = (typeof CALLERS)[number];

const ROLE = 'arn:aws:iam::123456789012:role';
const SHOP = `${ROLE}/shop`;
const OFFICE = `${ROLE}/office`;

/** A profile for each way to obtain a token; its secret has its name. */
const DOCUMENT = {
  orders: { scopes: [AUDIENCE, 'profile'], callers: [SHOP], prewarm: true },
  reports: { scopes: [AUDIENCE, OTHER_AUDIENCE], callers: [SHOP, OFFICE], prewarm: true },
  billing: { scopes: [AUDIENCE], callers: [OFFICE], subject: 'reports' },
  stock: {
    scopes: [AUDIENCE],
    callers: [SHOP],
    introspection: 'revoker',
    introspectionCacheSeconds: 60,
    revocation: { secret: 'revoker', callers: [SHOP] },
    minValiditySeconds: 20,
  },
  parcels: { callers: [OFFICE], subject: 'stock' },
  desk: { scopes: [AUDIENCE], callers: [SHOP], exchange: {} },
  brief: { scopes: [AUDIENCE], callers: [OFFICE], maxAgeSeconds: 600 },
};

export type ProfileName = keyof typeof DOCUMENT;
export const PROFILE_NAMES = Object.keys(DOCUMENT) as [ProfileName, ...ProfileName[]];

/** Another secret of the account of `reports`, with a key that is good beside the others. */
export const MOVED = { secret: 'reports-moved', version: 1000 };

/**
 * The two bundles of a shift in mid-traffic: `reports` loses a caller and gets another secret, and tokens of `brief` may get
 * less old.
 */
const DOCUMENTS = {
  before: DOCUMENT,
  after: {
    ...DOCUMENT,
    reports: { ...DOCUMENT.reports, callers: [SHOP], secret: MOVED.secret },
    brief: { ...DOCUMENT.brief, maxAgeSeconds: 120 },
  },
};

export type Deployment = keyof typeof DOCUMENTS;

const parse = (document: typeof DOCUMENT): Profiles => {
  const entries = Object.entries(document).map(([name, profile]) => [
    name,
    { issuer: ISSUER, secret: name, ...profile },
  ]);
  return profilesOf({ profiles: Object.fromEntries(entries) });
};

export const PROFILES: Readonly<Record<Deployment, Profiles>> = {
  before: parse(DOCUMENTS.before),
  after: parse(DOCUMENTS.after),
};
const { before: BEFORE } = PROFILES;

/** What callers ask for: a profile, and the scopes that they name, if any. */
export interface Wish {
  readonly profile: ProfileName;
  readonly scope?: string;
}

/** Everything that one of the callers may ask for. */
export const WISHES: readonly [Wish, ...Wish[]] = [
  { profile: 'orders' },
  { profile: 'orders', scope: 'profile' },
  { profile: 'orders', scope: AUDIENCE },
  { profile: 'reports' },
  { profile: 'billing' },
  { profile: 'stock' },
  { profile: 'parcels' },
  { profile: 'brief' },
  { profile: 'desk' },
];

/** The scopes of a token as its user sees them, in one order. */
export const scopesOf = ({ profile, scope }: Wish): string =>
  (scope === undefined ? [...(BEFORE.get(profile)?.scopes ?? [])] : scope.split(' ')).sort().join(' ');

/** Names what decides which token is meant. `subject`: the token that a caller has exchanged. */
export const labelOf = (profile: string, scopes: string, subject?: string): string =>
  `${profile} [${scopes}]${subject === undefined ? '' : ` of ${subject}`}`;

/** The label of each row of the table. */
export const LABELS: ReadonlyMap<CacheKey, string> = new Map(
  WISHES.map((wish) => {
    const profile = BEFORE.get(wish.profile);
    const scopes = scopesOf(wish);
    if (profile === undefined) throw new Error(`${wish.profile} is no profile`);
    return [cacheKey({ profile, scopes: scopes === '' ? [] : scopes.split(' ') }), labelOf(wish.profile, scopes)];
  }),
);

/** How soon callers wait for a renewal, in milliseconds; exchanged tokens of callers are kept while they are good. */
export const minValidityOf = (profile: ProfileName): number =>
  profile === 'desk' ? 0 : (BEFORE.get(profile)?.minValidityMs ?? 0);

/** The oldest that a token of a profile may get, in milliseconds. */
export const maxAgeOf = (profile: ProfileName, deployment: Deployment): number =>
  PROFILES[deployment].get(profile)?.maxAgeMs ?? Number.POSITIVE_INFINITY;

/** A profile, and those whose tokens it exchanges. */
export const chainOf = (profile: ProfileName): readonly string[] => {
  const found = BEFORE.get(profile);
  return found === undefined ? [profile] : chainOfProfile(found, BEFORE);
};

/** How many profiles the schedule renews. */
export const PREWARMED = [...BEFORE.values()].filter(({ prewarm }) => prewarm).length;

/** Whether a caller is one of the profile's. */
export const mayUse = (caller: CallerName, profile: ProfileName, deployment: Deployment): boolean =>
  DOCUMENTS[deployment][profile].callers.includes(`${ROLE}/${caller}`);

/** The body of a token request. `subject`: the token to exchange; `rejected`: the token that is sent back. */
export function bodyFor({ scope }: Wish, subject: string | undefined, rejected: string | undefined): string {
  return new URLSearchParams({
    grant_type: subject === undefined ? GRANT_TYPE.clientCredentials : GRANT_TYPE.tokenExchange,
    ...(scope === undefined ? {} : { scope }),
    ...(subject === undefined ? {} : { subject_token: subject, subject_token_type: TOKEN_TYPE.accessToken }),
    ...(rejected === undefined ? {} : { rejected_token: rejected }),
  }).toString();
}

/** An event of API Gateway for a request with this body. */
export function eventFor(caller: CallerName, profile: string, requestId: string, body: string) {
  const iam = {
    accountId: '123456789012',
    callerId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
    userArn: `arn:aws:sts::123456789012:assumed-role/${caller}/i-0abc`,
    userId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
  };
  return tokenEvent(profile, body, { requestContext: { requestId, authorizer: { iam } } });
}

/** What the secrets of the simulation are made of: no piece of them is anything else, in any spelling. */
export const MARK = 'Zq7';
const MARKED = MARK.repeat(6);

/** A key pair of P-256 in PEM: it is made in no time. */
export const createPair = () =>
  generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

/** The one private key: which of its versions is meant, its `kid` tells. */
export const PRIVATE_KEY = createPair().privateKey;

/** The `version`-th credential in a secret, as text. Secrets: the profiles' names, `revoker`, and the one that moved. */
export function secretText(name: string, version: number): string {
  if (name === MOVED.secret) return secretText('reports', MOVED.version);
  const key = { type: 'serviceaccount', userId: 'reports-user', keyId: `key-${version}`, key: PRIVATE_KEY };
  const client = { clientId: `${name}-client`, clientSecret: `${MARKED}-${version}-${MARKED}` };
  return JSON.stringify(name === 'reports' ? key : client);
}

/** A token as nobody else would write it. */
export const tokenText = (count: number): string => `${MARKED}-token-${count}-${MARKED}`;

/** Which version of a credential a request was made with. */
export const versionIn = (clientSecret: string): number => Number(clientSecret.split('-')[1]);
