import { createGateway } from '../../../infra/local/gateway/server.ts';
import { createRoutes } from '../../../infra/local/routes.ts';
import { createSecretsManager } from '../../../infra/local/secrets-manager.ts';
import { createTable } from '../../../infra/local/table.ts';
import { createSandbox } from '../../../lib/compose/sandbox.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };
import { caller } from '../../support/principals.ts';
import { profilesOf } from '../../support/profiles.ts';
import { sendSigned } from '../../support/signed-request.ts';
import type { CreateContender } from './contender.ts';

const { clientId, clientSecret } = accounts.saSecret;

/** The services of AWS, once for all brokers: their addresses are read from the environment. */
export async function startServices(): Promise<() => Promise<void>> {
  const [secrets, table] = await Promise.all([
    createSecretsManager({ now: Date.now }),
    createTable({ tableName: 'tokens' }),
  ]);
  secrets.put('orders', JSON.stringify({ clientId, clientSecret }));
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIABENCHMARK',
    AWS_SECRET_ACCESS_KEY: 'benchmark',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ENDPOINT_URL_DYNAMODB: table.url,
  });
  return async () => {
    await Promise.all([secrets.close(), table.close()]);
  };
}

/** The broker behind its gateway, asked with signed requests. */
export const createOurs: CreateContender = async (issuer, clock) => {
  const orders = {
    issuer,
    secret: 'orders',
    scopes: ['openid'],
    callers: ['arn:aws:iam::123456789012:role/orders-service'],
  };
  const env = { TABLE_NAME: 'tokens', BROKER_LOCAL: 'true' };
  const sandbox = createSandbox(profilesOf({ profiles: { orders } }), env, { clock, write: () => undefined });
  const gateway = await createGateway({ routes: createRoutes(() => sandbox), principals: [caller], now: clock.now });
  return {
    async ask() {
      const { status, headers, json } = await sendSigned({
        url: `${gateway.url}/orders/oauth/v2/token`,
        principal: caller,
        at: new Date(clock.now()),
        body: 'grant_type=client_credentials',
      });
      if (status === 200) return { isToken: true, leftS: Number(json.expires_in) };
      const retryAfter = headers['retry-after'];
      return { isToken: false, ...(retryAfter === undefined ? {} : { retryAfterS: Number(retryAfter) }) };
    },
    close: gateway.close,
  };
};
