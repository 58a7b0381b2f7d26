import type { GatewayHandler } from '../http/endpoint.ts';
import { createMetadataEndpoint } from '../http/metadata-endpoint.ts';
import type { Environment, Overrides } from './environment.ts';
import { createJournal } from './journal.ts';

/** Builds the function that serves the URLs of the others. It reads no profile, secret or table. */
export function createMetadataFunction(
  env: Environment,
  overrides: Pick<Overrides, 'clock' | 'write'> = {},
): GatewayHandler {
  const { PUBLIC_URL: publicUrl = '', METADATA_ISSUER: zitadelIssuer = '' } = env;
  return createMetadataEndpoint({
    ...createJournal(env, overrides),
    ...(publicUrl === '' ? {} : { publicUrl }),
    ...(zitadelIssuer === '' ? {} : { zitadelIssuer }),
  });
}
