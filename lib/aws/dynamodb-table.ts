import type { FieldValue } from '../broker/store/condition.ts';
import {
  NUMBER_FIELDS,
  type Row,
  type RowField,
  type Table,
  type TableFault,
  TEXT_FIELDS,
} from '../broker/store/table.ts';
import { fail, ok } from '../core/result.ts';
import { type Answer, answerError, type DynamoDbCall } from './dynamodb-call.ts';
import { toUpdateExpression } from './expression.ts';

/** An attribute as DynamoDB writes it: `{S: "text"}`, `{N: "1"}` or `{SS: ["text"]}`. */
type Attributes = Readonly<Record<string, unknown>>;

const members = (value: unknown): Attributes => attributes(value) ?? {};

/** A number that JavaScript can count to: rows hold no others. */
function readNumber(attribute: unknown): number | undefined {
  const { N: text } = members(attribute);
  const value = typeof text === 'string' ? Number(text) : Number.NaN;
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** A count is compared for equality when it is written: any other number would never be equal again. */
function readCount(attribute: unknown): number | undefined {
  const value = readNumber(attribute);
  return Number.isInteger(value) ? value : undefined;
}

function readText(attribute: unknown): string | undefined {
  const { S: text } = members(attribute);
  return typeof text === 'string' ? text : undefined;
}

function readTexts(attribute: unknown): readonly string[] | undefined {
  const { SS: texts } = members(attribute);
  return Array.isArray(texts) && texts.every((text) => typeof text === 'string') ? texts : undefined;
}

const READERS = [
  ...NUMBER_FIELDS.map((field) => [field, field === 'generation' ? readCount : readNumber] as const),
  ...TEXT_FIELDS.map((field) => [field, readText] as const),
  ['notices', readTexts] as const,
];

/** Reads an item. Attributes of an unknown name are passed over; one of another type makes the row count for nothing. */
function toRow(item: Attributes): Row {
  const row: Partial<Record<RowField, FieldValue | readonly string[]>> = {};
  for (const [field, read] of READERS) {
    if (item[field] === undefined) continue;
    const value = read(item[field]);
    if (value === undefined) {
      const generation = readCount(item.generation);
      return { malformed: true, ...(generation === undefined ? {} : { generation }) };
    }
    row[field] = value;
  }
  return row as Row;
}

const attributes = (value: unknown): Attributes | undefined =>
  typeof value === 'object' && value !== null ? (value as Attributes) : undefined;

/** A write that was answered with an error of the request's did not happen; of any other nobody knows. */
const toFault = (answer: Answer): TableFault => ({
  kind: answer.status >= 400 && answer.status < 500 ? 'unavailable' : 'unknown',
  detail: answerError(answer),
});

const unknown = (detail: string) => fail<TableFault>({ kind: 'unknown', detail });

/** Creates the shared store on DynamoDB: GetItem (consistent) and UpdateItem alone. */
export function createDynamoDbTable({ tableName, call }: { tableName: string; call: DynamoDbCall }): Table {
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
      if (answerError(answer) === 'ConditionalCheckFailedException') return ok('refused');
      return fail(toFault(answer));
    },
  };
}
