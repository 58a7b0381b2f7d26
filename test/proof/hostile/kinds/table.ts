import { type Step, say } from '../play.ts';
import type { Given, Kind, Means } from './kind.ts';

/** What a server sends: bytes, or steps. */
export type Content = string | Buffer | readonly Step[];

/** What a server sends, always the same or made of what is given. */
export type Play = Content | ((given: Given) => Content);

const stepsOf = (content: Content): readonly Step[] =>
  typeof content === 'string' || Buffer.isBuffer(content) ? [say(content)] : content;

/** Rows of a table, by the name of each. */
export type Table<T> = Readonly<Record<string, T>>;

/**
 * Kinds that mean the same, one for each row of a table.
 * @param pattern of their names: the name of the row takes the place of `*`
 * @param make makes what is sent of a row
 */
export const kinds = <T>(
  pattern: string,
  means: Means,
  make: (row: T, given: Given) => Content,
  table: Table<T>,
): readonly Kind[] =>
  Object.entries(table).map(([name, row]) => ({
    name: pattern.replace('*', () => name),
    means,
    play: (given) => stepsOf(make(row, given)),
  }));

/** The same of a table of plays. */
export const plays = (pattern: string, means: Means, table: Table<Play>): readonly Kind[] =>
  kinds(pattern, means, (play, given) => (typeof play === 'function' ? play(given) : play), table);

/** A table of texts in which each is its own name. */
export const named = <T extends string | number>(texts: readonly T[]): Table<T> =>
  Object.fromEntries(texts.map((text) => [text, text]));

/** The same of words that are separated by white space. */
export const words = (text: string): Table<string> => named(text.trim().split(/\s+/));
