import type { Profile } from '../../lib/broker/profiles/profile.ts';
import type { Key } from './callers.ts';

/** Where callers reach the broker, and the file of the authority that they must trust. */
export interface Address {
  readonly url: string;
  readonly region: string;
  readonly authorityFile: string | undefined;
}

/** The command that calls an endpoint of a profile. It contains the access keys of a caller. */
export function curl({ url, region, authorityFile }: Address, profile: Profile, { principal, endpoint }: Key): string {
  const { accessKeyId, secretAccessKey, sessionToken } = principal;
  const data = endpoint === 'token' ? 'grant_type=client_credentials' : 'token=TOKEN';
  const trust = authorityFile === undefined ? '' : `--cacert "${authorityFile}" `;
  return (
    `curl --silent ${trust}--aws-sigv4 "aws:amz:${region}:execute-api" --user "${accessKeyId}:${secretAccessKey}" ` +
    `--header "x-amz-security-token: ${sessionToken}" --data ${data} ${url}/${profile.name}/oauth/v2/${endpoint}`
  );
}
