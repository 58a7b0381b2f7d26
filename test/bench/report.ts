import { showPicture } from './plots/draw.ts';
import type { Shown, Table } from './section.ts';

/** A part that has run. */
export interface Done extends Shown {
  readonly title: string;
  readonly seconds: number;
}

/** Ratios by the names of their parts and their own. */
type Ratios = Readonly<Record<string, number>>;

/** What results.json holds: what all parts have in common, and the raw figures of each part by its name. */
export interface Results {
  /** Figures of two machines are not comparable. */
  readonly machine: Readonly<Record<string, string | number>>;
  readonly isQuick: boolean;
  readonly ratios: Ratios;
  readonly [section: string]: unknown;
}

/** Two runs on one machine should lie no further apart. */
const MOST_CHANGE = 0.15;

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

const showRows = (columns: readonly string[], rows: Table['rows']): string =>
  [row(columns), row(columns.map(() => '---')), ...rows.map((cells) => row(Object.values(cells))), ''].join('\n');

const showTable = ({ title, rows }: Table): string => `### ${title}\n\n${showRows(Object.keys(rows[0] ?? {}), rows)}`;

const percent = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(0)} %`;

/** The ratios of a run beside those of the run before, and how far each has moved. */
function compare(before: Ratios, now: Ratios): string {
  let known = 0;
  let close = 0;
  const rows = Object.entries(now).map(([ratio, value]) => {
    const earlier = before[ratio];
    if (earlier === undefined) return { ratio, before: '–', now: value.toFixed(3), change: '–' };
    const change = value / earlier - 1;
    const isClose = Math.abs(change) <= MOST_CHANGE;
    known += 1;
    if (isClose) close += 1;
    const shown = isClose ? percent(change) : `**${percent(change)}**`;
    return { ratio, before: earlier.toFixed(3), now: value.toFixed(3), change: shown };
  });
  const told = known === 0 ? 'no such run yet' : `${close} of ${known} ratios within 15 %`;
  return `### Ratios again: ${told}\n\n${showRows(['ratio', 'before', 'now', 'change'], rows)}`;
}

/** The text of results.md. */
export function report(done: readonly Done[], { isQuick, machine, ratios }: Results, earlier: Ratios): string {
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const goals = done.flatMap(({ goals = [] }) => goals);
  return [
    '# Results',
    '',
    `${isQuick ? 'A quick run' : 'A whole run'} on: ${facts.join(', ')}. [How to read them](README.md).`,
    '',
    '## Goals',
    '',
    showRows(
      ['goal', 'wanted', 'reached', ''],
      goals.map(({ isMet, ...goal }) => ({ ...goal, isMet: isMet ? 'met' : '**missed**' })),
    ),
    ...done.flatMap(({ title, tables, plots = [], seconds }) => [
      `## ${title}`,
      '',
      ...tables.map(showTable),
      ...plots.map((plot) => `${showPicture(plot)}\n`),
      `Took ${seconds.toFixed(0)} s.\n`,
    ]),
    '## Beside the run before',
    '',
    compare(earlier, ratios),
  ].join('\n');
}
