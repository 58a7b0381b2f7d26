import { createProgress, note, print, runCommand } from '../../support/command.ts';
import { type Case, nameOf } from './case.ts';
import { ALL_CASES, CASES, KINDS } from './catalogue.ts';
import { MOST_HEAP_GROWTH_MB } from './heap.ts';
import { DEPENDENCIES } from './place.ts';
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
${MOST_HEAP_GROWTH_MB} MB; else with 1. Defects that are known (defects.ts) are named and counted apart.
`;

const count = (summary: Summary, rule: string): number =>
  summary.broken.filter(({ violations }) => violations.some((violation) => violation.rule === rule)).length;

function printSummary(cases: readonly Case[], summary: Summary): void {
  for (const { played, violations } of summary.broken) {
    print(`✗ ${nameOf(played)}`);
    for (const { rule, what } of violations) print(`    ${rule}: ${what}`);
  }
  for (const [{ what, example }, times] of summary.defects)
    print(`known: ${what} (${times} cases, such as "${example}")`);
  for (const { what } of summary.mended) print(`✗ known, and shows no more: take it out of defects.ts: ${what}`);
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
  const known = [...summary.defects.values()].reduce((sum, times) => sum + times, 0);
  print(`known defects     ${summary.defects.size}, in ${known} cases that are not counted above`);
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
    const { broken, mended, heapGrowthMb } = summary;
    return broken.length === 0 && mended.length === 0 && (heapGrowthMb ?? 0) < MOST_HEAP_GROWTH_MB;
  },
});
