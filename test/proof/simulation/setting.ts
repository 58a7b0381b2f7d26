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
const AUDIENCE = `urn:zitadel:iam:org:project:id:${PROJECT}:aud`;
const OTHER_AUDIENCE = 'urn:zitadel:iam:org:project:id:1848:aud';
const ROLE = 'arn:aws:iam::123456789012:role';

/** The application that revokes: its client id is in the audience of every token that it can revoke. */
const REVOKER = 'revoker-client';
export const REVOKER_AUDIENCE = `urn:zitadel:iam:org:project:id:${REVOKER}:aud`;

/** The document of profiles, one for each way to obtain a token. */
const DOCUMENT = {
  profiles: {
    orders: {
      issuer: ISSUER,
      secret: 'orders',
      scopes: [AUDIENCE, 'profile'],
      callers: [`${ROLE}/shop`],
      prewarm: true,
    },
    reports: {
      issuer: ISSUER,
      secret: 'reports',
      scopes: [AUDIENCE, OTHER_AUDIENCE],
      callers: [`${ROLE}/shop`, `${ROLE}/office`],
      prewarm: true,
    },
    billing: {
      issuer: ISSUER,
      secret: 'billing',
      subject: 'reports',
      scopes: [AUDIENCE],
      callers: [`${ROLE}/office`],
    },
    stock: {
      issuer: ISSUER,
      secret: 'stock',
      scopes: [AUDIENCE],
      callers: [`${ROLE}/shop`],
      introspection: 'revoker',
      introspectionCacheSeconds: 60,
      revocation: { secret: 'revoker', callers: [`${ROLE}/shop`] },
      minValiditySeconds: 20,
    },
    parcels: { issuer: ISSUER, secret: 'parcels', subject: 'stock', callers: [`${ROLE}/office`] },
    desk: { issuer: ISSUER, secret: 'desk', scopes: [AUDIENCE], exchange: {}, callers: [`${ROLE}/shop`] },
    brief: { issuer: ISSUER, secret: 'brief', scopes: [AUDIENCE], callers: [`${ROLE}/office`], maxAgeSeconds: 600 },
  },
} as const;

export type ProfileName = keyof typeof DOCUMENT.profiles;
export const PROFILE_NAMES = Object.keys(DOCUMENT.profiles) as [ProfileName, ...ProfileName[]];

/** What a deployment in mid-traffic changes: `reports` loses a caller, and tokens of `brief` may get less old. */
const CHANGES = { reports: { callers: [`${ROLE}/shop`] }, brief: { maxAgeSeconds: 120 } } as const;

/** The documents before and after the deployment. */
const DOCUMENTS = {
  before: DOCUMENT.profiles,
  after: Object.fromEntries(
    Object.entries(DOCUMENT.profiles).map(([name, profile]) => [
      name,
      { ...profile, ...CHANGES[name as keyof typeof CHANGES] },
    ]),
  ) as Readonly<Record<ProfileName, (typeof DOCUMENT.profiles)[ProfileName]>>,
} as const;

export type Deployment = keyof typeof DOCUMENTS;

export const PROFILES: Readonly<Record<Deployment, Profiles>> = {
  before: profilesOf({ profiles: DOCUMENTS.before }),
  after: profilesOf({ profiles: DOCUMENTS.after }),
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

export const CALLERS = ['shop', 'office', 'stranger'] as const;
export type CallerName = (typeof CALLERS)[number];

/** Whether a caller is one of the profile's. */
export const mayUse = (caller: CallerName, profile: ProfileName, deployment: Deployment): boolean =>
  (DOCUMENTS[deployment][profile].callers as readonly string[]).includes(`${ROLE}/${caller}`);

/** The body of a token request. */
export function bodyFor(
  { scope }: Wish,
  { subject, rejected }: { readonly subject: string | undefined; readonly rejected: string | undefined },
): string {
  const grantType = subject === undefined ? GRANT_TYPE.clientCredentials : GRANT_TYPE.tokenExchange;
  const parameters = {
    grant_type: grantType,
    ...(scope === undefined ? {} : { scope }),
    ...(subject === undefined ? {} : { subject_token: subject, subject_token_type: TOKEN_TYPE.accessToken }),
    ...(rejected === undefined ? {} : { rejected_token: rejected }),
  };
  return new URLSearchParams(parameters).toString();
}

/** An event of API Gateway for a request with this body. */
export function eventFor(
  caller: CallerName,
  profile: ProfileName,
  requestId: string,
  body: string,
): Record<string, unknown> {
  return tokenEvent(profile, body, {
    requestContext: {
      requestId,
      authorizer: {
        iam: {
          accountId: '123456789012',
          callerId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
          userArn: `arn:aws:sts::123456789012:assumed-role/${caller}/i-0abc`,
          userId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
        },
      },
    },
  });
}

/** What the secrets of the simulation are made of: no piece of them is anything else, in any spelling. */
export const MARK = 'Zq7';
const MARKED = MARK.repeat(6);

/** The one private key: which of its versions is meant, its `kid` tells. */
export const SIGNING_KEY = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
export const PRIVATE_KEY = SIGNING_KEY.export({ type: 'pkcs8', format: 'pem' }).toString();

/** The `version`-th credential in a secret, as text. Secrets: the profiles' names, and `revoker`. */
export function secretText(name: string, version: number): string {
  if (name === 'reports') {
    return JSON.stringify({
      type: 'serviceaccount',
      userId: 'reports-user',
      keyId: `key-${version}`,
      key: PRIVATE_KEY,
    });
  }
  return JSON.stringify({ clientId: `${name}-client`, clientSecret: `${MARKED}-${version}-${MARKED}` });
}

/** A token as nobody else would write it. */
export const tokenText = (count: number): string => `${MARKED}-token-${count}-${MARKED}`;

/** Which version of a credential a request was made with. */
export const versionIn = (clientSecret: string): number => Number(clientSecret.split('-')[1]);
