/** One mark of a plot: a value of a program, with its quartiles where there are several samples. */
export interface Mark {
  readonly program: string;
  /** Such as `64 connections`: marks of one panel stand together, under this title. */
  readonly panel: string;
  /** Where a point of a line lies along the x-axis. */
  readonly x?: number;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** What a plot shows, as plain data. */
export interface Plot {
  /** The name of its files: `{name}-light.svg` and `{name}-dark.svg`. */
  readonly name: string;
  /** Short: Vega takes text to be wider than it is, and makes room for it. */
  readonly title: string;
  /**
   * Bars: a row for each program, the value along x. Dots: the same on a logarithmic axis. Lines: one for each program,
   * the value along y.
   */
  readonly kind: 'bars' | 'dots' | 'lines' | 'logarithmic lines';
  /** What the values are, with their unit. */
  readonly unit: string;
  /** What is along x, under lines. */
  readonly xTitle?: string;
  readonly marks: readonly Mark[];
}

/** Numbers such as 5,173, 29, 4.9 and 0.18: as many digits after the point as suit the first of them. */
function showValues(values: readonly [number, ...number[]]): readonly string[] {
  const [first] = values;
  const smallDigits = first >= 1 ? 1 : 2;
  const digits = first >= 10 ? 0 : smallDigits;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return values.map((value) => value.toLocaleString('en-GB', options));
}

/** `110 (102–119)`, or `110` where there are no quartiles. */
export function showMark({ value, low, high }: Mark): string {
  if (low === undefined || high === undefined) return showValues([value]).join();
  const [shown, from, to] = showValues([value, low, high]);
  return `${shown} (${from}–${to})`;
}

/** The text for those who do not see the picture: the title, and the last mark of each program in each panel. */
export function describe({ title, unit, marks }: Plot): string {
  const last = new Map(marks.map((mark) => [`${mark.panel}, ${mark.program}`.replace(/^, /, ''), mark]));
  return `${title} (${unit}). ${[...last].map(([name, mark]) => `${name}: ${showMark(mark)}`).join('; ')}.`;
}
