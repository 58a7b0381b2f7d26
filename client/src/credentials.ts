import { BrokerError } from './errors.ts';
import type { AwsCredentials } from './sigv4.ts';

/** Gives the keys of the role: any credential provider of the AWS SDK. */
export type CredentialProvider = () => Promise<AwsCredentials>;

/** Environment variables: `process.env`, where there is one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What this package uses of `fetch`. */
export type Send = (
  url: URL,
  init: {
    readonly method?: 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<Pick<Response, 'status' | 'text'> & { readonly headers: Pick<Headers, 'get'> }>;

/** What the providers need from outside. `now` is epoch milliseconds. */
export interface CredentialDeps {
  readonly env: Environment;
  readonly fetch: Send;
  readonly now: () => number;
}

/** Credentials are read again so long before they expire, as the AWS SDKs do. */
const EARLIER_MS = 300_000;

/** The endpoint is on the same machine. */
const ENDPOINT_TIMEOUT_MS = 2_000;

/** ECS's endpoint, on a link that never leaves the machine. */
const ECS_ENDPOINT = 'http://169.254.170.2';

/**
 * Hosts to which keys and their token may travel without TLS: loopback, ECS, EKS Pod Identity.
 */
const LOCAL_HOST = /^(localhost|127(\.\d+){3}|\[::1\]|169\.254\.170\.(2|23)|\[fd00:ec2::23\])$/;

/** Whether nothing that is sent to this URL can be read on the way. */
export const isPrivate = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && LOCAL_HOST.test(hostname));

const missing = (detail: string) => new BrokerError('no_credentials', { what: 'AWS credentials', detail });

/** The file changes while the process runs (EKS Pod Identity), so it is read at each refresh. */
async function authorization(env: Environment): Promise<string | undefined> {
  const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  if (!file) return env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(file, 'utf8').catch(() => {
    throw missing('the token file cannot be read');
  });
  return text.trim();
}

/** Asks the endpoint that ECS and EKS Pod Identity name in the environment. */
async function fromContainer(endpoint: string, { env, fetch }: CredentialDeps): Promise<AwsCredentials> {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !isPrivate(url)) throw missing('the container endpoint is not private');
  const token = await authorization(env);
  const answer = (await fetch(url, {
    headers: token ? { authorization: token } : {},
    redirect: 'manual',
    signal: AbortSignal.timeout(ENDPOINT_TIMEOUT_MS),
  })
    .then(async (response) => JSON.parse(await response.text()))
    .catch(() => undefined)) as Record<string, string> | undefined;
  if (!answer?.AccessKeyId || !answer.SecretAccessKey) throw missing('the container endpoint gave none');
  return {
    accessKeyId: answer.AccessKeyId,
    secretAccessKey: answer.SecretAccessKey,
    sessionToken: answer.Token,
    expiration: new Date(answer.Expiration ?? ''),
  };
}

/**
 * Credentials from the environment (Lambda), else from the container endpoint (ECS, EKS Pod Identity).
 * @throws {BrokerError} `no_credentials`
 */
export async function fromEnvironment(deps: CredentialDeps): Promise<AwsCredentials> {
  const { env } = deps;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, sessionToken: env.AWS_SESSION_TOKEN };
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
  const endpoint = relative ? ECS_ENDPOINT + relative : env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  if (!endpoint) throw missing('none found');
  return fromContainer(endpoint, deps);
}

/**
 * Keeps credentials until 5 minutes before they expire, and until they expire where no others can be had. Those without an
 * expiration are not kept: their provider knows when they change.
 */
export function keepCredentials(provide: CredentialProvider, now: () => number): CredentialProvider {
  let kept: AwsCredentials | undefined;
  let underWay: Promise<AwsCredentials> | undefined;
  const leftMs = () => (kept?.expiration?.getTime() ?? 0) - now();
  const refresh = async () => {
    try {
      kept = await provide();
      return kept;
    } catch (error) {
      if (kept && leftMs() > 0) return kept;
      throw error;
    } finally {
      underWay = undefined;
    }
  };
  return async () => {
    if (kept && leftMs() > EARLIER_MS) return kept;
    underWay ??= refresh();
    return underWay;
  };
}
