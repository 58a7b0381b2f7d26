import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SecretFault, SecretStore } from '../broker/credentials/credentials.ts';
import { placeOf } from '../broker/profiles/secret-reference.ts';
import type { Clock } from '../core/clock.ts';
import { redacted } from '../core/redacted.ts';
import { fail, ok } from '../core/result.ts';
import { decodeText } from '../core/text.ts';
import { SECOND_MS } from '../core/time.ts';
import { agentOptions } from '../net/agent.ts';
import { abortAfter, errorName } from './call.ts';
import { readCredentials, readRegion } from './environment.ts';

/** The time limit of a read, including a retry. */
export const SECRET_MS = 2 * SECOND_MS;

const ATTEMPTS = 2;

/** Errors that persist until an operator acts, and what to do. */
const REFUSALS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ResourceNotFoundException:
      'there is no such secret, or it has no version AWSCURRENT: create it, or correct its name',
    AccessDeniedException: "the function's role may not read it: allow secretsmanager:GetSecretValue (and kms:Decrypt)",
    InvalidRequestException: 'it is marked for deletion: restore it',
    InvalidParameterException: 'its name is not accepted: correct it in the profile',
    DecryptionFailure: 'it cannot be decrypted: check its KMS key',
  }),
);

/** The fault that an error of the SDK means. */
export function toFault(error: unknown): SecretFault {
  const name = errorName(error);
  const advice = REFUSALS.get(name);
  return advice === undefined ? { kind: 'away', detail: name } : { kind: 'refused', detail: `${name}: ${advice}` };
}

/** A client of the SDK with the function's credentials, a time limit, and its way through a proxy. */
export function createClient(region: string): SecretsManagerClient {
  return new SecretsManagerClient({
    region,
    credentials: async () => readCredentials(),
    maxAttempts: ATTEMPTS,
    retryMode: 'standard',
    defaultsMode: 'standard',
    useDualstackEndpoint: process.env.AWS_USE_DUALSTACK_ENDPOINT === 'true',
    useFipsEndpoint: process.env.AWS_USE_FIPS_ENDPOINT === 'true',
    requestHandler: {
      connectionTimeout: SECRET_MS,
      requestTimeout: SECRET_MS,
      throwOnRequestTimeout: true,
      httpsAgent: agentOptions(process.env),
      httpAgent: agentOptions(process.env),
    },
  });
}

/**
 * Creates the secret store on AWS Secrets Manager. A secret named by its ARN is read in the region of the ARN. The SDK
 * chooses the endpoint (`AWS_ENDPOINT_URL_SECRETS_MANAGER`).
 * @throws {Error} if the environment does not name a region
 */
export function createSecretsManagerStore({ clock }: { clock: Clock }): SecretStore {
  const home = readRegion();
  const clients = new Map([[home, createClient(home)]]);

  function clientFor(name: string): SecretsManagerClient {
    const region = placeOf(name)?.region ?? home;
    const known = clients.get(region);
    if (known !== undefined) return known;
    const client = createClient(region);
    clients.set(region, client);
    return client;
  }

  return {
    async read(name) {
      const { signal, done } = abortAfter(clock, SECRET_MS);
      try {
        const command = new GetSecretValueCommand({ SecretId: name, VersionStage: 'AWSCURRENT' });
        const { SecretString, SecretBinary } = await clientFor(name).send(command, { abortSignal: signal });
        // The SDK passes on whatever type the answer has.
        if (typeof SecretString === 'string') return ok(redacted(SecretString));
        if (SecretBinary instanceof Uint8Array) return ok(redacted(decodeText(SecretBinary)));
        // A secret always has one or the other; treat neither as an outage.
        return fail({ kind: 'away', detail: 'EmptyAnswer' });
      } catch (error) {
        return fail(toFault(error));
      } finally {
        done();
      }
    },
  };
}
