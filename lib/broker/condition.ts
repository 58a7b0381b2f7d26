/** What a record in the shared store can hold in a field. */
export type FieldValue = string | number;

/**
 * A condition on one record, as data: the one source for what the decision functions decide in memory, what the
 * shared store checks at each write, and what the model of the lease explores.
 */
export type Condition<Field extends string> =
  | { readonly kind: 'absent'; readonly field: Field }
  | { readonly kind: 'equals'; readonly field: Field; readonly value: FieldValue }
  /** Present, and another value. */
  | { readonly kind: 'differs'; readonly field: Field; readonly value: FieldValue }
  | { readonly kind: 'below'; readonly field: Field; readonly value: number }
  | { readonly kind: 'at_most'; readonly field: Field; readonly value: number }
  | { readonly kind: 'all'; readonly of: readonly Condition<Field>[] }
  | { readonly kind: 'any'; readonly of: readonly Condition<Field>[] };

/** Whether a record meets a condition. A field that is absent meets none but `absent`. */
export function holds<Field extends string>(
  condition: Condition<Field>,
  record: Readonly<Partial<Record<Field, FieldValue>>>,
): boolean {
  if (condition.kind === 'all') return condition.of.every((part) => holds(part, record));
  if (condition.kind === 'any') return condition.of.some((part) => holds(part, record));
  const value = record[condition.field];
  if (condition.kind === 'absent') return value === undefined;
  if (value === undefined) return false;
  if (condition.kind === 'equals') return value === condition.value;
  if (condition.kind === 'differs') return value !== condition.value;
  if (typeof value !== 'number') return false;
  return condition.kind === 'below' ? value < condition.value : value <= condition.value;
}
