import { readFileSync } from 'node:fs';
import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { parse } from 'yaml';
import { createDynamoDbTable } from '../../lib/aws/dynamodb-table.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import { NOTICE_KNOWN_MS, readNotices } from '../../lib/broker/store/bulletin.ts';
import type { Notice } from '../../lib/broker/store/notices.ts';
import type { Table, TableFault } from '../../lib/broker/store/table.ts';
import { fail, ok } from '../../lib/core/result.ts';
import { type EpochMs, instant, SECOND_MS } from '../../lib/core/time.ts';
import { chosenProfilesFile, readProfilesFile } from '../build/profiles-file.ts';
import { DEFAULT_PORT, UsageError } from '../local/settings.ts';
import { readLocalStack } from '../local/state.ts';

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

The profiles are read from $PROFILES_FILE (default infra/profiles.yml), which must be the deployed file.
`;

interface TargetValues {
  readonly stage?: string | undefined;
  readonly region?: string | undefined;
  readonly local: boolean;
  readonly port: string;
}

/** A deployment, or the local stack, as an operator sees it. */
export interface Target {
  /** Such as `prod (eu-central-1)`. */
  readonly name: string;
  readonly profiles: Profiles;
  readonly table: Table;
  /**
   * The notices in the table, and the time by AWS's clock, since that of the operator's machine may be wrong. The time
   * is rounded up to the second, so that it is after everything that has happened.
   * @throws {OperationError} if the table cannot be read
   */
  readonly read: () => Promise<{ readonly notices: readonly Notice[]; readonly now: EpochMs }>;
  /** The error for the operator, for a fault of the table. */
  readonly explain: (fault: TableFault) => OperationError;
}

/** The command line is valid, but the command failed: the message says why and what to do. */
export class OperationError extends Error {}

const MOST_MS = 5 * SECOND_MS;

const HTTP_OK = 200;

/** The time of the last answer, from its `Date` header. */
interface Heard {
  at?: EpochMs;
}

/** The broker's own adapter on the SDK's client, which finds an operator's credentials in all the usual places. */
function openTable(client: DynamoDBClient, tableName: string, heard: Heard): Table {
  client.middlewareStack.add(
    (next) => async (input) => {
      const result = await next(input);
      const { headers } = result.response as { headers?: Readonly<Record<string, string>> };
      const at = Date.parse(headers?.date ?? '');
      if (!Number.isNaN(at)) heard.at = instant(at + SECOND_MS);
      return result;
    },
    { step: 'deserialize', name: 'hearTheTime' },
  );
  return createDynamoDbTable({
    tableName,
    async call(operation, input) {
      try {
        const output = await client.send(
          operation === 'GetItem' ? new GetItemCommand(input as never) : new UpdateItemCommand(input as never),
        );
        return ok({ status: HTTP_OK, body: { ...output } });
      } catch (error) {
        const { name, code, $metadata } = error as {
          name: string;
          code?: string;
          $metadata?: { httpStatusCode?: number };
        };
        const status = $metadata?.httpStatusCode;
        return status === undefined
          ? fail({ kind: 'unreachable', detail: code ?? name })
          : ok({ status, body: { __type: name } });
      }
    },
  });
}

/** What to do about a fault of the table, by its error name. */
const adviceFor = (region: string, tableName: string): Readonly<Record<string, string>> => ({
  CredentialsProviderError: 'no AWS credentials were found: set AWS_PROFILE, or log in (aws sso login)',
  ExpiredTokenException: 'the AWS credentials have expired: log in again (aws sso login)',
  UnrecognizedClientException: 'AWS does not recognise these credentials: set AWS_PROFILE, or log in (aws sso login)',
  ResourceNotFoundException: `${region} has no table ${tableName}: are --stage, --region and the AWS account right?`,
  AccessDeniedException: `these credentials lack dynamodb:GetItem or dynamodb:UpdateItem on the table ${tableName}`,
});

const localAdvice = (port: string) => ({
  ECONNREFUSED: `no local stack listens on port ${port}: start it with npm start, or name its port with --port`,
});

function createTarget(
  client: DynamoDBClient,
  tableName: string,
  { name, profiles, advice }: Pick<Target, 'name' | 'profiles'> & { readonly advice: Readonly<Record<string, string>> },
): Target {
  const heard: Heard = {};
  const table = openTable(client, tableName, heard);
  const explain = ({ detail }: TableFault) =>
    new OperationError(
      advice[detail] ??
        `the table ${tableName} cannot be reached: ${detail}; it is unknown whether anything changed, try again`,
    );
  return {
    name,
    profiles,
    table,
    explain,
    async read() {
      const notices = await readNotices(table);
      if (!notices.ok) throw explain(notices.error);
      if (heard.at === undefined)
        throw new OperationError('the answer of DynamoDB has no valid Date header; try again');
      return { notices: notices.value, now: heard.at };
    },
  };
}

const SDK_LIMITS = {
  maxAttempts: 3,
  requestHandler: { requestTimeout: MOST_MS, connectionTimeout: MOST_MS, throwOnRequestTimeout: true },
};

function openLocal(port: string): Target {
  const state = readLocalStack(port);
  if (state === undefined) throw new OperationError(localAdvice(port).ECONNREFUSED);
  const client = new DynamoDBClient({
    ...SDK_LIMITS,
    region: state.region,
    endpoint: state.tableUrl,
    credentials: { accessKeyId: 'AKIALOCALSTACK', secretAccessKey: 'local' },
  });
  return createTarget(client, state.tableName, {
    name: `the local stack on port ${port}`,
    profiles: new Map(state.profiles),
    advice: localAdvice(port),
  });
}

/**
 * Opens the deployment that the command line names.
 * @throws {UsageError} if it names none, or the profiles have faults
 * @throws {OperationError} if the local stack is not running
 */
export function openTarget({
  stage,
  region = process.env.AWS_REGION ?? 'eu-central-1',
  local,
  port,
}: TargetValues): Target {
  if (local === (stage !== undefined)) throw new UsageError('say which broker: --stage S or --local');
  if (local) return openLocal(port);
  const read = readProfilesFile(chosenProfilesFile(), { allowLoopbackHttp: false });
  if (!read.ok) throw new UsageError(read.error.join('\n'));
  // The deployment names its table after the service, which differs for a second broker.
  const { service } = parse(readFileSync('serverless.yml', 'utf8'));
  const tableName = `${service}-${stage}`;
  return createTarget(new DynamoDBClient({ ...SDK_LIMITS, region }), tableName, {
    name: `${stage} (${region})`,
    profiles: read.value,
    advice: adviceFor(region, tableName),
  });
}

/**
 * Checks that a profile exists: otherwise a command with a mistyped name would seem to succeed.
 * @throws {UsageError} listing the existing profiles
 */
export function checkProfile({ profiles }: Target, name: string): void {
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

/** Says when every sandbox knows of a notice that was posted at `now`. */
export const knownBy = (now: EpochMs): string =>
  `Every sandbox knows by ${new Date(now + NOTICE_KNOWN_MS).toISOString()}.`;
