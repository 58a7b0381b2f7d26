import type { AwsCredentialIdentity } from '@smithy/types';

/** The part of the environment with the function's AWS credentials and region. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The credentials of the function's role, which Lambda sets in the environment. The SDK's credential provider chain is
 * not used: it would cost a cold start more than everything else.
 * @throws {Error} if there are none
 */
export function readCredentials(env: Environment = process.env): AwsCredentialIdentity {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env;
  if (!accessKeyId || !secretAccessKey) throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set');
  return { accessKeyId, secretAccessKey, ...(token ? { sessionToken: token } : {}) };
}

/**
 * The region of the function.
 * @throws {Error} if the environment does not name it
 */
export function readRegion(env: Environment = process.env): string {
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? '';
  if (region === '') throw new Error('the environment variable AWS_REGION is missing');
  return region;
}
