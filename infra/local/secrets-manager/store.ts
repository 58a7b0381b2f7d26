import { randomInt, randomUUID } from 'node:crypto';
import { type Answer, answered, notFound, refused } from './answer.ts';
import type { LabelMove } from './event.ts';
import type { SecretValue } from './input.ts';
import { nextRotationMs, type RotationPlan } from './schedule.ts';
import { AWSCURRENT, attach, movedLabels, type Staging } from './staging.ts';

/** A version of a secret. Its value never changes. */
export interface Version {
  readonly id: string;
  /** Absent: a rotation has started, and has not written it yet. */
  readonly value: SecretValue | undefined;
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
  /** Absent if rotation was never configured. */
  rotation: RotationPlan | undefined;
  changedAtMs: number;
  accessedAtMs: number | undefined;
}

/** The secrets of one account in one region. */
export interface SecretStore {
  /** By name, full ARN, or ARN without the random suffix. */
  readonly find: (secretId: string) => Secret | undefined;
  readonly all: () => readonly Secret[];
  /**
   * Creates an empty secret. ResourceExistsException if the name is in use. A full ARN for a name: a secret of any
   * region and account, found by this ARN alone.
   */
  readonly create: (name: string, description?: string) => Answer<Secret>;
  /**
   * Adds a version, or the value of a reserved one, and attaches `labels` (default: AWSCURRENT). The same `versionId`
   * with the same value changes nothing; with another value it is a ResourceExistsException.
   */
  readonly addVersion: (
    secret: Secret,
    value: SecretValue,
    versionId?: string,
    labels?: readonly string[],
  ) => Answer<Version>;
  /** Adds a version without a value, unless it exists. */
  readonly reserveVersion: (secret: Secret, versionId: string) => void;
  /** Changes where the labels are. */
  readonly restage: (secret: Secret, staging: Staging) => void;
  /** Changes how the secret rotates. */
  readonly plan: (secret: Secret, rotation: RotationPlan) => void;
  /** A rotation of the secret has succeeded now. */
  readonly markRotated: (secret: Secret) => void;
}

const SUFFIX_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function createSuffix(): string {
  return Array.from({ length: 6 }, () => SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)]).join('');
}

/** The name in a full ARN, without the hyphen and the six characters that Secrets Manager adds. */
export const nameInArn = (arn: string): string => arn.replace(/^arn:(?:[^:]*:){5}/, '').replace(/-[A-Za-z0-9]{6}$/, '');

/**
 * Creates an empty store. `now` returns epoch milliseconds; the ARNs of its secrets start with `arnPrefix`; `onMove`
 * is called for each move of a label that EventBridge reports.
 */
export function createSecretStore(
  now: () => number,
  arnPrefix: string,
  onMove: (move: LabelMove) => void,
): SecretStore {
  const secrets = new Map<string, Secret>();

  function restage(secret: Secret, staging: Staging): void {
    const moved = movedLabels(secret.staging, staging);
    secret.staging = staging;
    secret.changedAtMs = now();
    const { arn, name } = secret;
    for (const [labelUpdated, versionId] of moved) onMove({ arn, name, labelUpdated, versionId });
  }

  function plan(secret: Secret, rotation: RotationPlan): void {
    secret.rotation = rotation;
    secret.changedAtMs = now();
  }

  /** The schedule counts from now. */
  function reschedule(secret: Secret, dates: Pick<Partial<RotationPlan>, 'rotatedAtMs'> = {}): void {
    const { rotation } = secret;
    if (rotation === undefined) return;
    plan(secret, { ...rotation, ...dates, nextAtMs: nextRotationMs(rotation.rules, now()) });
  }

  return {
    find: (secretId) => {
      const known = secrets.get(secretId);
      if (known !== undefined || !secretId.startsWith(arnPrefix)) return known;
      const full = [...secrets.values()].find(({ arn }) => arn === secretId);
      return full ?? secrets.get(secretId.slice(arnPrefix.length));
    },
    all: () => [...secrets.values()],
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
        rotation: undefined,
        changedAtMs: now(),
        accessedAtMs: undefined,
      };
      secrets.set(name, secret);
      return answered(secret);
    },
    addVersion: (secret, value, versionId = randomUUID(), labels) => {
      const existing = secret.versions.get(versionId);
      if (existing?.value !== undefined && JSON.stringify(existing.value) !== JSON.stringify(value)) {
        return refused(
          'ResourceExistsException',
          `You can't use ClientRequestToken ${versionId} because that value is already in use for a version of secret ${secret.arn}.`,
        );
      }
      // A retry must not make an older version current again.
      if (existing?.value !== undefined) return answered(existing);
      const version = { id: versionId, value, createdAtMs: now() };
      // The first version is always current, with any labels.
      const isFirst = !secret.staging.has(AWSCURRENT);
      const wanted = labels === undefined ? [AWSCURRENT] : isFirst ? [AWSCURRENT, ...labels] : labels;
      secret.versions.set(versionId, version);
      restage(
        secret,
        wanted.reduce((staging, label) => attach(staging, label, versionId), secret.staging),
      );
      // A new current value counts as a rotation of the schedule, although none has run.
      if (wanted.includes(AWSCURRENT)) reschedule(secret);
      return answered(version);
    },
    reserveVersion: (secret, id) => {
      if (!secret.versions.has(id)) secret.versions.set(id, { id, value: undefined, createdAtMs: now() });
    },
    restage,
    plan,
    markRotated: (secret) => reschedule(secret, { rotatedAtMs: now() }),
  };
}

/**
 * The version that GetSecretValue selects. ResourceNotFoundException if there is none with a value;
 * InvalidRequestException if both an id and a label are given and the label is on another version.
 */
export function selectVersion(secret: Secret, id: string | undefined, label: string | undefined): Answer<Version> {
  if (id === undefined) {
    const wanted = label ?? AWSCURRENT;
    const version = secret.versions.get(secret.staging.get(wanted) ?? '');
    return version?.value === undefined ? notFound(`staging label: ${wanted}`) : answered(version);
  }
  const version = secret.versions.get(id);
  if (version?.value === undefined) return notFound(`VersionId: ${id}`);
  if (label !== undefined && secret.staging.get(label) !== id) {
    return refused(
      'InvalidRequestException',
      'You provided a VersionStage that is not associated to the provided VersionId.',
    );
  }
  return answered(version);
}
