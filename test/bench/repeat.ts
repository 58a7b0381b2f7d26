import type { Table } from './section.ts';

/** Ratios by their names. */
export type Ratios = Readonly<Record<string, number>>;

/** A ratio of two runs. */
export interface Repeated {
  readonly name: string;
  /** Absent where the run before had none. */
  readonly before?: number;
  readonly now: number;
}

/** Two runs on one machine are to lie no further apart. */
const MOST_CHANGE = 0.15;

/** Puts the ratios of a run beside those of the run before. */
export const compare = (before: Ratios, now: Ratios): readonly Repeated[] =>
  Object.entries(now).map(([name, value]) => {
    const earlier = before[name];
    return { name, now: value, ...(earlier === undefined ? {} : { before: earlier }) };
  });

const percent = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(0)} %`;

/** How far each ratio has moved. */
export function showComparison(repeated: readonly Repeated[]): Table {
  const changes = repeated.flatMap(({ before, now }) => (before === undefined ? [] : [Math.abs(now / before - 1)]));
  const same = changes.filter((change) => change <= MOST_CHANGE).length;
  const told = changes.length === 0 ? 'no such run yet' : `${same} of ${changes.length} ratios within 15 %`;
  return {
    title: `Ratios again: ${told}`,
    columns: ['ratio', 'before', 'now', 'change'],
    rows: repeated.map(({ name, before, now }) => {
      if (before === undefined) return [name, '–', now.toFixed(3), '–'];
      const change = now / before - 1;
      const shown = Math.abs(change) > MOST_CHANGE ? `**${percent(change)}**` : percent(change);
      return [name, before.toFixed(3), now.toFixed(3), shown];
    }),
  };
}
