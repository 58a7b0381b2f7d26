/** What a record in the shared store can hold in a field that conditions look at. */
export type FieldValue = string | number;

/**
 * A condition on one record, as data: what the shared store checks at each write, and what the model of the lease
 * explores. Everything else is decided by the reader, from the record that it read: `generation` tells whether that
 * record is still the one that it was.
 */
export type Condition<Field extends string> =
  | { readonly kind: 'absent'; readonly field: Field }
  | { readonly kind: 'equals'; readonly field: Field; readonly value: FieldValue }
  /** No condition: whatever the record holds, or whether there is one. */
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
