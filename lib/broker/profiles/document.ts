import type { Result } from '../../core/result.ts';

/** A place in a document: keys and indices. */
export type Path = readonly (string | number)[];

/** Records a fault of a document. */
export type Report = (path: Path, problem: string) => void;

/** Whether a value is a mapping. */
export const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reports unknown fields, which are usually misspelt. */
export function unknownFields(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: Path,
  report: Report,
) {
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) report([...path, field], `is not a known field; the fields are ${known.join(', ')}`);
  }
}

/** Parses a list; reports duplicates. */
export function list<T>(
  value: unknown,
  path: Path,
  report: Report,
  parse: (item: unknown) => Result<T, string>,
): readonly T[] {
  if (!Array.isArray(value)) {
    report(path, 'must be a list');
    return [];
  }
  return value.flatMap((item: unknown, index) => {
    if (value.indexOf(item) < index) report([...path, index], 'is listed twice');
    const parsed = parse(item);
    if (parsed.ok) return [parsed.value];
    report([...path, index], parsed.error);
    return [];
  });
}
