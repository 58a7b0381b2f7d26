import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, expect, test, vi } from 'vitest';
import { createClient } from '../../../lib/aws/secrets-call.ts';

afterEach(() => vi.unstubAllEnvs());

/** The host of a call, which is not sent. */
async function hostOf(region: string, env: Readonly<Record<string, string>>): Promise<string | undefined> {
  const deployed = {
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'key',
    AWS_ENDPOINT_URL: undefined,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: undefined,
  };
  for (const [name, value] of Object.entries({ ...deployed, ...env })) vi.stubEnv(name, value);
  const client = createClient(region);
  let host: string | undefined;
  client.middlewareStack.add(
    () => async (args) => {
      host = (args.request as { hostname: string }).hostname;
      return { response: {}, output: { $metadata: {} } };
    },
    { step: 'build' },
  );
  await client.send(new GetSecretValueCommand({ SecretId: 'a' }));
  return host;
}

const OWN = 'http://127.0.0.1:8000';
const FIPS = { AWS_USE_FIPS_ENDPOINT: 'true' };
test.each<[region: string, env: Readonly<Record<string, string>>, host: string]>([
  ['eu-central-1', {}, 'secretsmanager.eu-central-1.amazonaws.com'],
  ['us-east-1', FIPS, 'secretsmanager-fips.us-east-1.amazonaws.com'],
  ['us-gov-west-1', FIPS, 'secretsmanager-fips.us-gov-west-1.amazonaws.com'],
  ['cn-north-1', {}, 'secretsmanager.cn-north-1.amazonaws.com.cn'],
  ['us-east-1', { ...FIPS, AWS_ENDPOINT_URL_SECRETS_MANAGER: OWN }, '127.0.0.1'],
  ['us-east-1', { AWS_USE_DUALSTACK_ENDPOINT: 'true', AWS_ENDPOINT_URL: OWN }, '127.0.0.1'],
])('Secrets Manager in %s with %j is %s', async (region, env, host) => {
  expect(await hostOf(region, env)).toBe(host);
});
