import { noCredentials, readCredentials, type Source } from './deps.ts';

const ENDPOINT = 'http://169.254.169.254';
const ROLES = '/latest/meta-data/iam/security-credentials/';
/** The longest that IMDS gives; each refresh gets its own. */
const TOKEN_SECONDS = '21600';

/** The role of the instance, by IMDSv2. */
export const fromInstance: Source = async ({ env, now, request }) => {
  if (env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true') return undefined;
  const base = env.AWS_EC2_METADATA_SERVICE_ENDPOINT || ENDPOINT;
  const at = (path: string) => new URL(path, base);
  try {
    const token = await request({
      url: at('/latest/api/token'),
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': TOKEN_SECONDS },
    });
    const headers = { 'x-aws-ec2-metadata-token': token };
    const [role = ''] = (await request({ url: at(ROLES), headers })).trim().split('\n');
    return readCredentials(await request({ url: at(ROLES + encodeURIComponent(role)), headers }), 'IMDS', now());
  } catch (error) {
    throw noCredentials(
      `none in the environment, and no role of an instance (IMDSv2: ${(error as Error).message}); set AWS_PROFILE, or give ` +
        'this process a role',
    );
  }
};
