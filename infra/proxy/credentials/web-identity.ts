import { noCredentials, readCredentials, type Source } from './deps.ts';

/** STS in a region, or `AWS_ENDPOINT_URL_STS`. */
function endpoint(region: string, given: string | undefined): URL {
  if (given) return new URL(given);
  return new URL(`https://sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`);
}

/** A field of STS's answer, which is XML. Its values are base64 or times: nothing in them is escaped. */
const field = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(xml)?.[1];

/**
 * The role that a signed token of this workload may assume (EKS: IRSA), by `AssumeRoleWithWebIdentity`, which needs no
 * signature. The file of the token is read each time, because Kubernetes replaces it.
 */
export const fromWebIdentity: Source = async ({ env, now, request, readFile }) => {
  const { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: role } = env;
  if (!file || !role) return undefined;
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  const token = await readFile(file).catch(({ code }: NodeJS.ErrnoException) => {
    throw noCredentials(`the file of AWS_WEB_IDENTITY_TOKEN_FILE cannot be read (${code})`);
  });
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: env.AWS_ROLE_SESSION_NAME || 'zitadel-token-broker-proxy',
    WebIdentityToken: token.trim(),
  });
  const answered = await request({
    url: endpoint(region, env.AWS_ENDPOINT_URL_STS || env.AWS_ENDPOINT_URL),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  }).catch((error: Error) => {
    throw noCredentials(
      `STS does not give the role ${role}: ${error.message}; does its trust policy name this workload?`,
    );
  });
  const names = ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'];
  const members = Object.fromEntries(names.map((name) => [name, field(answered, name)]));
  return readCredentials(JSON.stringify(members), 'STS', now());
};
