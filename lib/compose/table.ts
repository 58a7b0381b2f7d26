import { createDynamoDbTable } from '../aws/dynamodb-table.ts';
import type { Table } from '../broker/table.ts';
import type { Clock } from '../core/clock.ts';
import type { Environment } from './base.ts';

/**
 * Builds the shared store.
 * @throws {Error} where the environment does not name the table
 */
export function createTable(env: Environment, clock: Clock): Table {
  const { TABLE_NAME: tableName } = env;
  if (tableName === undefined || tableName === '') throw new Error('the environment variable TABLE_NAME is missing');
  return createDynamoDbTable({ clock, tableName });
}
