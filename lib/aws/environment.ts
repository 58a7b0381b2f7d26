import type { AwsCredentialIdentity } from '@smithy/types';

/** The part of the environment that says who we are and where AWS is. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The credentials of the function's role, as Lambda puts them into the environment. There is no other place to look:
 * the chain of places that the SDK knows would cost a cold start more than all the rest of it.
 * @throws {Error} where there are none
 */
export function readCredentials(env: Environment = process.env): AwsCredentialIdentity {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env;
  if (!accessKeyId || !secretAccessKey) throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set');
  return { accessKeyId, secretAccessKey, ...(token ? { sessionToken: token } : {}) };
}

/**
 * The region of the function.
 * @throws {Error} where the environment does not name it
 */
export function readRegion(env: Environment = process.env): string {
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? '';
  if (region === '') throw new Error('the environment variable AWS_REGION is missing');
  return region;
}
