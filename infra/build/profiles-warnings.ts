import { partition } from '@aws-sdk/core/client';
import { type Profiles, secretUses } from '../../lib/broker/profiles/profile.ts';
import { placeOf, splitSecret } from '../../lib/broker/profiles/secret-reference.ts';

/** Where the broker will be deployed, as far as it is known. */
export interface Deployment {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
}

/** What is wrong with the ARN of a secret for a deployment: another partition cannot be reached. */
function faultOf(reference: string, { region }: Deployment): string | undefined {
  const place = placeOf(reference);
  if (place === undefined) return undefined;
  const { name: own } = partition(place.region);
  if (place.partition !== own) return `names the partition ${place.partition}, but ${place.region} is in ${own}`;
  if (region === undefined || partition(region).name === own) return undefined;
  return `is in the partition ${own}, which a deployment in ${region} cannot reach`;
}

/** What is probably wrong, or easily forgotten. */
function warningOf(reference: string, { account }: Deployment): string | undefined {
  const place = placeOf(reference);
  if (place === undefined) return undefined;
  const { name } = splitSecret(reference);
  // Of six random letters and digits, one in two hundred are small letters alone.
  if (/-[a-z]{6}$/.test(name)) {
    return (
      `ends in ${name.slice(-7)}: if these are not the six random characters that Secrets Manager adds, the ARN is incomplete; ` +
      'aws secretsmanager describe-secret --secret-id NAME prints the full one'
    );
  }
  if (account === undefined || place.account === account) return undefined;
  return (
    `is in the account ${place.account}: its resource policy must allow the roles of the functions, and it needs a customer ` +
    'managed KMS key that they may use (parameter secretsKmsKeyArn)'
  );
}

const collect = (
  profiles: Profiles,
  deployment: Deployment,
  find: (reference: string, deployment: Deployment) => string | undefined,
): readonly string[] =>
  [...profiles.values()].flatMap((profile) =>
    secretUses(profile).flatMap(({ secret }) => {
      const found = find(secret, deployment);
      return found === undefined ? [] : [`profile ${profile.name}: the secret ${secret} ${found}`];
    }),
  );

/** The secrets that a deployment cannot read, one per line. */
export const findFaults = (profiles: Profiles, deployment: Deployment): readonly string[] =>
  collect(profiles, deployment, faultOf);

/** What to check about secrets before a deployment, one per line. */
export const findWarnings = (profiles: Profiles, deployment: Deployment): readonly string[] =>
  collect(profiles, deployment, warningOf);

/** Names of the example that stand for one's own. */
export interface Placeholders {
  /** Hosts that may belong to somebody else, who would be sent assertions and client secrets: nothing to deploy. */
  readonly foreign: readonly string[];
  /** An account that test environments have too. */
  readonly doubtful: readonly string[];
}

const EXAMPLE_HOST = /^example\.zitadel\.cloud$|(^|\.)example(\.(com|net|org))?$/;

/** The account of AWS's documentation. */
export const EXAMPLE_ACCOUNT = '123456789012';

/** What is still as in the example, one line for each issuer and for the account. */
export function findPlaceholders(profiles: Profiles): Placeholders {
  const all = [...profiles.values()];
  const hosts = new Set(
    all.map(({ issuer }) => issuer).filter((issuer) => EXAMPLE_HOST.test(new URL(issuer).hostname)),
  );
  const isExample = all.some(({ callers }) => callers.some(({ account }) => account === EXAMPLE_ACCOUNT));
  return {
    foreign: [...hosts].map(
      (issuer) => `${issuer} is an example: write the issuer of your own ZITADEL in the profiles`,
    ),
    doubtful: isExample ? [`${EXAMPLE_ACCOUNT} is the account of an example: write that of the callers' roles`] : [],
  };
}
