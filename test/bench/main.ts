import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { coldStartSection } from './cold/section.ts';
import { growthSection } from './growth/section.ts';
import { httpSection } from './http/section.ts';
import { compare, type Ratios, showComparison } from './repeat.ts';
import { savingsSection } from './savings/section.ts';
import type { Goal, Measured, Section, Table } from './section.ts';
import { signingSection } from './signing.ts';
import { situationsSection } from './situations/section.ts';
import { warmHitSection } from './warm/section.ts';

/** All parts, in the order of the report. */
const SECTIONS: readonly Section[] = [
  coldStartSection,
  warmHitSection,
  httpSection,
  situationsSection,
  savingsSection,
  growthSection,
  signingSection,
];

const HELP = `Measures the broker beside other programs, all in one run, and writes docs/benchmarks/.

  npm run bench -- [--quick] [--only NAME] [--out FOLDER]

  --quick        fewer samples
  --only NAME    one part: ${SECTIONS.map(({ name }) => name).join(', ')}; nothing is written unless --out says where
  --out FOLDER   where results.md, results.json and the plots go (default: docs/benchmarks)
  --help         this text

Every run is compared with the one before it in the same folder: results.md ends with the ratios of both.
Every figure is a ratio of two things that were measured in turns, or a count. Leave the machine alone while it runs.
`;

const GIB = 2 ** 30;

/** On what it ran: figures of two machines are not to be compared. */
const machine = (): Readonly<Record<string, string | number>> => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / GIB),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
});

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

const showTable = ({ title, columns, rows }: Table): string =>
  [`### ${title}`, '', row(columns), row(columns.map(() => '---')), ...rows.map(row), ''].join('\n');

const showGoals = (goals: readonly Goal[]): string =>
  [
    row(['goal', 'wanted', 'reached', '']),
    row(['---', '---', '---', '---']),
    ...goals.map(({ name, wanted, reached, isMet }) => row([name, wanted, reached, isMet ? 'met' : '**missed**'])),
    '',
  ].join('\n');

interface Done {
  readonly section: Section;
  readonly measured: Measured;
  readonly seconds: number;
}

/** The ratios of a run, by the part and their name. */
const ratiosOf = (done: readonly Done[]): Ratios =>
  Object.fromEntries(
    done.flatMap(({ section, measured }) =>
      Object.entries(measured.ratios).map(([name, value]) => [`${section.title}: ${name}`, value]),
    ),
  );

/** The ratios that a folder has of an earlier run, if it was one of the same kind on such a machine. */
function readEarlier(folder: string, isQuick: boolean): Ratios {
  try {
    const earlier = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8'));
    const isAlike = earlier.isQuick === isQuick && JSON.stringify(earlier.machine) === JSON.stringify(machine());
    return isAlike ? (earlier.ratios ?? {}) : {};
  } catch {
    return {};
  }
}

function report(done: readonly Done[], isQuick: boolean, earlier: Ratios): string {
  const facts = Object.entries(machine()).map(([name, value]) => `${name} ${value}`);
  return [
    '# Results',
    '',
    `${isQuick ? 'A quick run' : 'A whole run'} on: ${facts.join(', ')}. [How to read them](README.md).`,
    '',
    '## Goals',
    '',
    showGoals(done.flatMap(({ measured }) => measured.goals)),
    ...done.flatMap(({ section, measured, seconds }) => [
      `## ${section.title}`,
      '',
      ...measured.tables.map(showTable),
      ...Object.keys(measured.plots).map((name) => `![${section.title}](${name}.svg)\n`),
      `Took ${seconds.toFixed(0)} s.\n`,
    ]),
    '## Beside the run before',
    '',
    showTable(showComparison(compare(earlier, ratiosOf(done)))),
  ].join('\n');
}

function write(folder: string, done: readonly Done[], isQuick: boolean, earlier: Ratios): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.md'), report(done, isQuick, earlier));
  const raw = Object.fromEntries(done.map(({ section, measured }) => [section.name, measured.raw]));
  writeFileSync(
    join(folder, 'results.json'),
    `${JSON.stringify({ machine: machine(), isQuick, ratios: ratiosOf(done), ...raw })}\n`,
  );
  for (const { measured } of done) {
    for (const [name, svg] of Object.entries(measured.plots)) writeFileSync(join(folder, `${name}.svg`), svg);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const chosen = SECTIONS.filter(({ name }) => values.only === undefined || name === values.only);
  if (chosen.length === 0) throw new Error(`there is no part ${values.only}`);
  const done: Done[] = [];
  for (const section of chosen) {
    const startedAt = performance.now();
    const note = (text: string) => process.stderr.write(`${text}\n`);
    const measured = await section.run({ isQuick: values.quick, note });
    done.push({ section, measured, seconds: (performance.now() - startedAt) / 1000 });
  }
  const home = join(import.meta.dirname, '../../docs/benchmarks');
  const earlier = readEarlier(values.out ?? home, values.quick);
  process.stdout.write(report(done, values.quick, earlier));
  const folder = values.out ?? (values.only === undefined ? home : undefined);
  if (folder !== undefined) write(folder, done, values.quick, earlier);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : 'the benchmark has failed'}\nTry --help.\n`);
  process.exitCode = 1;
});
