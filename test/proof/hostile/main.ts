import { createProgress, note, print, printFigures, runCommand } from '../../support/command.ts';
import { ALL_CASES, CASES, type Case, KINDS, nameOf } from './catalogue.ts';
import { DEPENDENCIES } from './places.ts';
import { MOST_HEAP_GROWTH_MB, runCases, type Summary } from './run.ts';

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

const FIGURES = { hangs: 'hang', 'wrong cells': 'cell', leaks: 'leak', 'stray errors': 'stray' } as const;

const kindsOf = (cases: readonly Case[]): number => new Set(cases.map(({ kind }) => kind)).size;

function printSummary(cases: readonly Case[], { violations, heapGrowthMb, seconds }: Summary): void {
  for (const { name, rule, what } of violations) print(`✗ ${name}\n    ${rule}: ${what}`);
  printFigures({ 'kinds of answer': `${kindsOf(cases)} of ${KINDS.length}`, cases: cases.length });
  for (const dependency of DEPENDENCIES) {
    const own = cases.filter(({ place }) => place.dependency === dependency);
    printFigures({ [`  ${dependency}`]: `${own.length} cases of ${kindsOf(own)} kinds` });
  }
  for (const [figure, rule] of Object.entries(FIGURES)) {
    const broken = violations.filter((violation) => violation.rule === rule);
    printFigures({ [figure]: new Set(broken.map(({ name }) => name)).size });
  }
  printFigures({
    'heap growth': heapGrowthMb === undefined ? 'not measured: too few cases' : `${heapGrowthMb.toFixed(1)} MB`,
    seconds: seconds.toFixed(0),
  });
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
    return summary.violations.length === 0 && (summary.heapGrowthMb ?? 0) < MOST_HEAP_GROWTH_MB;
  },
});
