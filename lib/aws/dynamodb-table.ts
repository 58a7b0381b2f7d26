import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { FieldValue } from '../broker/condition.ts';
import type { Row, RowField, Table, TableFault } from '../broker/table.ts';
import type { Clock } from '../core/clock.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { abortAfter, errorName, isAnswered } from './call.ts';
import { toUpdateExpression } from './expression.ts';

/** How long the table may take: a token that is waited for longer is earned without it. */
export const TABLE_MS = 300;

/** One repetition, for a connection that was closed while the sandbox was frozen. */
const ATTEMPTS = 2;

const NUMBERS = [
  'generation',
  'leaseUntil',
  'expiresAt',
  'refreshAt',
  'failedUntil',
  'failures',
  'revokedUntil',
  'ttl',
] as const;
const TEXTS = ['owner', 'sealed', 'credential', 'failure', 'failedCredential'] as const;

/** Reads an item; attributes of an unknown name or another type are passed over. */
function toRow(item: Readonly<Record<string, AttributeValue>>): Row {
  const row: Partial<Record<RowField, FieldValue>> = {};
  for (const field of NUMBERS) {
    const value = Number(item[field]?.N ?? Number.NaN);
    if (Number.isFinite(value)) row[field] = value;
  }
  for (const field of TEXTS) {
    const value = item[field]?.S;
    if (value !== undefined) row[field] = value;
  }
  return row as Row;
}

/** A write that was answered with an error did not happen; of one without an answer nobody knows. */
const toFault = (error: unknown): TableFault => ({
  kind: isAnswered(error) ? 'unavailable' : 'unknown',
  detail: errorName(error),
});

/**
 * Creates the shared store on DynamoDB: GetItem (consistent) and UpdateItem alone. Its endpoint, region and credentials
 * are the SDK's own business (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_REGION`, …).
 */
export function createDynamoDbTable({ clock, tableName }: { clock: Clock; tableName: string }): Table {
  const client = new DynamoDBClient({
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: TABLE_MS, requestTimeout: TABLE_MS, throwOnRequestTimeout: true },
  });

  async function call<T>(send: (abortSignal: AbortSignal) => Promise<T>): Promise<Result<T, unknown>> {
    const { signal, done } = abortAfter(clock, TABLE_MS);
    try {
      return ok(await send(signal));
    } catch (error) {
      return fail(error);
    } finally {
      done();
    }
  }

  return {
    async read(key) {
      const input = { TableName: tableName, Key: { pk: { S: key } }, ConsistentRead: true };
      const result = await call((abortSignal) => client.send(new GetItemCommand(input), { abortSignal }));
      if (!result.ok) return fail(toFault(result.error));
      return ok(result.value.Item === undefined ? undefined : toRow(result.value.Item));
    },
    async update(key, update) {
      const input = {
        TableName: tableName,
        Key: { pk: { S: key } },
        ...toUpdateExpression(update),
        ReturnValues: 'ALL_NEW' as const,
      };
      const result = await call((abortSignal) => client.send(new UpdateItemCommand(input), { abortSignal }));
      if (result.ok) return ok(toRow(result.value.Attributes ?? {}));
      if (result.error instanceof ConditionalCheckFailedException) return ok('refused');
      return fail(toFault(result.error));
    },
  };
}
