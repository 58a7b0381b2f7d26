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

/** Numbers in [0, below), always the same for one seed (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What is inserted: characters that mean something in ARNs, paths, forms and base64, and some that look like them. */
const SIGNS = [
  ...':/-_.,@=+*%&;?#"\'\\ \0\n\t09azAZéоｏ：⁄\u200b\u2028💥',
  ...['\ud800', '::', '//', '..', '%2F', '%00', '&&', 'aws-', 'AROA'],
];

const MOST_CHANGES = 3;

/** The text with one to three changes at random: a piece removed, inserted, doubled, replaced, or in other letters. */
export function disturb(text: string, variant: number): string {
  const next = numbers(variant);
  let disturbed = text;
  for (let left = 1 + next(MOST_CHANGES); left > 0; left -= 1) {
    const from = next(disturbed.length + 1);
    const to = Math.min(disturbed.length, from + next(4));
    const piece = disturbed.slice(from, to);
    const sign = at(SIGNS, next(SIGNS.length));
    const replacement = at(['', sign, piece + sign, piece + piece, piece.toUpperCase(), piece.toLowerCase()], next(6));
    disturbed = disturbed.slice(0, from) + replacement + disturbed.slice(to);
  }
  return disturbed;
}
