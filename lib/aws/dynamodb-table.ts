import type { FieldValue } from '../broker/condition.ts';
import type { Row, RowField, Table, TableFault } from '../broker/table.ts';
import type { Clock } from '../core/clock.ts';
import { fail, ok } from '../core/result.ts';
import { type Answer, createDynamoDbCall } from './dynamodb-call.ts';
import { toUpdateExpression } from './expression.ts';

/** How long the table may take: a token that is waited for longer is earned without it. */
const TABLE_MS = 300;

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

/** An attribute as DynamoDB writes it: `{S: "text"}` or `{N: "1"}`. */
type Attributes = Readonly<Record<string, { readonly S?: unknown; readonly N?: unknown } | undefined>>;

/** Reads an item; attributes of an unknown name or another type are passed over. */
function toRow(item: Attributes): Row {
  const row: Partial<Record<RowField, FieldValue>> = {};
  for (const field of NUMBERS) {
    const { N: text } = item[field] ?? {};
    const value = typeof text === 'string' ? Number(text) : Number.NaN;
    if (Number.isFinite(value)) row[field] = value;
  }
  for (const field of TEXTS) {
    const { S: value } = item[field] ?? {};
    if (typeof value === 'string') row[field] = value;
  }
  return row as Row;
}

const attributes = (value: unknown): Attributes | undefined =>
  typeof value === 'object' && value !== null ? (value as Attributes) : undefined;

/** The name of an error: what follows the `#` in `__type`. */
function errorName({ body }: Answer): string {
  const name = String(body.__type ?? '').replace(/^.*#/, '');
  return /^\w{1,64}$/.test(name) ? name : 'Error';
}

/** A write that was answered with an error of the request's did not happen; of any other nobody knows. */
const toFault = (answer: Answer): TableFault => ({
  kind: answer.status >= 400 && answer.status < 500 ? 'unavailable' : 'unknown',
  detail: errorName(answer),
});

const unknown = (detail: string) => fail<TableFault>({ kind: 'unknown', detail });

/**
 * Creates the shared store on DynamoDB: GetItem (consistent) and UpdateItem alone.
 * @throws {Error} where the environment names no region
 */
export function createDynamoDbTable({ clock, tableName }: { clock: Clock; tableName: string }): Table {
  const call = createDynamoDbCall({ clock, limitMs: TABLE_MS });

  return {
    async read(key) {
      const answered = await call('GetItem', { TableName: tableName, Key: { pk: { S: key } }, ConsistentRead: true });
      if (!answered.ok) return unknown(answered.error);
      if (answered.value.status !== 200) return fail(toFault(answered.value));
      const item = attributes(answered.value.body.Item);
      return ok(item === undefined ? undefined : toRow(item));
    },
    async update(key, update) {
      const answered = await call('UpdateItem', {
        TableName: tableName,
        Key: { pk: { S: key } },
        ...toUpdateExpression(update),
        ReturnValues: 'ALL_NEW',
      });
      if (!answered.ok) return unknown(answered.error);
      const answer = answered.value;
      if (answer.status === 200) return ok(toRow(attributes(answer.body.Attributes) ?? {}));
      if (errorName(answer) === 'ConditionalCheckFailedException') return ok('refused');
      return fail(toFault(answer));
    },
  };
}
