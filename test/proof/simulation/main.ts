import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type Figures, withCrypto } from './batch.ts';
import { FAULT_KINDS } from './faults.ts';
import { tell } from './history.ts';
import { createPlan } from './plan.ts';
import { INVARIANTS, runPlan } from './run.ts';
import { shrink } from './shrink.ts';
import { simulate } from './workers.ts';

const HELP = `Plays histories of faults against the real broker, on a virtual clock, and checks its promises.

  npm run simulate -- [--seed S] [--runs N] [--from N] [--workers N] [--brief]
  npm run simulate -- --replay SEED

  --seed S       names the histories: those of a seed are always the same (default: broker)
  --runs N       how many (default: 2000)
  --from N       leaves out the first N of them: goes on where another was stopped (default: 0)
  --workers N    processes that share them (default: one for each core)
  --brief        names a broken promise without telling the shortest history that breaks it
  --until NAME   stops as soon as the promise of this name is broken
  --replay SEED  plays one history again, as a violation names it, shrinks it and tells it
  --help         this text

Ends with 1 where a promise was broken.
`;

const PROGRESS_MS = 2000;

const note = (text: string) => process.stderr.write(text);

/** A count from the command line. */
function countOf(name: string, text: string, least = 1): number {
  const count = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(count) || count < least) {
    throw new Error(`--${name} must be a whole number of at least ${least}`);
  }
  return count;
}

/** Says how far the runs are, now and then. */
function tellProgress(runs: number): (figures: Figures, next: number) => void {
  const startedAt = performance.now();
  let notedAt = startedAt;
  return (figures, next) => {
    const now = performance.now();
    if (now - notedAt < PROGRESS_MS) return;
    notedAt = now;
    const rate = figures.runs / ((now - startedAt) / 1000);
    note(
      `${next} of ${runs} runs, ${figures.requests} requests, ${rate.toFixed(0)} runs/s; --from ${next} goes on here\n`,
    );
  };
}

function report({ runs, requests, events, outages, faults, violations }: Figures, seconds: number): string {
  const share = outages.offered === 0 ? 0 : outages.sent / outages.offered;
  return [
    ...FAULT_KINDS.map((kind) => `  ${String(faults[kind] ?? 0).padStart(9)}  ${kind}`),
    `faults injected: ${Object.values(faults).reduce((sum, count) => sum + count, 0)}, of ${FAULT_KINDS.length} kinds`,
    `promises: ${INVARIANTS.length}`,
    `runs: ${runs}, requests: ${requests}, events: ${events}`,
    `calls of ZITADEL for each request during its outages: ${share.toFixed(2)}`,
    `${seconds.toFixed(1)} s, ${(runs / seconds).toFixed(0)} runs/s`,
    `violations: ${violations.length}`,
    '',
  ].join('\n');
}

/** Tells the shortest history that a seed has. */
async function replay(seed: string): Promise<boolean> {
  return withCrypto(async () => {
    const plan = createPlan(seed);
    const { violation } = await runPlan(plan);
    if (violation === undefined) {
      process.stdout.write(`seed ${seed}: no violation\n`);
      return true;
    }
    note(`seed ${seed} breaks "${violation.invariant}"; leaving out what it does not need\n`);
    let notedAt = performance.now();
    const shortest = await shrink(plan, violation.invariant, (items) => {
      if (performance.now() - notedAt < PROGRESS_MS) return;
      notedAt = performance.now();
      note(`${items} of ${plan.items.length} items left\n`);
    });
    process.stdout.write(`${await tell(shortest.plan)}\n`);
    return false;
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: 'broker' },
      runs: { type: 'string', default: '2000' },
      from: { type: 'string', default: '0' },
      workers: { type: 'string', default: String(availableParallelism()) },
      replay: { type: 'string' },
      until: { type: 'string' },
      brief: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  if (values.replay !== undefined) {
    if (!(await replay(values.replay))) process.exitCode = 1;
    return;
  }
  const startedAt = performance.now();
  const runs = countOf('runs', values.runs);
  const from = countOf('from', values.from, 0);
  if (from >= runs) throw new Error('--from must be less than --runs: nothing is left to play');
  const workers = countOf('workers', values.workers);
  const { seed, until } = values;
  if (until !== undefined && !INVARIANTS.includes(until)) {
    throw new Error(`--until must be one of:\n  ${INVARIANTS.join('\n  ')}`);
  }
  const figures = await simulate({ seed, from, runs, workers, until, onProgress: tellProgress(runs) });
  process.stdout.write(report(figures, (performance.now() - startedAt) / 1000));
  const [violation] = figures.violations;
  if (violation === undefined) return;
  for (const { invariant, what, seed } of figures.violations) {
    process.stdout.write(`"${invariant}": ${what}\nagain: npm run simulate -- --replay ${seed}\n`);
  }
  process.exitCode = 1;
  if (!values.brief) await replay(violation.seed);
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    note(`${error instanceof Error ? error.message : 'the simulation has failed'}\nTry --help.\n`);
    process.exitCode = 1;
  });
}
