import { type Answer, answered, epochSeconds, notFound, refused } from './answer.ts';
import { type Input, parseValue } from './input.ts';
import { cancelRotateSecret, describeRotation, rotateSecret } from './rotate-secret.ts';
import type { Rotations } from './rotations.ts';
import { AWSCURRENT, attach, byVersion, detach, labelsOf } from './staging.ts';
import { type Secret, type SecretStore, selectVersion } from './store.ts';

/** One operation of the API: maps the members of its input to those of its output. */
export type Operation = (input: Input) => Answer;

const DAY_MS = 86_400_000;

const invalid = (message: string) => refused('InvalidParameterException', message);

function createSecret(store: SecretStore, input: Input): Answer {
  if (input.Name === undefined) return invalid('You must provide a value for the Name parameter.');
  const value = parseValue(input);
  if (!value.ok) return value;
  const secret = store.create(input.Name, input.Description);
  if (!secret.ok) return secret;
  const { arn: ARN, name: Name } = secret.value;
  if (value.value === undefined) return answered({ ARN, Name });
  const version = store.addVersion(secret.value, value.value, input.ClientRequestToken);
  return version.ok ? answered({ ARN, Name, VersionId: version.value.id }) : version;
}

function getSecretValue(secret: Secret, input: Input, nowMs: number): Answer {
  const version = selectVersion(secret, input.VersionId, input.VersionStage);
  if (!version.ok) return version;
  // The service records the day of the last access, not the time.
  secret.accessedAtMs = nowMs - (nowMs % DAY_MS);
  const labels = labelsOf(secret.staging, version.value.id);
  return answered({
    ARN: secret.arn,
    Name: secret.name,
    VersionId: version.value.id,
    ...version.value.value,
    ...(labels.length > 0 && { VersionStages: labels }),
    CreatedDate: epochSeconds(version.value.createdAtMs),
  });
}

function putSecretValue(store: SecretStore, secret: Secret, input: Input): Answer {
  const value = parseValue(input);
  if (!value.ok) return value;
  if (value.value === undefined) return invalid('You must provide either SecretString or SecretBinary.');
  const version = store.addVersion(secret, value.value, input.ClientRequestToken, input.VersionStages);
  if (!version.ok) return version;
  const { id: VersionId } = version.value;
  return answered({
    ARN: secret.arn,
    Name: secret.name,
    VersionId,
    VersionStages: labelsOf(secret.staging, VersionId),
  });
}

function describeSecret(secret: Secret): Answer {
  return answered({
    ARN: secret.arn,
    Name: secret.name,
    ...(secret.description !== undefined && { Description: secret.description }),
    CreatedDate: epochSeconds(secret.createdAtMs),
    LastChangedDate: epochSeconds(secret.changedAtMs),
    ...(secret.accessedAtMs !== undefined && { LastAccessedDate: epochSeconds(secret.accessedAtMs) }),
    ...describeRotation(secret.rotation),
    ...(secret.versions.size > 0 && { VersionIdsToStages: byVersion(secret.staging) }),
  });
}

function listSecretVersionIds(secret: Secret, { IncludeDeprecated = false }: Input): Answer {
  const versions = [...secret.versions.values()].map(({ id, createdAtMs }) => {
    const labels = labelsOf(secret.staging, id);
    return {
      VersionId: id,
      CreatedDate: epochSeconds(createdAtMs),
      ...(labels.length > 0 && { VersionStages: labels }),
    };
  });
  const Versions = versions.filter(({ VersionStages }) => IncludeDeprecated || VersionStages !== undefined);
  return answered({ ARN: secret.arn, Name: secret.name, Versions });
}

/** Moves a label, or removes it from its version. */
export function updateSecretVersionStage(store: SecretStore, secret: Secret, input: Input): Answer {
  const { VersionStage: label, MoveToVersionId: moveTo, RemoveFromVersionId: removeFrom } = input;
  if (label === undefined) return invalid('You must provide a value for the VersionStage parameter.');
  if (moveTo === undefined && removeFrom === undefined) {
    return invalid('You must provide MoveToVersionId, RemoveFromVersionId, or both.');
  }
  for (const id of [moveTo, removeFrom]) {
    if (id !== undefined && !secret.versions.has(id)) return notFound(`VersionId: ${id}`);
  }
  const holder = secret.staging.get(label);
  if (removeFrom !== undefined && removeFrom !== holder) {
    return invalid(`Staging label ${label} is not attached to version ${removeFrom} of the secret.`);
  }
  if (moveTo === undefined && label === AWSCURRENT) {
    return invalid(
      `You can only move staging label ${AWSCURRENT} to a different secret version. It can't be completely removed.`,
    );
  }
  if (holder !== undefined && moveTo !== holder && removeFrom === undefined) {
    return invalid(
      `The parameter RemoveFromVersionId can't be empty. Staging label ${label} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  }
  store.restage(secret, moveTo === undefined ? detach(secret.staging, label) : attach(secret.staging, label, moveTo));
  return answered({ ARN: secret.arn, Name: secret.name });
}

/** The supported operations, by their name in `X-Amz-Target`. */
export function createOperations(
  store: SecretStore,
  rotations: Rotations,
  now: () => number,
): Readonly<Record<string, Operation>> {
  const ofSecret =
    (operation: (secret: Secret, input: Input) => Answer): Operation =>
    (input) => {
      if (input.SecretId === undefined) return invalid('You must provide a value for the SecretId parameter.');
      const secret = store.find(input.SecretId);
      return secret === undefined ? notFound() : operation(secret, input);
    };
  return {
    CreateSecret: (input) => createSecret(store, input),
    GetSecretValue: ofSecret((secret, input) => getSecretValue(secret, input, now())),
    PutSecretValue: ofSecret((secret, input) => putSecretValue(store, secret, input)),
    DescribeSecret: ofSecret(describeSecret),
    ListSecretVersionIds: ofSecret(listSecretVersionIds),
    UpdateSecretVersionStage: ofSecret((secret, input) => updateSecretVersionStage(store, secret, input)),
    RotateSecret: ofSecret((secret, input) => rotateSecret({ store, rotations, now }, secret, input)),
    CancelRotateSecret: ofSecret((secret) => cancelRotateSecret({ store, rotations }, secret)),
  };
}
