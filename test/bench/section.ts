import type { Plot } from './plots/plot.ts';

/** A table of the report. */
export interface Table {
  readonly title: string;
  /** The names of the columns: `program | ms`. */
  readonly columns: string;
  readonly rows: readonly (readonly (string | number)[])[];
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

/** Ratios by their names. */
export type Ratios = Readonly<Record<string, number>>;

/** What a part of the benchmark has measured. */
export interface Measured<Raw = unknown> {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** What another run on this machine should reproduce: ratios of things that were measured in turns. */
  readonly ratios: Ratios;
  /** All samples and counts, for results.json. */
  readonly raw: Raw;
}

/** How a part is run. */
export interface BenchOptions {
  /** Fewer samples: the whole takes 3 minutes instead of 8. */
  readonly isQuick: boolean;
  /** Tells how far it is; a line without its end. */
  readonly note: (text: string) => void;
}

/** One part of the benchmark. */
export interface Section<Raw = unknown> {
  /** Such as `cold-start`: what `--only` takes. */
  readonly name: string;
  readonly title: string;
  run(options: BenchOptions): Promise<Measured<Raw>>;
  /** The plots of what this or an earlier run has measured. */
  plots(raw: Raw): readonly Plot[];
}
