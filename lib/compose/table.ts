import { createDynamoDbCall } from '../aws/dynamodb-call.ts';
import { createDynamoDbTable } from '../aws/dynamodb-table.ts';
import type { Table } from '../broker/store/table.ts';
import type { Clock } from '../core/clock.ts';
import type { Environment } from './environment.ts';

/** The time limit of a call to the table; after that, a token is obtained without it. */
const TABLE_MS = 300;

/**
 * Builds the shared store.
 * @throws {Error} if the environment does not name the table
 */
export function createTable(env: Environment, clock: Clock): Table {
  const { TABLE_NAME: tableName } = env;
  if (tableName === undefined || tableName === '') throw new Error('the environment variable TABLE_NAME is missing');
  return createDynamoDbTable({ tableName, call: createDynamoDbCall({ clock, limitMs: TABLE_MS }) });
}
