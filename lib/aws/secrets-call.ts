import {
  GetSecretValueCommand,
  type GetSecretValueCommandInput,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { SecretFault } from '../broker/credentials/credentials.ts';
import type { Clock } from '../core/clock.ts';
import { type Redacted, redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { decodeText } from '../core/text.ts';
import { SECOND_MS } from '../core/time.ts';
import { agentOptions } from '../net/agent.ts';
import { abortAfter, errorName } from './call.ts';
import { readCredentials } from './environment.ts';

/** The time limit of a call, including a retry. */
export const SECRET_MS = 2 * SECOND_MS;

const ATTEMPTS = 2;

/** The calls that the broker makes, by the names of their rights. */
type Action = 'GetSecretValue' | 'DescribeSecret' | 'PutSecretValue' | 'UpdateSecretVersionStage';

/** Errors that persist until an operator acts, and what to do. */
function refusalsOf(action: Action): ReadonlyMap<string, string> {
  const isRead = action === 'GetSecretValue';
  return new Map([
    [
      'ResourceNotFoundException',
      'there is no such secret, or it has no version AWSCURRENT: create it, or correct its name',
    ],
    ['InvalidRequestException', 'it is marked for deletion: restore it'],
    ['DecryptionFailure', 'it cannot be decrypted: check its KMS key'],
    [
      'AccessDeniedException',
      isRead
        ? "the function's role may not read it: allow secretsmanager:GetSecretValue (and kms:Decrypt)"
        : `the function's role lacks secretsmanager:${action} (or the right on its KMS key)`,
    ],
    [
      'InvalidParameterException',
      isRead
        ? 'its name is not accepted: correct it in the profile'
        : 'the versions of the secret have changed meanwhile',
    ],
  ]);
}

function toFault(error: unknown, action: Action): SecretFault {
  const name = errorName(error);
  const advice = refusalsOf(action).get(name);
  return advice === undefined ? { kind: 'away', detail: name } : { kind: 'refused', detail: `${name}: ${advice}` };
}

/** A client of the SDK with the function's credentials, a time limit, and its way through a proxy. */
export function createClient(region: string): SecretsManagerClient {
  const agent = agentOptions(process.env);
  // The SDK refuses either with an endpoint of its own, which wins here, as it does for DynamoDB.
  const isOwn = Boolean(process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER || process.env.AWS_ENDPOINT_URL);
  return new SecretsManagerClient({
    region,
    credentials: async () => readCredentials(),
    maxAttempts: ATTEMPTS,
    retryMode: 'standard',
    defaultsMode: 'standard',
    useDualstackEndpoint: !isOwn && process.env.AWS_USE_DUALSTACK_ENDPOINT === 'true',
    useFipsEndpoint: !isOwn && process.env.AWS_USE_FIPS_ENDPOINT === 'true',
    requestHandler: {
      connectionTimeout: SECRET_MS,
      requestTimeout: SECRET_MS,
      throwOnRequestTimeout: true,
      httpsAgent: agent,
      httpAgent: agent,
    },
  });
}

/** Ends a call at its time limit. */
interface CallOptions {
  readonly abortSignal: AbortSignal;
}

/**
 * Runs one call of Secrets Manager within its time limit. Never throws.
 * @param known the errors that are answers, by name
 */
export async function callSecrets<T>(
  clock: Clock,
  action: Action,
  run: (options: CallOptions) => Promise<T>,
  known: Readonly<Record<string, T>> = {},
): Promise<Result<T, SecretFault>> {
  const { signal, done } = abortAfter(clock, SECRET_MS);
  try {
    return ok(await run({ abortSignal: signal }));
  } catch (error) {
    const name = errorName(error);
    return Object.hasOwn(known, name) ? ok(known[name] as T) : fail(toFault(error, action));
  } finally {
    done();
  }
}

/**
 * The text of a version.
 * @throws {Error} of the SDK; `EmptyAnswer` if the answer has neither text nor bytes: a version always has one or the
 *   other, so this is an outage
 */
export async function getText(
  client: SecretsManagerClient,
  input: GetSecretValueCommandInput,
  options?: CallOptions,
): Promise<Redacted<string>> {
  const { SecretString, SecretBinary } = await client.send(new GetSecretValueCommand(input), options);
  // The SDK passes on whatever type the answer has.
  if (typeof SecretString === 'string') return redacted(SecretString);
  if (SecretBinary instanceof Uint8Array) return redacted(decodeText(SecretBinary));
  throw Object.assign(new Error(), { name: 'EmptyAnswer' });
}
