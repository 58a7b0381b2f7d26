import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { note, runCommand, UsageError } from '../support/command.ts';
import { endAll } from './ends.ts';
import { writePlots } from './plots/draw.ts';
import { type Results, report } from './report.ts';
import type { Section } from './section.ts';
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

const machine = {
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / GIB),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
};

const readResults = (folder: string): Results => JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8'));

/** The ratios of the earlier run in a folder, if it was one of the same kind on the same kind of machine. */
function readEarlier(folder: string, isQuick: boolean): Results['ratios'] {
  try {
    const earlier = readResults(folder);
    const isAlike = earlier.isQuick === isQuick && JSON.stringify(earlier.machine) === JSON.stringify(machine);
    return isAlike ? earlier.ratios : {};
  } catch {
    return {};
  }
}

async function run({ name, title, whole, quick, measure, show }: Section, isQuick: boolean) {
  note(title);
  const size = isQuick ? quick : whole;
  const startedAt = performance.now();
  const raw = await measure(size).finally(endAll);
  return { name, title, raw, seconds: (performance.now() - startedAt) / 1000, ...show(raw, size) };
}

await runCommand({
  help: HELP,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string' },
    plot: { type: 'boolean', default: false },
  },
  async run({ quick: isQuick, only, out, plot }) {
    const folder = out ?? join(import.meta.dirname, '../../docs/benchmarks');
    if (plot) {
      await writePlots(folder, plotsOf(readResults(folder)));
      return true;
    }
    const chosen = SECTIONS.filter(({ name }) => only === undefined || name === only);
    if (chosen.length === 0) throw new UsageError(`there is no part ${only}`);
    const done = [];
    for (const section of chosen) done.push(await run(section, isQuick));
    const ratios = done.flatMap(({ title, ratios = [] }) =>
      ratios.map(([name, value]) => [`${title}: ${name}`, value]),
    );
    const raws = done.map(({ name, raw }) => [name, raw]);
    const results = { machine, isQuick, ratios: Object.fromEntries(ratios), ...Object.fromEntries(raws) };
    const text = report(done, results, readEarlier(folder, isQuick));
    process.stdout.write(text);
    if (only !== undefined && out === undefined) return true;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'results.md'), text);
    writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results)}\n`);
    await writePlots(folder, plotsOf(results));
    return true;
  },
});
