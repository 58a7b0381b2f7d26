import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writePlots } from './plots/draw.ts';
import { type Done, type Machine, ratiosOf, report } from './report.ts';
import type { Ratios, Section } from './section.ts';
import { plotsOf, SECTIONS } from './sections.ts';

const HELP = `Measures the broker beside other programs, all in one run, and writes docs/benchmarks/.

  npm run bench -- [--quick] [--only NAME] [--out FOLDER] [--plot]

  --quick        fewer samples
  --only NAME    one part: ${SECTIONS.map(({ name }) => name).join(', ')}; nothing is written unless --out says where
  --out FOLDER   where results.md, results.json and the plots go (default: docs/benchmarks)
  --plot         measures nothing: draws the plots again from results.json
  --help         this text

Every run is compared with the one before it in the same folder: results.md ends with the ratios of both.
Every figure is a ratio of two things that were measured in turns, or a count. Leave the machine alone while it runs.
`;

const GIB = 2 ** 30;

const machine: Machine = {
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / GIB),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
};

/** What results.json holds: what all parts have in common, and the raw figures of each part by its name. */
interface Results {
  readonly machine: Machine;
  readonly isQuick: boolean;
  readonly ratios: Ratios;
  readonly [section: string]: unknown;
}

const readResults = (folder: string): Results => JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8'));

/** The ratios of the earlier run in a folder, if it was one of the same kind on the same kind of machine. */
function readEarlier(folder: string, isQuick: boolean): Ratios {
  try {
    const earlier = readResults(folder);
    const isAlike = earlier.isQuick === isQuick && JSON.stringify(earlier.machine) === JSON.stringify(machine);
    return isAlike ? earlier.ratios : {};
  } catch {
    return {};
  }
}

async function measure(sections: readonly Section[], isQuick: boolean): Promise<readonly Done[]> {
  const done: Done[] = [];
  for (const section of sections) {
    const startedAt = performance.now();
    const measured = await section.run({ isQuick, note: (text) => process.stderr.write(`${text}\n`) });
    done.push({ section, measured, seconds: (performance.now() - startedAt) / 1000 });
  }
  return done;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      out: { type: 'string' },
      plot: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const folder = values.out ?? join(import.meta.dirname, '../../docs/benchmarks');
  if (values.plot) return writePlots(folder, plotsOf(readResults(folder)));
  const chosen = SECTIONS.filter(({ name }) => values.only === undefined || name === values.only);
  if (chosen.length === 0) throw new Error(`there is no part ${values.only}`);
  const done = await measure(chosen, values.quick);
  const text = report(done, values.quick, machine, readEarlier(folder, values.quick));
  process.stdout.write(text);
  if (values.only !== undefined && values.out === undefined) return;
  const raw = Object.fromEntries(done.map(({ section, measured }) => [section.name, measured.raw]));
  const results = { machine, isQuick: values.quick, ratios: ratiosOf(done), ...raw };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.md'), text);
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results)}\n`);
  await writePlots(folder, plotsOf(results));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : 'the benchmark has failed'}\nTry --help.\n`);
  process.exitCode = 1;
});
