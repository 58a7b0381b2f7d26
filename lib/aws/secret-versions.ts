import {
  DescribeSecretCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import type { SecretVersions } from '../broker/rotation/versions.ts';
import type { Clock } from '../core/clock.ts';
import type { Redacted } from '../core/redacted.ts';
import { fail, ok } from '../core/result.ts';
import { readRegion } from './environment.ts';
import { callSecrets, createClient, getText } from './secrets-call.ts';

/** Creates the versions of secrets on AWS Secrets Manager, in the region of the function: nothing else can be rotated. */
export function createSecretVersions({ clock }: { clock: Clock }): SecretVersions {
  const region = readRegion();
  const client = createClient(region);

  return {
    async list(SecretId) {
      const described = await callSecrets(clock, 'DescribeSecret', (options) =>
        client.send(new DescribeSecretCommand({ SecretId }), options),
      );
      if (!described.ok) return described;
      const { VersionIdsToStages = {}, PrimaryRegion = region } = described.value;
      if (PrimaryRegion !== region) {
        return fail({ kind: 'refused', detail: `it is a replica of the secret in ${PrimaryRegion}: rotate that one` });
      }
      return ok(Object.entries(VersionIdsToStages).map(([id, stages]) => ({ id, stages })));
    },
    async read(SecretId, VersionId) {
      const text = await callSecrets<Redacted<string> | undefined>(
        clock,
        'GetSecretValue',
        (options) => getText(client, { SecretId, VersionId }, options),
        // What AWS says of a version that has no value yet; emulators answer with an empty one.
        { ResourceNotFoundException: undefined, EmptyAnswer: undefined },
      );
      return text.ok && text.value?.reveal() === '' ? ok(undefined) : text;
    },
    write: (SecretId, ClientRequestToken, text) =>
      callSecrets<'written' | 'taken'>(
        clock,
        'PutSecretValue',
        async (options) => {
          const value = { SecretString: text.reveal(), VersionStages: ['AWSPENDING'] };
          await client.send(new PutSecretValueCommand({ SecretId, ClientRequestToken, ...value }), options);
          return 'written';
        },
        { ResourceExistsException: 'taken' },
      ),
    move: (SecretId, VersionStage, { from, to }) =>
      callSecrets(clock, 'UpdateSecretVersionStage', async (options) => {
        const input = { SecretId, VersionStage, RemoveFromVersionId: from, MoveToVersionId: to };
        await client.send(new UpdateSecretVersionStageCommand(input), options);
      }),
  };
}
