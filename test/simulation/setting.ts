import { generateKeyPairSync } from 'node:crypto';
import { type CacheKey, cacheKey } from '../../lib/broker/demand.ts';
import { tokenEvent } from '../support/events.ts';
import { profilesOf } from '../support/profiles.ts';

const ISSUER = 'https://simulated.zitadel.cloud';
const AUDIENCE = 'urn:zitadel:iam:org:project:id:4711:aud';
const ROLE = 'arn:aws:iam::123456789012:role';

/** The application that revokes: its client id is in the audience of every token that it can revoke. */
const REVOKER = 'revoker-client';
export const REVOKER_AUDIENCE = `urn:zitadel:iam:org:project:id:${REVOKER}:aud`;

/** The document of profiles, one for each way to earn a token. */
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
      scopes: [AUDIENCE],
      callers: [`${ROLE}/shop`, `${ROLE}/office`],
      prewarm: true,
    },
    billing: { issuer: ISSUER, secret: 'billing', subject: 'reports', callers: [`${ROLE}/office`] },
    stock: {
      issuer: ISSUER,
      secret: 'stock',
      scopes: [AUDIENCE],
      callers: [`${ROLE}/shop`],
      revocation: { secret: 'revoker', callers: [`${ROLE}/shop`] },
      minValiditySeconds: 20,
    },
    brief: { issuer: ISSUER, secret: 'brief', scopes: [AUDIENCE], callers: [`${ROLE}/office`], maxAgeSeconds: 600 },
  },
} as const;

export type ProfileName = keyof typeof DOCUMENT.profiles;
export const PROFILE_NAMES = Object.keys(DOCUMENT.profiles) as [ProfileName, ...ProfileName[]];

export const profiles = profilesOf(DOCUMENT);

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
  { profile: 'brief' },
];

/** The scopes of a token as its user sees them, in one order. */
export const scopesOf = ({ profile, scope }: Wish): string =>
  (scope === undefined ? [...(profiles.get(profile)?.scopes ?? [])] : scope.split(' ')).sort().join(' ');

/** Names what decides which token is meant. */
export const labelOf = (profile: string, scopes: string): string => `${profile} [${scopes}]`;

/** The label of each row of the table. */
export const LABELS: ReadonlyMap<CacheKey, string> = new Map(
  WISHES.map((wish) => {
    const profile = profiles.get(wish.profile);
    const scopes = scopesOf(wish);
    if (profile === undefined) throw new Error(`${wish.profile} is no profile`);
    return [cacheKey({ profile, scopes: scopes === '' ? [] : scopes.split(' ') }), labelOf(wish.profile, scopes)];
  }),
);

/** How soon callers wait for a renewal, in milliseconds. */
export const minValidityOf = (profile: ProfileName): number => profiles.get(profile)?.minValidityMs ?? 0;

/** The oldest that a token of the profile may get, in milliseconds. */
export const maxAgeOf = (profile: ProfileName): number => profiles.get(profile)?.maxAgeMs ?? Number.POSITIVE_INFINITY;

/** How many profiles the schedule renews. */
export const PREWARMED = [...profiles.values()].filter(({ prewarm }) => prewarm).length;

export const CALLERS = ['shop', 'office', 'stranger'] as const;
export type CallerName = (typeof CALLERS)[number];

/** Whether a caller is one of the profile's. */
export const mayUse = (caller: CallerName, profile: ProfileName): boolean =>
  (DOCUMENT.profiles[profile].callers as readonly string[]).includes(`${ROLE}/${caller}`);

/** An event of API Gateway for a token request or, with `body`, for another one. */
export function eventFor(caller: CallerName, wish: Wish, requestId: string, body?: string): Record<string, unknown> {
  const scope = wish.scope === undefined ? '' : `&scope=${encodeURIComponent(wish.scope)}`;
  return tokenEvent(wish.profile, body ?? `grant_type=client_credentials${scope}`, {
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
