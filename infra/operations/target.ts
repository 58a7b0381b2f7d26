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

/** What every command takes to find a deployment, for `parseArgs`. */
export const TARGET_OPTIONS = {
  stage: { type: 'string' },
  region: { type: 'string' },
  local: { type: 'boolean', default: false },
  port: { type: 'string', default: String(DEFAULT_PORT) },
  help: { type: 'boolean', default: false },
} as const;

export const TARGET_HELP = `  --stage S     the stage that was deployed; AWS credentials are found as the AWS CLI finds them (AWS_PROFILE, SSO, …)
  --region R    where it was deployed (default: $AWS_REGION, else eu-central-1)
  --local       the local stack instead, which npm start has started; with --port N, if it was started with that
  --help        this text

The profiles are those of $PROFILES_FILE, else of infra/profiles.yml: the file that was deployed.
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
   * What stands there, and the time by the clock of AWS, which that of an operator's machine may be far from; rounded
   * up to the second, so that all that came before is before it.
   * @throws {OperationError} where the table cannot be read
   */
  readonly read: () => Promise<{ readonly notices: readonly Notice[]; readonly now: EpochMs }>;
  /** What to tell the operator of a fault of the table. */
  readonly explain: (fault: TableFault) => OperationError;
}

/** Nothing is wrong with the command line, but it could not be done: the message says why and what to do. */
export class OperationError extends Error {}

const MOST_MS = 5 * SECOND_MS;

const HTTP_OK = 200;

/** The time of the last answer, by its header. */
interface Heard {
  at?: EpochMs;
}

/** The broker's own adapter over the SDK's client, which finds an operator's credentials wherever they are. */
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
        return status === undefined ? fail(code ?? name) : ok({ status, body: { __type: name } });
      }
    },
  });
}

/** What to do about a fault of the table, by the name of its error. */
const adviceFor = (region: string, tableName: string): Readonly<Record<string, string>> => ({
  CredentialsProviderError: 'no AWS credentials were found: set AWS_PROFILE, or log in (aws sso login)',
  ExpiredTokenException: 'the AWS credentials are over: log in again (aws sso login)',
  UnrecognizedClientException: 'AWS does not know these credentials: set AWS_PROFILE, or log in (aws sso login)',
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
      advice[detail] ?? `the table ${tableName} cannot be reached: ${detail}; nothing is certain, try again`,
    );
  return {
    name,
    profiles,
    table,
    explain,
    async read() {
      const notices = await readNotices(table);
      if (!notices.ok) throw explain(notices.error);
      if (heard.at === undefined) throw new OperationError('the answer of DynamoDB does not tell the time; try again');
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
 * Finds what the command line names.
 * @throws {UsageError} where it names nothing, or the profiles have faults
 * @throws {OperationError} where the local stack does not run
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
  // As the deployment names its table: a second broker has another service name.
  const { service } = parse(readFileSync('serverless.yml', 'utf8'));
  const tableName = `${service}-${stage}`;
  return createTarget(new DynamoDBClient({ ...SDK_LIMITS, region }), tableName, {
    name: `${stage} (${region})`,
    profiles: read.value,
    advice: adviceFor(region, tableName),
  });
}

/**
 * Checks that a profile is there: a mistyped name would do nothing, and look as if it had.
 * @throws {UsageError} naming those that are
 */
export function checkProfile({ profiles }: Target, name: string): void {
  if (profiles.has(name)) return;
  throw new UsageError(`no profile is called ${JSON.stringify(name)}; there are ${[...profiles.keys()].join(', ')}`);
}

/** Runs a command, prints what it answers, and ends with 0 when done, 1 when not, 2 where the command line is wrong. */
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

/** When every sandbox knows of something that was written at `now`. */
export const knownBy = (now: EpochMs): string =>
  `Every sandbox knows by ${new Date(now + NOTICE_KNOWN_MS).toISOString()}.`;
