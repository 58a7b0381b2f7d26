import { showPicture } from './plots/draw.ts';
import type { Measured, Ratios, Section, Table } from './section.ts';

/** A part that has run. */
export interface Done {
  readonly section: Section;
  readonly measured: Measured;
  readonly seconds: number;
}

/** On what it ran: figures of two machines are not comparable. */
export type Machine = Readonly<Record<string, string | number>>;

/** Two runs on one machine should lie no further apart. */
const MOST_CHANGE = 0.15;

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

const showRows = ({ columns, rows }: Omit<Table, 'title'>): string =>
  [row([columns]), row(columns.split('|').map(() => '---')), ...rows.map(row), ''].join('\n');

const showTable = ({ title, ...table }: Table): string => `### ${title}\n\n${showRows(table)}`;

/** The ratios of a run, by part and name. */
export const ratiosOf = (done: readonly Done[]): Ratios =>
  Object.fromEntries(
    done.flatMap(({ section, measured }) =>
      Object.entries(measured.ratios).map(([name, value]) => [`${section.title}: ${name}`, value]),
    ),
  );

const percent = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(0)} %`;

/** The ratios of a run beside those of the run before, and how far each has moved. */
function compare(before: Ratios, now: Ratios): Table {
  let known = 0;
  let close = 0;
  const rows = Object.entries(now).map(([name, value]) => {
    const earlier = before[name];
    if (earlier === undefined) return [name, '–', value.toFixed(3), '–'];
    const change = value / earlier - 1;
    const isClose = Math.abs(change) <= MOST_CHANGE;
    known += 1;
    if (isClose) close += 1;
    return [name, earlier.toFixed(3), value.toFixed(3), isClose ? percent(change) : `**${percent(change)}**`];
  });
  const told = known === 0 ? 'no such run yet' : `${close} of ${known} ratios within 15 %`;
  return { title: `Ratios again: ${told}`, columns: 'ratio | before | now | change', rows };
}

/** The text of results.md. */
export function report(done: readonly Done[], isQuick: boolean, machine: Machine, earlier: Ratios): string {
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const goals = done.flatMap(({ measured }) => measured.goals);
  return [
    '# Results',
    '',
    `${isQuick ? 'A quick run' : 'A whole run'} on: ${facts.join(', ')}. [How to read them](README.md).`,
    '',
    '## Goals',
    '',
    showRows({
      columns: 'goal | wanted | reached | ',
      rows: goals.map(({ name, wanted, reached, isMet }) => [name, wanted, reached, isMet ? 'met' : '**missed**']),
    }),
    ...done.flatMap(({ section, measured, seconds }) => [
      `## ${section.title}`,
      '',
      ...measured.tables.map(showTable),
      ...section.plots(measured.raw).map((plot) => `${showPicture(plot)}\n`),
      `Took ${seconds.toFixed(0)} s.\n`,
    ]),
    '## Beside the run before',
    '',
    showTable(compare(earlier, ratiosOf(done))),
  ].join('\n');
}
