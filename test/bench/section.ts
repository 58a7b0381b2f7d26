import type { Plot } from './plots/plot.ts';

/** A table of the report. */
export interface Table {
  readonly title: string;
  /** Each row has its cells by the names of their columns. */
  readonly rows: readonly Readonly<Record<string, string | number>>[];
}

/** What is to be reached, and whether it was. */
export interface Goal {
  readonly name: string;
  /** Such as `≤ 1.6`. */
  readonly wanted: string;
  /** Such as `1.42`. */
  readonly reached: string;
  readonly isMet: boolean;
}

/** A goal that a value must not exceed. */
export const atMost = (name: string, value: number, most: number, digits = 2): Goal => ({
  name,
  wanted: `≤ ${most}`,
  reached: value.toFixed(digits),
  isMet: value <= most,
});

/** A goal that a whole value must not fall below. */
export const atLeast = (name: string, value: number, least: number): Goal => ({
  name,
  wanted: `≥ ${least}`,
  reached: value.toFixed(0),
  isMet: value >= least,
});

/** What the report says of a part. */
export interface Shown {
  readonly tables: readonly Table[];
  readonly goals?: readonly Goal[];
  /** What another run on this machine should reproduce: ratios of things that were measured in turns. */
  readonly ratios?: readonly (readonly [name: string, value: number])[];
  readonly plots?: readonly Plot[];
}

/** One part of the benchmark. */
export interface Section<Size = unknown, Raw = unknown> {
  /** Such as `cold-start`: what `--only` takes. */
  readonly name: string;
  readonly title: string;
  /** How much is measured in a whole run. */
  readonly whole: Size;
  /** Fewer samples: the whole takes 3 minutes instead of 8. */
  readonly quick: Size;
  /** Measures all samples and counts, for results.json. */
  measure(size: Size): Promise<Raw>;
  /** What follows from the figures of this or an earlier run. */
  show(raw: Raw, size: Size): Shown;
}

/** A part, whose types follow from what it measures. */
export const section = <Size, Raw>(part: Section<Size, Raw>): Section<Size, Raw> => part;
