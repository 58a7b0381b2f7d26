import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SecretStore } from '../broker/credentials/credentials.ts';
import { placeOf } from '../broker/profiles/secret-reference.ts';
import type { Clock } from '../core/clock.ts';
import { readRegion } from './environment.ts';
import { callSecrets, createClient, getText } from './secrets-call.ts';

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
    read: (name) =>
      callSecrets(clock, 'GetSecretValue', async (options) =>
        getText(clientFor(name), { SecretId: name, VersionStage: 'AWSCURRENT' }, options),
      ),
  };
}
