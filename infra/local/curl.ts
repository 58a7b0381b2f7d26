import type { Profile } from '../../lib/broker/profiles/profile.ts';
import type { Key } from './callers.ts';
import type { Issuer } from './issuers.ts';

/** Where callers reach the broker, and the file of the authority that they must trust. */
export interface Address {
  readonly url: string;
  readonly region: string;
  readonly authorityFile: string | undefined;
}

const trust = ({ authorityFile }: Address): string =>
  authorityFile === undefined ? '' : `--cacert "${authorityFile}" `;

/** The command that calls an endpoint of a profile. It contains the access keys of a caller. */
export function curl(address: Address, profile: Profile, { principal, endpoint }: Key): string {
  const { url, region } = address;
  const { accessKeyId, secretAccessKey, sessionToken } = principal;
  const data = endpoint === 'token' ? 'grant_type=client_credentials' : 'token=TOKEN';
  return (
    `curl --silent ${trust(address)}--aws-sigv4 "aws:amz:${region}:execute-api" --user "${accessKeyId}:${secretAccessKey}" ` +
    `--header "x-amz-security-token: ${sessionToken}" --data ${data} ${url}/${profile.name}/oauth/v2/${endpoint}`
  );
}

/** Where workloads without IAM get tokens of a profile. */
export const federatedUrl = ({ url }: Pick<Address, 'url'>, { name }: Profile): string =>
  `${url}/federated/${name}/oauth/v2/token`;

/** The audience of their assertions. */
export const audienceOf = ({ url }: Pick<Address, 'url'>): string => `${url}/federated`;

/** RFC 7523 §2.2. */
export const ASSERTION_FORM = {
  grant_type: 'client_credentials',
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
} as const;

/** The command that gets an assertion, and a token with it. */
export function curlFederated(address: Address, profile: Profile, issuer: Issuer): string {
  const form = Object.entries(ASSERTION_FORM).map(([name, value]) => `--data ${name}=${value} `);
  return (
    `curl --silent "${issuer.tokenUrl(audienceOf(address))}" | ` +
    `curl --silent ${trust(address)}${form.join('')}--data-urlencode client_assertion@- ${federatedUrl(address, profile)}`
  );
}

/** Whether a profile lists the workload of an issuer. */
export const isListed = ({ federated = [] }: Profile, { url }: Pick<Issuer, 'url'>): boolean =>
  federated.some(({ issuer }) => issuer.issuer === url);
