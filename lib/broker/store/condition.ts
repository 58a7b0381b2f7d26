/** The value of a field that conditions may test. */
export type FieldValue = string | number;

/**
 * A condition on one record, as data: the shared store checks it at each write, and the model of the lease explores it.
 * The reader decides everything else from the record that it read; `generation` shows whether that record is unchanged.
 */
export type Condition<Field extends string> =
  | { readonly kind: 'absent'; readonly field: Field }
  | { readonly kind: 'equals'; readonly field: Field; readonly value: FieldValue }
  /** No condition: any record, or none. */
  | { readonly kind: 'always' };

/** Whether a record meets a condition. */
export function holds<Field extends string>(
  condition: Condition<Field>,
  record: Readonly<Partial<Record<Field, unknown>>>,
): boolean {
  if (condition.kind === 'always') return true;
  const value = record[condition.field];
  return condition.kind === 'absent' ? value === undefined : value === condition.value;
}
