/** A value in the middle of others, and how far they lie apart. */
export interface Spread {
  /** The median. */
  readonly value: number;
  /** The quartiles. */
  readonly low: number;
  readonly high: number;
}

/** The value below which a share of the samples lies; samples need not be sorted. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Median and quartiles. */
export const spread = (samples: readonly number[]): Spread => ({
  value: quantile(samples, 0.5),
  low: quantile(samples, 0.25),
  high: quantile(samples, 0.75),
});

/** How samples relate to others that were taken in turns with them: pair by pair, so that what slows both down cancels. */
export const ratio = (samples: readonly number[], others: readonly number[]): Spread =>
  spread(samples.map((sample, at) => sample / (others[at] ?? Number.NaN)));

/** `1.42 (1.38–1.47)`. */
export const showSpread = ({ value, low, high }: Spread, digits = 2): string =>
  `${value.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
