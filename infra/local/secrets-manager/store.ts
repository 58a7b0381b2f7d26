import { randomInt, randomUUID } from 'node:crypto';
import { type Answer, answered, notFound, refused } from './answer.ts';
import type { SecretValue } from './input.ts';
import { AWSCURRENT, attach, type Staging } from './staging.ts';

/** An immutable version of a secret. */
export interface Version {
  readonly id: string;
  readonly value: SecretValue;
  readonly createdAtMs: number;
}

/** A secret with all its versions, including deprecated ones. */
export interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly description: string | undefined;
  readonly createdAtMs: number;
  readonly versions: Map<string, Version>;
  staging: Staging;
  changedAtMs: number;
  accessedAtMs: number | undefined;
}

/** The secrets of one account in one region. */
export interface SecretStore {
  /** By name, full ARN, or ARN without the random suffix. */
  readonly find: (secretId: string) => Secret | undefined;
  /**
   * Creates an empty secret. ResourceExistsException if the name is in use. A full ARN for a name: a secret of any
   * region and account, found by this ARN alone.
   */
  readonly create: (name: string, description?: string) => Answer<Secret>;
  /**
   * Adds a version and attaches `labels` (default: AWSCURRENT) to it. The same `versionId` with the same value changes
   * nothing; with another value it is a ResourceExistsException.
   */
  readonly addVersion: (
    secret: Secret,
    value: SecretValue,
    versionId?: string,
    labels?: readonly string[],
  ) => Answer<Version>;
}

const SUFFIX_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function createSuffix(): string {
  return Array.from({ length: 6 }, () => SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)]).join('');
}

/** The name in a full ARN, without the hyphen and the six characters that Secrets Manager adds. */
export const nameInArn = (arn: string): string => arn.replace(/^arn:(?:[^:]*:){5}/, '').replace(/-[A-Za-z0-9]{6}$/, '');

/** Creates an empty store. `now` returns epoch milliseconds; the ARNs of its secrets start with `arnPrefix`. */
export function createSecretStore(now: () => number, arnPrefix: string): SecretStore {
  const secrets = new Map<string, Secret>();
  return {
    find: (secretId) => {
      const known = secrets.get(secretId);
      if (known !== undefined || !secretId.startsWith(arnPrefix)) return known;
      const full = [...secrets.values()].find(({ arn }) => arn === secretId);
      return full ?? secrets.get(secretId.slice(arnPrefix.length));
    },
    create: (name, description) => {
      if (secrets.has(name)) {
        return refused('ResourceExistsException', `The operation failed because the secret ${name} already exists.`);
      }
      const isArn = name.startsWith('arn:');
      const secret: Secret = {
        arn: isArn ? name : `${arnPrefix}${name}-${createSuffix()}`,
        name: isArn ? nameInArn(name) : name,
        description,
        createdAtMs: now(),
        versions: new Map(),
        staging: new Map(),
        changedAtMs: now(),
        accessedAtMs: undefined,
      };
      secrets.set(name, secret);
      return answered(secret);
    },
    addVersion: (secret, value, versionId = randomUUID(), labels) => {
      const existing = secret.versions.get(versionId);
      if (existing !== undefined && JSON.stringify(existing.value) !== JSON.stringify(value)) {
        return refused(
          'ResourceExistsException',
          `You can't use ClientRequestToken ${versionId} because that value is already in use for a version of secret ${secret.arn}.`,
        );
      }
      // A retry must not make an older version current again.
      if (existing !== undefined) return answered(existing);
      const version = { id: versionId, value, createdAtMs: now() };
      // The first version is always current, with any labels.
      const isFirst = secret.versions.size === 0;
      const wanted = labels === undefined ? [AWSCURRENT] : isFirst ? [AWSCURRENT, ...labels] : labels;
      secret.versions.set(versionId, version);
      secret.staging = wanted.reduce((staging, label) => attach(staging, label, versionId), secret.staging);
      secret.changedAtMs = now();
      return answered(version);
    },
  };
}

/**
 * The version that GetSecretValue selects. ResourceNotFoundException if there is none; InvalidRequestException if both
 * an id and a label are given and the label is on another version.
 */
export function selectVersion(secret: Secret, id: string | undefined, label: string | undefined): Answer<Version> {
  if (id === undefined) {
    const wanted = label ?? AWSCURRENT;
    const version = secret.versions.get(secret.staging.get(wanted) ?? '');
    return version === undefined ? notFound(`staging label: ${wanted}`) : answered(version);
  }
  const version = secret.versions.get(id);
  if (version === undefined) return notFound(`VersionId: ${id}`);
  if (label !== undefined && secret.staging.get(label) !== id) {
    return refused(
      'InvalidRequestException',
      'You provided a VersionStage that is not associated to the provided VersionId.',
    );
  }
  return answered(version);
}
