import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import { SECOND_MS } from '../../lib/core/time.ts';
import { chosenProfilesFile, readProfilesFile } from '../build/profiles-file.ts';
import { DEFAULT_PORT, UsageError } from '../local/settings.ts';
import { type LocalStack, readLocalStack } from '../local/state.ts';

/** The options of every command that select a deployment, for `parseArgs`. */
export const TARGET_OPTIONS = {
  stage: { type: 'string' },
  region: { type: 'string' },
  local: { type: 'boolean', default: false },
  port: { type: 'string', default: String(DEFAULT_PORT) },
  help: { type: 'boolean', default: false },
} as const;

export const TARGET_HELP = `  --stage S     the deployed stage; AWS credentials are found as by the AWS CLI (AWS_PROFILE, SSO, …)
  --region R    the region of the deployment (default: $AWS_REGION, else eu-central-1)
  --local       the local stack (npm start) instead; add --port N if it was started with that
  --help        prints this text

The profiles are read from $PROFILES_FILE (default infra/profiles/, else infra/profiles.yml), which must be as deployed.
`;

/** The values of `TARGET_OPTIONS`. */
export interface TargetValues {
  readonly stage?: string | undefined;
  readonly region?: string | undefined;
  readonly local: boolean;
  readonly port: string;
}

/** A deployment, or the local stack, as the command line and the profiles describe it. */
export interface Deployment {
  /** Such as `prod (eu-central-1)`. */
  readonly name: string;
  readonly region: string;
  readonly profiles: Profiles;
  /** The name of its table; locally another one than `{service}-{stage}`. */
  readonly tableName: string;
  /** The local stack, if it is one. */
  readonly local?: LocalStack;
  /** What to do about the errors of any AWS client, by their names. */
  readonly advice: Readonly<Record<string, string>>;
}

/** The command line is valid, but the command failed: the message says why and what to do. */
export class OperationError extends Error {}

const MOST_MS = 5 * SECOND_MS;

const SDK_LIMITS = {
  maxAttempts: 3,
  requestHandler: { requestTimeout: MOST_MS, connectionTimeout: MOST_MS, throwOnRequestTimeout: true },
};

/**
 * The options of an AWS client, which finds an operator's credentials in all the usual places.
 * @param urlOf the stand-in of its service in the local stack
 */
export const clientOptions = ({ region, local }: Deployment, urlOf: (stack: LocalStack) => string) => ({
  ...SDK_LIMITS,
  region,
  ...(local === undefined
    ? {}
    : { endpoint: urlOf(local), credentials: { accessKeyId: 'AKIALOCALSTACK', secretAccessKey: 'local' } }),
});

const ADVICE = {
  CredentialsProviderError: 'no AWS credentials were found: set AWS_PROFILE, or log in (aws sso login)',
  ExpiredTokenException: 'the AWS credentials have expired: log in again (aws sso login)',
  UnrecognizedClientException: 'AWS does not recognise these credentials: set AWS_PROFILE, or log in (aws sso login)',
};

function findLocal(port: string): Deployment {
  const local = readLocalStack(port);
  const ECONNREFUSED = `no local stack listens on port ${port}: start it with npm start, or name its port with --port`;
  if (local === undefined) throw new OperationError(ECONNREFUSED);
  const { region, tableName } = local;
  const name = `the local stack on port ${port}`;
  return { name, region, tableName, profiles: new Map(local.profiles), local, advice: { ECONNREFUSED } };
}

/** The name of the service, from which that of the table follows: another one for a second broker. */
function serviceName(): string {
  const file = 'serverless.yml';
  return existsSync(file) ? parse(readFileSync(file, 'utf8')).service : 'zitadel-token-broker';
}

/**
 * Finds the deployment that the command line names.
 * @throws {UsageError} if it names none, or the profiles have faults
 * @throws {OperationError} if the local stack is not running
 */
export function findDeployment({
  stage,
  region = process.env.AWS_REGION ?? 'eu-central-1',
  local,
  port,
}: TargetValues): Deployment {
  if (local === (stage !== undefined)) throw new UsageError('say which broker: --stage S or --local');
  if (local) return findLocal(port);
  const read = readProfilesFile(chosenProfilesFile(), { allowLoopbackHttp: false });
  if (!read.ok) throw new UsageError(read.error.join('\n'));
  const tableName = `${serviceName()}-${stage}`;
  return { name: `${stage} (${region})`, region, tableName, profiles: read.value, advice: ADVICE };
}

/**
 * Checks that a profile exists: otherwise a command with a mistyped name would seem to succeed.
 * @throws {UsageError} listing the existing profiles
 */
export function checkProfile({ profiles }: Pick<Deployment, 'profiles'>, name: string): void {
  if (profiles.has(name)) return;
  throw new UsageError(
    `there is no profile ${JSON.stringify(name)}; the profiles are ${[...profiles.keys()].join(', ')}`,
  );
}

/** Runs a command and prints its result. Exit codes: 0 for success, 1 for failure, 2 for a wrong command line. */
export async function run(command: (args: readonly string[]) => Promise<string>): Promise<void> {
  try {
    process.stdout.write(await command(process.argv.slice(2)));
  } catch (error) {
    // parseArgs explains a wrong option in one sentence.
    const isUsage = error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
    if (!isUsage && !(error instanceof OperationError)) throw error;
    process.stderr.write(`${(error as Error).message}\n${isUsage ? 'Try --help.\n' : ''}`);
    process.exitCode = isUsage ? 2 : 1;
  }
}
