import { createProgress, note, print, runCommand } from '../../support/command.ts';
import { ALL_CASES, CASES, type Case, KINDS, nameOf } from './catalogue.ts';
import { MOST_HEAP_GROWTH_MB } from './heap.ts';
import { DEPENDENCIES } from './places.ts';
import { runCases, type Summary } from './run.ts';

const HELP = `Plays hostile answers of ZITADEL, Secrets Manager and DynamoDB to the broker, over real sockets, and holds what callers
get against the table of errors. Nothing but loopback is used; the clock is the run's own, so that waiting takes no time.

  npm run hostile
  npm run hostile -- --only 'GetItem: row'

  --only NAME   the cases whose name holds this text; also those that a whole run leaves out: it plays what can come
                everywhere only here and there
  --list        the names of the cases; plays none
  --help        this text

Ends with 0 where nothing hangs, every caller gets what the table says, no secret comes out, and the heap has not grown by
${MOST_HEAP_GROWTH_MB} MB; else with 1.
`;

const count = (summary: Summary, rule: string): number =>
  summary.broken.filter(({ violations }) => violations.some((violation) => violation.rule === rule)).length;

function printSummary(cases: readonly Case[], summary: Summary): void {
  for (const { played, violations } of summary.broken) {
    print(`✗ ${nameOf(played)}`);
    for (const { rule, what } of violations) print(`    ${rule}: ${what}`);
  }
  const kinds = new Set(cases.map(({ kind }) => kind.name)).size;
  print(`kinds of answer   ${kinds} of ${KINDS.length}`);
  print(`cases             ${cases.length}`);
  for (const dependency of DEPENDENCIES) {
    const own = cases.filter(({ place }) => place.dependency === dependency);
    print(`  ${dependency.padEnd(16)}${own.length} cases of ${new Set(own.map(({ kind }) => kind.name)).size} kinds`);
  }
  print(`hangs             ${count(summary, 'hang')}`);
  print(`wrong cells       ${count(summary, 'cell')}`);
  print(`leaks             ${count(summary, 'leak')}`);
  print(`stray errors      ${count(summary, 'stray')}`);
  const { heapGrowthMb } = summary;
  print(
    `heap growth       ${heapGrowthMb === undefined ? 'not measured: too few cases' : `${heapGrowthMb.toFixed(1)} MB`}`,
  );
  print(`seconds           ${summary.seconds.toFixed(0)}`);
}

await runCommand({
  help: HELP,
  options: { only: { type: 'string' }, list: { type: 'boolean' } },
  async run({ only, list }) {
    const cases = only === undefined ? CASES : ALL_CASES.filter((played) => nameOf(played).includes(only));
    if (list) {
      for (const played of cases) print(nameOf(played));
      return true;
    }
    if (cases.length === 0) {
      note(`no case is called so: ${only}`);
      return false;
    }
    const progress = createProgress();
    const summary = await runCases(cases, (played) => progress(() => `${played} of ${cases.length}`));
    printSummary(cases, summary);
    const { broken, heapGrowthMb } = summary;
    return broken.length === 0 && (heapGrowthMb ?? 0) < MOST_HEAP_GROWTH_MB;
  },
});
