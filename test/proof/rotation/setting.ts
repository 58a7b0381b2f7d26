import { profilesOf } from '../../support/profiles.ts';
import { AUDIENCE, ISSUER } from '../simulation/setting.ts';

const shared = { issuer: ISSUER, callers: ['arn:aws:iam::123456789012:role/shop'] };

/** The one account, whose keys two stages rotate, and the application whose keys it manages. */
export const ACCOUNT = '100';
export const APPLICATION = { appId: '200', clientId: '201' };

const arn = (name: string) => `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}`;

/** The secrets, by their short names: `a` and `b` are of two stages, and hold keys of one account. */
export const ARNS = {
  a: arn('stage-a/reports-a1B2c3'),
  b: arn('stage-b/reports-x1Y2z3'),
  application: arn('stage-a/billing-m1N2o3'),
} as const;
export type SecretName = keyof typeof ARNS;
export const SECRETS = Object.keys(ARNS) as [SecretName, ...SecretName[]];

/** The user id or client id that a secret's keys belong to. */
export const holderOf = (secret: SecretName): string => (secret === 'application' ? APPLICATION.clientId : ACCOUNT);

const reports = (secret: string) => ({
  ...shared,
  secret,
  scopes: [AUDIENCE],
  rotation: { every: '30d' },
  prewarm: true,
});
const billing = { ...shared, secret: 'stage-a/billing', subject: 'reports', rotation: { every: '7d', by: 'reports' } };

const fleet = (profiles: Readonly<Record<string, object>>) => ({
  profiles: profilesOf({ profiles }),
  names: Object.keys(profiles),
});

/** The two stages: their profiles. */
export const FLEETS = [
  fleet({ reports: reports('stage-a/reports'), billing }),
  fleet({ reports: reports('stage-b/reports') }),
] as const;

/** The number of the fleet that uses and rotates a secret. */
export const fleetOf = (secret: SecretName): 0 | 1 => (secret === 'b' ? 1 : 0);

/** The secret that an ARN, or the name in a profile, means. */
export function secretOf(id: string): SecretName {
  const found = SECRETS.find((secret) => ARNS[secret] === id || ARNS[secret].startsWith(`${arn(id)}-`));
  if (found === undefined) throw new Error(`there is no secret ${id}`);
  return found;
}

/** The key JSON of the account or the application. */
export const keyJson = (secret: SecretName, keyId: string, key: string): string =>
  secret === 'application'
    ? JSON.stringify({ type: 'application', keyId, key, ...APPLICATION })
    : JSON.stringify({ type: 'serviceaccount', keyId, key, userId: ACCOUNT });

/** The id of the key in a key JSON. */
export const keyIdIn = (text: string): string => JSON.parse(text).keyId;
