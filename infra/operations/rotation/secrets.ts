import {
  DescribeSecretCommand,
  type DescribeSecretResponse,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { errorName } from '../../../lib/aws/call.ts';
import { getText } from '../../../lib/aws/secrets-call.ts';
import { placeOf } from '../../../lib/broker/profiles/secret-reference.ts';
import type { Stage } from '../../../lib/broker/rotation/versions.ts';
import type { Redacted } from '../../../lib/core/redacted.ts';
import { type EpochMs, instant } from '../../../lib/core/time.ts';
import { clientOptions, type Deployment, OperationError } from '../deployment.ts';

/** How a secret rotates, as Secrets Manager knows it. */
export interface Schedule {
  /** `false` once someone has cancelled a rotation. */
  readonly isEnabled: boolean;
  /** Such as `every 30 days`. */
  readonly period: string;
  readonly lastAt?: EpochMs;
  /** The next rotation has begun by then. */
  readonly nextAt?: EpochMs;
}

/** What Secrets Manager knows of a secret, without its values. */
export interface SecretState {
  /** The full ARN. */
  readonly arn: string;
  /** The id of the version that has a label. */
  readonly holderOf: (stage: Stage) => string | undefined;
  /** Absent if no deployment has configured one. */
  readonly schedule?: Schedule;
}

/** A version of a secret; without labels, Secrets Manager may delete it. */
export interface VersionInfo {
  readonly id: string;
  readonly labels: readonly string[];
}

/**
 * Secrets Manager as an operator uses it. Each call throws an {OperationError} that says what to do. Secrets are named as
 * in the profiles.
 */
export interface OperatorSecrets {
  readonly describe: (secret: string) => Promise<SecretState>;
  /** All versions, also those that have no label any more. */
  readonly list: (secret: string) => Promise<readonly VersionInfo[]>;
  /** The text of a version, or of AWSCURRENT; `undefined` if it has none. */
  readonly read: (secret: string, id?: string) => Promise<Redacted<string> | undefined>;
  /** Adds a version with AWSPENDING. */
  readonly write: (secret: string, id: string, text: Redacted<string>) => Promise<void>;
  /** Moves a label, or removes it if `to` is absent. */
  readonly move: (secret: string, stage: Stage, versions: { from?: string; to?: string }) => Promise<void>;
  /** Starts a rotation. @returns the id of its version; `undefined` if an unfinished rotation is tried again instead */
  readonly rotate: (secret: string) => Promise<string | undefined>;
}

const at = (date: Date | undefined): EpochMs | undefined => (date === undefined ? undefined : instant(date.getTime()));

function scheduleOf({
  RotationEnabled: isEnabled = false,
  RotationLambdaARN: configured,
  RotationRules: { AutomaticallyAfterDays: days, ScheduleExpression: expression } = {},
  LastRotatedDate: last,
  NextRotationDate: next,
}: DescribeSecretResponse): Schedule | undefined {
  if (configured === undefined) return undefined;
  const period = days === undefined ? (expression ?? 'on demand') : `every ${days} days`;
  const [lastAt, nextAt] = [at(last), at(next)];
  return { isEnabled, period, ...(lastAt && { lastAt }), ...(nextAt && { nextAt }) };
}

type Action =
  | 'DescribeSecret'
  | 'ListSecretVersionIds'
  | 'GetSecretValue'
  | 'PutSecretValue'
  | 'UpdateSecretVersionStage'
  | 'RotateSecret';

/** What to do about the errors of Secrets Manager, by their names. */
const adviceFor = ({ name, local, advice }: Deployment, action: Action, secret: string) => {
  const invoke = action === 'RotateSecret' ? ', or lambda:InvokeFunction on the rotation function' : '';
  const key = action.endsWith('SecretValue') ? ', or the right on its KMS key' : '';
  const isRightPlace = local === undefined ? ': are --stage, --region and the AWS account right?' : '';
  return {
    ...advice,
    AccessDeniedException: `these credentials lack secretsmanager:${action} on the secret ${secret}${invoke}${key}`,
    ResourceNotFoundException: `${name} has no secret ${secret}${isRightPlace}`,
    InvalidRequestException: `Secrets Manager refuses ${action} of ${secret}: is it marked for deletion, or the replica of a secret in another region?`,
    InvalidParameterException: `the versions of ${secret} have changed meanwhile: run the command again`,
    DecryptionFailure: `${secret} cannot be decrypted: check its KMS key`,
  } as Readonly<Record<string, string>>;
};

/** Secrets Manager starts no second rotation, and tries the first one again. */
const isUnfinished = (error: unknown): boolean =>
  errorName(error) === 'InvalidRequestException' && /previous rotation isn.t complete/i.test((error as Error).message);

/** Creates the access to the secrets of a deployment. An ARN is looked up in its own region. */
export function openSecrets(deployment: Deployment): OperatorSecrets {
  const clients = new Map<string, SecretsManagerClient>();

  function clientFor(secret: string): SecretsManagerClient {
    const region = placeOf(secret)?.region ?? deployment.region;
    const options = clientOptions({ ...deployment, region }, ({ secretsManagerUrl }) => secretsManagerUrl);
    const client = clients.get(region) ?? new SecretsManagerClient(options);
    clients.set(region, client);
    return client;
  }

  async function call<T>(
    secret: string,
    action: Action,
    run: (client: SecretsManagerClient) => Promise<T>,
    isKnown: (error: unknown) => boolean = () => false,
  ): Promise<T | undefined> {
    try {
      return await run(clientFor(secret));
    } catch (error) {
      if (isKnown(error)) return undefined;
      const name = errorName(error);
      const advice = adviceFor(deployment, action, secret);
      if (Object.hasOwn(advice, name)) throw new OperationError(advice[name]);
      throw new OperationError(`Secrets Manager fails (${action} of ${secret}: ${name}): try again later`);
    }
  }

  return {
    async describe(SecretId) {
      const found = await call(SecretId, 'DescribeSecret', (client) =>
        client.send(new DescribeSecretCommand({ SecretId })),
      );
      const { ARN: arn = SecretId, VersionIdsToStages: stages = {} } = found ?? {};
      const schedule = scheduleOf(found ?? {});
      return {
        arn,
        holderOf: (stage) => Object.entries(stages).find(([, labels]) => labels.includes(stage))?.[0],
        ...(schedule && { schedule }),
      };
    },
    async list(SecretId) {
      const found: VersionInfo[] = [];
      let NextToken: string | undefined;
      do {
        const input = { SecretId, IncludeDeprecated: true, NextToken };
        const page = await call(SecretId, 'ListSecretVersionIds', (client) =>
          client.send(new ListSecretVersionIdsCommand(input)),
        );
        for (const { VersionId: id = '', VersionStages: labels = [] } of page?.Versions ?? [])
          found.push({ id, labels });
        NextToken = page?.NextToken;
      } while (NextToken !== undefined);
      return found;
    },
    read: (SecretId, VersionId) =>
      call(
        SecretId,
        'GetSecretValue',
        (client) => getText(client, { SecretId, ...(VersionId === undefined ? {} : { VersionId }) }),
        // A version that its rotation has not written yet is unknown, or empty.
        (error) =>
          errorName(error) === 'EmptyAnswer' ||
          (VersionId !== undefined && errorName(error) === 'ResourceNotFoundException'),
      ),
    async write(SecretId, ClientRequestToken, text) {
      const value = { SecretString: text.reveal(), VersionStages: ['AWSPENDING'] };
      await call(SecretId, 'PutSecretValue', (client) =>
        client.send(new PutSecretValueCommand({ SecretId, ClientRequestToken, ...value })),
      );
    },
    async move(SecretId, VersionStage, { from, to }) {
      const input = { SecretId, VersionStage, RemoveFromVersionId: from, MoveToVersionId: to };
      await call(SecretId, 'UpdateSecretVersionStage', (client) =>
        client.send(new UpdateSecretVersionStageCommand(input)),
      );
    },
    async rotate(SecretId) {
      const started = await call(
        SecretId,
        'RotateSecret',
        (client) => client.send(new RotateSecretCommand({ SecretId })),
        isUnfinished,
      );
      return started?.VersionId;
    },
  };
}
