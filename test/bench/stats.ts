/** The value below which a share of the samples lies; samples need not be sorted. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** The median, and the quartiles: how far the others lie apart. */
export const spread = (samples: readonly number[]) => ({
  value: median(samples),
  low: quantile(samples, 0.25),
  high: quantile(samples, 0.75),
});

/** How samples relate to others that were taken in turns with them: pair by pair, so that what slows both down cancels. */
export const ratio = (samples: readonly number[], others: readonly number[]): readonly number[] =>
  samples.map((sample, at) => sample / (others[at] ?? Number.NaN));

/** The spread of samples: `1.42 (1.38–1.47)`. */
export function showSpread(samples: readonly number[], digits = 2): string {
  const { value, low, high } = spread(samples);
  return `${value.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
