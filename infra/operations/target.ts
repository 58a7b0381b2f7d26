import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { createDynamoDbTable } from '../../lib/aws/dynamodb-table.ts';
import { NOTICE_KNOWN_MS, readNotices } from '../../lib/broker/store/bulletin.ts';
import type { Notice } from '../../lib/broker/store/notices.ts';
import type { Table, TableFault } from '../../lib/broker/store/table.ts';
import { fail, ok } from '../../lib/core/result.ts';
import { type EpochMs, instant, SECOND_MS } from '../../lib/core/time.ts';
import { clientOptions, type Deployment, findDeployment, OperationError, type TargetValues } from './deployment.ts';

/** A deployment, or the local stack, with its table, as an operator sees it. */
export interface Target extends Pick<Deployment, 'name' | 'profiles'> {
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
const adviceFor = ({ region, tableName, local, advice }: Deployment): Readonly<Record<string, string>> =>
  local === undefined
    ? {
        ...advice,
        ResourceNotFoundException: `${region} has no table ${tableName}: are --stage, --region and the AWS account right?`,
        AccessDeniedException: `these credentials lack dynamodb:GetItem or dynamodb:UpdateItem on the table ${tableName}`,
      }
    : advice;

/**
 * Opens the table of the deployment that the command line names.
 * @throws {UsageError} if it names none, or the profiles have faults
 * @throws {OperationError} if the local stack is not running
 */
export function openTarget(values: TargetValues): Target {
  const deployment = findDeployment(values);
  const { name, profiles, tableName } = deployment;
  const heard: Heard = {};
  const client = new DynamoDBClient(clientOptions(deployment, ({ tableUrl }) => tableUrl));
  const table = openTable(client, tableName, heard);
  const advice = adviceFor(deployment);
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

/** Says when every sandbox knows of a notice that was posted at `now`. */
export const knownBy = (now: EpochMs): string =>
  `Every sandbox knows by ${new Date(now + NOTICE_KNOWN_MS).toISOString()}.`;
