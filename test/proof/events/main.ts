import { createProgress, print, printFigures, readCount, runCommand } from '../../support/command.ts';
import { type Figures, runEvents } from './run.ts';

const HELP = `Plays generated API Gateway events and bodies against the broker's endpoints, all in one process, and holds each answer
against a second authoriser that was written from the documents.

  npm run events -- [--runs N] [--seed S] [--path P]

  --runs N   how many events (default: 20000)
  --seed S   a whole number that names the events: those of a seed are always the same (default: 1)
  --path P   begins with the counterexample that a violation names
  --help     this text

Ends with 1 where an event was not caught, was answered 5xx, or was decided otherwise than the documents say.
`;

const DEFAULT_RUNS = 20_000;
/** Of fast-check's seeds and runs. */
const LARGEST = 2 ** 31 - 1;
const LONGEST_SHOWN = 300;

/** Long texts by their beginning and length: `--path` makes them again. */
const shorten = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.length > LONGEST_SHOWN
    ? `${value.slice(0, LONGEST_SHOWN)}… of ${value.length} characters`
    : value;

function printReport({ events, tally, violations }: Figures, seconds: number): void {
  for (const [heading, counts] of tally) {
    print(`${heading}:`);
    for (const [name, count] of [...counts].sort(([, a], [, b]) => b - a))
      print(`  ${String(count).padStart(9)}  ${name}`);
  }
  const speed = `${(events / seconds).toFixed(0)} a second`;
  printFigures({ events: `${events}, ${speed}`, ...violations, seconds: seconds.toFixed(0) });
}

await runCommand({
  help: HELP,
  options: {
    runs: { type: 'string', default: String(DEFAULT_RUNS) },
    seed: { type: 'string', default: '1' },
    path: { type: 'string' },
  },
  async run(values) {
    const runs = readCount('runs', values.runs, { least: 1, most: LARGEST });
    const seed = readCount('seed', values.seed, { least: -LARGEST - 1, most: LARGEST });
    const startedAt = performance.now();
    const progress = createProgress();
    const figures = await runEvents({ runs, seed, path: values.path }, (events) =>
      progress((seconds) => `${events} of ${runs} events, ${(events / seconds).toFixed(0)} events/s`),
    );
    printReport(figures, (performance.now() - startedAt) / 1000);
    const { counterexample } = figures;
    if (counterexample === undefined) return true;
    const { what, plan, event, path } = counterexample;
    print(what);
    print(`made of: ${JSON.stringify(plan)}`);
    print(`event: ${JSON.stringify(event, shorten)}`);
    print(`again: npm run events -- --seed ${seed} --path ${path}`);
    return false;
  },
});
