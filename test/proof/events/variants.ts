import fc from 'fast-check';

/** The variants of one kind: a list, or one made of what is given and of the number of the variant. */
type Variants<T, Given extends readonly unknown[]> = readonly T[] | ((...given: [...Given, number]) => readonly T[]);

/** Kinds of one part of an event, by name. */
export type Kinds<T, Given extends readonly unknown[] = []> = Readonly<Record<string, Variants<T, Given>>>;

/** The member of a non-empty list that a whole number names; every whole number names one. */
export const at = <T>(list: readonly T[], variant: number): T => list[variant % list.length] as T;

/** The variant of a kind that a name and a whole number choose. */
export function pick<T, Given extends readonly unknown[] = []>(
  kinds: Kinds<T, Given>,
  [name, variant]: readonly [name: string, variant: number],
  ...given: Given
): T {
  const variants = kinds[name] ?? [];
  return at(typeof variants === 'function' ? variants(...given, variant) : variants, variant);
}

/** The names of a table, typed and in its order. */
export const namesOf = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];

/** What is inserted: characters that mean something in ARNs, paths, forms and base64, and some that look like them. */
const SIGNS = [
  ...':/-_.,@=+*%&;?#"\'\\ \0\n\t09azAZéоｏ：⁄\u200b\u2028💥',
  ...['\ud800', '::', '//', '..', '%2F', '%00', '&&', 'aws-', 'AROA'],
];

/** A change to a text: where, over how many letters, with which sign, and in which of six ways. */
const CHANGE = fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...SIGNS), fc.nat(5));
const CHANGES = fc.array(CHANGE, { minLength: 1, maxLength: 3 });

/** The text with one to three changes at random: a piece removed, inserted, doubled, replaced, or in other letters. */
export function disturb(text: string, variant: number): string {
  const [changes = []] = fc.sample(CHANGES, { seed: variant, numRuns: 1 });
  return changes.reduce((disturbed, [where, length, sign, way]) => {
    const from = where % (disturbed.length + 1);
    const piece = disturbed.slice(from, from + length);
    const replacement = at(['', sign, piece + sign, piece + piece, piece.toUpperCase(), piece.toLowerCase()], way);
    return disturbed.slice(0, from) + replacement + disturbed.slice(from + piece.length);
  }, text);
}
