import { generateKeyPairSync } from 'node:crypto';
import type { Profiles } from '../../../lib/broker/profiles/profile.ts';
import { profilesOf } from '../../support/profiles.ts';
import { ISSUER } from '../simulation/setting.ts';

export const PROJECT = '4711';
const AUDIENCE = `urn:zitadel:iam:org:project:id:${PROJECT}:aud`;
export const ROLE = 'arn:aws:iam::123456789012:role';
const shared = { issuer: ISSUER, callers: [`${ROLE}/shop`] };

/** The one account, whose keys two stages rotate, and the application whose keys it manages. */
export const ACCOUNT = '100';
export const APPLICATION = { appId: '200', clientId: '201' };

/** The secrets, by their short names: `a` and `b` are of two stages, and hold keys of one account. */
export const ARNS = {
  a: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:stage-a/reports-a1B2c3',
  b: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:stage-b/reports-x1Y2z3',
  application: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:stage-a/billing-m1N2o3',
} as const;
export type SecretName = keyof typeof ARNS;
export const SECRETS = Object.keys(ARNS) as [SecretName, ...SecretName[]];

/** A deployment: its profiles, and which of the secrets they name. */
export interface Fleet {
  readonly profiles: Profiles;
  readonly names: readonly string[];
  readonly secrets: Readonly<Record<string, SecretName>>;
}

const reports = (secret: string) => ({
  ...shared,
  secret,
  scopes: [AUDIENCE],
  rotation: { every: '30d' },
  prewarm: true,
});

const fleet = (profiles: Readonly<Record<string, object>>, secrets: Fleet['secrets']): Fleet => ({
  profiles: profilesOf({ profiles }),
  names: Object.keys(profiles),
  secrets,
});

export const FLEETS: readonly [Fleet, Fleet] = [
  fleet(
    {
      reports: reports('stage-a/reports'),
      billing: { ...shared, secret: 'stage-a/billing', subject: 'reports', rotation: { every: '7d', by: 'reports' } },
    },
    { 'stage-a/reports': 'a', 'stage-a/billing': 'application' },
  ),
  fleet({ reports: reports('stage-b/reports') }, { 'stage-b/reports': 'b' }),
];

/** Which fleet rotates a secret. */
export const fleetOf = (secret: SecretName): Fleet => FLEETS[secret === 'b' ? 1 : 0];

/** A key pair of P-256 in PEM: it is made in no time. */
export function createPair(): { readonly publicKey: string; readonly privateKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** The key JSON of the account or the application. */
export const keyJson = (secret: SecretName, keyId: string, key: string): string =>
  secret === 'application'
    ? JSON.stringify({ type: 'application', keyId, key, ...APPLICATION })
    : JSON.stringify({ type: 'serviceaccount', keyId, key, userId: ACCOUNT });

/** The id of the key in a key JSON. */
export const keyIdIn = (text: string): string => JSON.parse(text).keyId;
