import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import type { SecretFault } from '../broker/credentials/credentials.ts';
import type { SecretVersions } from '../broker/rotation/versions.ts';
import type { Clock } from '../core/clock.ts';
import { redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { decodeText } from '../core/text.ts';
import { abortAfter, errorName } from './call.ts';
import { readRegion } from './environment.ts';
import { createClient, SECRET_MS, toFault } from './secrets-manager.ts';

/** Creates the versions of secrets on AWS Secrets Manager, in the region of the function: nothing else can be rotated. */
export function createSecretVersions({ clock }: { clock: Clock }): SecretVersions {
  const client = createClient(readRegion());

  /** Runs one call; `known` maps the errors that are answers. */
  async function call<T>(
    run: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
    known: Readonly<Record<string, T>> = {},
  ): Promise<Result<T, SecretFault>> {
    const { signal, done } = abortAfter(clock, SECRET_MS);
    try {
      return ok(await run({ abortSignal: signal }));
    } catch (error) {
      const name = errorName(error);
      return Object.hasOwn(known, name) ? ok(known[name] as T) : fail(toFault(error));
    } finally {
      done();
    }
  }

  return {
    list: (SecretId) =>
      call(async (options) => {
        const { VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId }), options);
        return Object.entries(VersionIdsToStages).map(([id, stages]) => ({ id, stages }));
      }),
    read: (SecretId, VersionId) =>
      call(
        async (options) => {
          const command = new GetSecretValueCommand({ SecretId, VersionId });
          const { SecretString, SecretBinary } = await client.send(command, options);
          if (SecretString !== undefined) return redacted(SecretString);
          return SecretBinary === undefined ? undefined : redacted(decodeText(SecretBinary));
        },
        { ResourceNotFoundException: undefined },
      ),
    write: (SecretId, ClientRequestToken, text) =>
      call<'written' | 'taken'>(
        async (options) => {
          const value = { SecretString: text.reveal(), VersionStages: ['AWSPENDING'] };
          await client.send(new PutSecretValueCommand({ SecretId, ClientRequestToken, ...value }), options);
          return 'written';
        },
        { ResourceExistsException: 'taken' },
      ),
    move: (SecretId, VersionStage, { from, to }) =>
      call(async (options) => {
        const input = { SecretId, VersionStage, RemoveFromVersionId: from, MoveToVersionId: to };
        await client.send(new UpdateSecretVersionStageCommand(input), options);
      }),
  };
}
