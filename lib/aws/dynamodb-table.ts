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
import type { HttpFault } from '../net/http-client.ts';
import { type Answer, answerError, type DynamoDbCall } from './dynamodb-call.ts';
import { toUpdateExpression } from './expression.ts';

/** Attributes in DynamoDB's notation: `{S: "text"}`, `{N: "1"}` or `{SS: ["text"]}`. */
type Attributes = Readonly<Record<string, unknown>>;

const members = (value: unknown): Attributes => attributes(value) ?? {};

/** Parses a number in JavaScript's safe integer range: rows contain no others. */
function readNumber(attribute: unknown): number | undefined {
  const { N: text } = members(attribute);
  const value = typeof text === 'string' ? Number(text) : Number.NaN;
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** Parses a count. Writes compare it for equality, so a fraction or an unsafe number could never match. */
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

/** Parses an item. Ignores attributes with unknown names; one of the wrong type makes the row malformed. */
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

/** 4xx: the write did not happen. Anything else: unknown. */
const toFault = (answer: Answer): TableFault => ({
  kind: answer.status >= 400 && answer.status < 500 ? 'unavailable' : 'unknown',
  detail: answerError(answer),
});

const unknown = ({ kind, detail }: HttpFault) =>
  fail<TableFault>({ kind: 'unknown', detail: kind === 'timeout' ? kind : detail });

/** Creates the shared store on DynamoDB. It uses only GetItem (consistent) and UpdateItem. */
export function createDynamoDbTable({ tableName, call }: { tableName: string; call: DynamoDbCall }): Table {
  return {
    aheadMs: call.aheadMs ?? (() => 0),
    async read(key) {
      const answered = await call('GetItem', { TableName: tableName, Key: { pk: { S: key } }, ConsistentRead: true });
      if (!answered.ok) return unknown(answered.error);
      if (answered.value.status !== 200) return fail(toFault(answered.value));
      const item = attributes(answered.value.body.Item);
      return ok(item === undefined ? undefined : toRow(item));
    },
    async update(key, update, onSent) {
      const input = {
        TableName: tableName,
        Key: { pk: { S: key } },
        ...toUpdateExpression(update),
        ReturnValues: 'ALL_NEW',
      };
      const answered = await call('UpdateItem', input, onSent);
      if (!answered.ok) return unknown(answered.error);
      const answer = answered.value;
      if (answer.status === 200) return ok(toRow(attributes(answer.body.Attributes) ?? {}));
      if (answerError(answer) === 'ConditionalCheckFailedException') return ok('refused');
      return fail(toFault(answer));
    },
  };
}
