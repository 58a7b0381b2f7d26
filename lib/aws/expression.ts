import type { Condition, FieldValue } from '../broker/store/condition.ts';
import type { RowField, RowUpdate } from '../broker/store/table.ts';

/** A value in DynamoDB's notation. */
export type AttributeValue = { readonly S: string } | { readonly N: string } | { readonly SS: readonly string[] };

/** The expressions of an UpdateItem, with their names and values. Empty ones are omitted. */
export interface UpdateExpression {
  readonly UpdateExpression: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue>;
}

/** Converts a field's value to DynamoDB's notation. */
const toAttribute = (value: FieldValue): AttributeValue =>
  typeof value === 'number' ? { N: String(value) } : { S: value };

/** Translates a conditional write. Every field is written as `#field`: some (`ttl`, `owner`) are reserved words. */
export function toUpdateExpression({ set, nextGeneration, remove, notices, condition }: RowUpdate): UpdateExpression {
  const names: Record<string, string> = {};
  const values: Record<string, AttributeValue> = {};
  const name = (field: RowField): string => {
    names[`#${field}`] = field;
    return `#${field}`;
  };
  const value = (of: AttributeValue): string => {
    const key = `:v${Object.keys(values).length}`;
    values[key] = of;
    return key;
  };
  const translate = (part: Exclude<Condition<RowField>, { kind: 'always' }>): string =>
    part.kind === 'absent'
      ? `attribute_not_exists(${name(part.field)})`
      : `${name(part.field)} = ${value(toAttribute(part.value))}`;

  const sets = (Object.entries(set) as [RowField, FieldValue | undefined][]).flatMap(([field, of]) =>
    of === undefined ? [] : [`${name(field)} = ${value(toAttribute(of))}`],
  );
  if (nextGeneration) {
    const field = name('generation');
    sets.push(`${field} = if_not_exists(${field}, ${value({ N: '0' })}) + ${value({ N: '1' })}`);
  }
  const clause = (keyword: string, parts: readonly string[]) =>
    parts.length === 0 ? [] : [`${keyword} ${parts.join(', ')}`];
  const clauses = [
    ...clause('SET', sets),
    ...clause('REMOVE', remove.map(name)),
    ...(notices === undefined
      ? []
      : clause(notices.change.toUpperCase(), [`${name('notices')} ${value({ SS: notices.of })}`])),
  ];
  return {
    UpdateExpression: clauses.join(' '),
    ...(condition.kind === 'always' ? {} : { ConditionExpression: translate(condition) }),
    ExpressionAttributeNames: names,
    ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
  };
}
