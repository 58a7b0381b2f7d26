import { parseArgs } from 'node:util';
import { VIOLATIONS } from './judge.ts';
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

const PROGRESS_EVENTS = 20_000;
const DEFAULT_RUNS = 20_000;
const LONGEST_SHOWN = 300;

const note = (text: string) => process.stderr.write(text);

/** A whole number from the command line. */
function numberOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > 2 ** 31 - 1)
    throw new Error(`--${name} must be a whole number from ${least} on`);
  return value;
}

/** Long texts by their beginning and length: `--path` makes them again. */
const shorten = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.length > LONGEST_SHOWN
    ? `${value.slice(0, LONGEST_SHOWN)}… of ${value.length} characters`
    : value;

function report({ events, tally, violations }: Figures, seconds: number): string {
  const sections = [...tally].flatMap(([heading, counts]) => [
    `${heading}:`,
    ...[...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `  ${String(count).padStart(9)}  ${name}`),
  ]);
  return [
    ...sections,
    `events: ${events}`,
    ...VIOLATIONS.map((kind) => `${kind}: ${violations[kind]}`),
    `${seconds.toFixed(1)} s, ${(events / seconds).toFixed(0)} events/s`,
    '',
  ].join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: String(DEFAULT_RUNS) },
      seed: { type: 'string', default: '1' },
      path: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const runs = numberOf('runs', values.runs, 1);
  const seed = numberOf('seed', values.seed, -(2 ** 31));
  const startedAt = performance.now();
  const figures = await runEvents({ runs, seed, path: values.path }, (events) => {
    if (events % PROGRESS_EVENTS !== 0) return;
    const seconds = (performance.now() - startedAt) / 1000;
    note(`${events} of ${runs} events, ${(events / seconds).toFixed(0)} events/s\n`);
  });
  process.stdout.write(report(figures, (performance.now() - startedAt) / 1000));
  const { counterexample } = figures;
  if (counterexample === undefined) return;
  const { what, plan, event, path } = counterexample;
  process.stdout.write(
    `${what}\nmade of: ${JSON.stringify(plan)}\nevent: ${JSON.stringify(event, shorten)}\nagain: npm run events -- --seed ${seed} --path ${path}\n`,
  );
  process.exitCode = 1;
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    note(`${error instanceof Error ? error.message : 'the run has failed'}\nTry --help.\n`);
    process.exitCode = 1;
  });
}
