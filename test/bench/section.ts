/** A table of the report. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** What was to be reached, and whether it was. */
export interface Goal {
  readonly name: string;
  /** Such as `≤ 1.6`. */
  readonly wanted: string;
  /** Such as `1.42`. */
  readonly reached: string;
  readonly isMet: boolean;
}

/** What a part of the benchmark has measured. */
export interface Measured {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** What another run on this machine should find again, by its name: ratios of things that were measured in turns. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Plots by the name of their file, as SVG. */
  readonly plots: Readonly<Record<string, string>>;
  /** All samples and counts, for whoever wants to look closer; goes into the JSON. */
  readonly raw: unknown;
}

/** How a part is run. */
export interface BenchOptions {
  /** Fewer samples: the whole takes 2 minutes instead of 15. */
  readonly isQuick: boolean;
  /** Tells how far it is; a line without its end. */
  readonly note: (text: string) => void;
}

/** One part of the benchmark. */
export interface Section {
  /** Such as `cold-start`: what `--only` takes. */
  readonly name: string;
  readonly title: string;
  readonly run: (options: BenchOptions) => Promise<Measured>;
}
