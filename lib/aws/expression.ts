import type { Condition, FieldValue } from '../broker/condition.ts';
import type { RowField, RowUpdate } from '../broker/table.ts';

/** A value as DynamoDB writes it. */
export type AttributeValue = { readonly S: string } | { readonly N: string };

/** The expressions of an UpdateItem, with their names and values. */
export interface UpdateExpression {
  readonly UpdateExpression: string;
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, AttributeValue>;
}

/** A field's value as DynamoDB writes it. */
const toAttribute = (value: FieldValue): AttributeValue =>
  typeof value === 'number' ? { N: String(value) } : { S: value };

/** A condition without joints that join nothing. */
function unwrap(condition: Condition<RowField>): Condition<RowField> {
  const [only, ...others] = condition.kind === 'all' || condition.kind === 'any' ? condition.of : [];
  return only !== undefined && others.length === 0 ? unwrap(only) : condition;
}

const isJoined = (condition: Condition<RowField>): boolean =>
  ['all', 'any', 'differs'].includes(unwrap(condition).kind);

/** Translates a conditional write. Every field is written `#field`, since some (`ttl`, `owner`) are reserved words. */
export function toUpdateExpression({ set, nextGeneration, remove, condition }: RowUpdate): UpdateExpression {
  const names: Record<string, string> = {};
  const values: Record<string, AttributeValue> = {};
  const name = (field: RowField): string => {
    names[`#${field}`] = field;
    return `#${field}`;
  };
  const value = (of: FieldValue): string => {
    const key = `:v${Object.keys(values).length}`;
    values[key] = toAttribute(of);
    return key;
  };
  /** Parentheses around what joins others: DynamoDB refuses those that stand around a single condition twice. */
  const join = (parts: readonly Condition<RowField>[], operator: string): string =>
    parts.map((part) => (isJoined(part) ? `(${translate(part)})` : translate(part))).join(operator);
  const translate = (wrapped: Condition<RowField>): string => {
    const part = unwrap(wrapped);
    switch (part.kind) {
      case 'all':
        return join(part.of, ' AND ');
      case 'any':
        return join(part.of, ' OR ');
      case 'absent':
        return `attribute_not_exists(${name(part.field)})`;
      case 'equals':
        return `${name(part.field)} = ${value(part.value)}`;
      case 'differs':
        return `attribute_exists(${name(part.field)}) AND ${name(part.field)} <> ${value(part.value)}`;
      case 'below':
        return `${name(part.field)} < ${value(part.value)}`;
      case 'at_most':
        return `${name(part.field)} <= ${value(part.value)}`;
    }
  };

  const sets = (Object.entries(set) as [RowField, FieldValue | undefined][]).flatMap(([field, of]) =>
    of === undefined ? [] : [`${name(field)} = ${value(of)}`],
  );
  if (nextGeneration) {
    const field = name('generation');
    sets.push(`${field} = if_not_exists(${field}, ${value(0)}) + ${value(1)}`);
  }
  const clauses = [
    ...(sets.length === 0 ? [] : [`SET ${sets.join(', ')}`]),
    ...(remove.length === 0 ? [] : [`REMOVE ${remove.map(name).join(', ')}`]),
  ];
  return {
    UpdateExpression: clauses.join(' '),
    ConditionExpression: translate(condition),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  };
}
