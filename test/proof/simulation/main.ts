import { availableParallelism } from 'node:os';
import { createProgress, note, print, readCount, runCommand, UsageError } from '../../support/command.ts';
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

/**
 * Prints the shortest history that a seed has.
 * @returns whether every promise was kept
 */
const replay = (seed: string): Promise<boolean> =>
  withCrypto(async () => {
    const plan = createPlan(seed);
    const { violation } = await runPlan(plan);
    if (violation === undefined) {
      print(`seed ${seed}: no violation`);
      return true;
    }
    note(`seed ${seed} breaks "${violation.invariant}"; leaving out what it does not need`);
    const progress = createProgress();
    const shortest = await shrink(plan, violation.invariant, (items) =>
      progress(() => `${items} of ${plan.items.length} items left`),
    );
    print(await tell(shortest.plan));
    return false;
  });

await runCommand({
  help: HELP,
  options: {
    seed: { type: 'string', default: 'broker' },
    runs: { type: 'string', default: '2000' },
    from: { type: 'string', default: '0' },
    workers: { type: 'string', default: String(availableParallelism()) },
    replay: { type: 'string' },
    until: { type: 'string' },
    brief: { type: 'boolean', default: false },
  },
  async run({ seed, until, brief, ...values }) {
    if (values.replay !== undefined) return replay(values.replay);
    const runs = readCount('runs', values.runs, { least: 1 });
    const from = readCount('from', values.from);
    if (from >= runs) throw new UsageError('--from must be less than --runs: nothing is left to play');
    const workers = readCount('workers', values.workers, { least: 1 });
    if (until !== undefined && !INVARIANTS.includes(until)) {
      throw new UsageError(`--until must be one of:\n  ${INVARIANTS.join('\n  ')}`);
    }
    const startedAt = performance.now();
    const progress = createProgress();
    const onProgress = ({ runs: done, requests }: Figures, next: number) =>
      progress((seconds) => {
        const rate = (done / seconds).toFixed(0);
        return `${next} of ${runs} runs, ${requests} requests, ${rate} runs/s; --from ${next} goes on here`;
      });
    const figures = await simulate({ seed, from, runs, workers, until, onProgress });
    process.stdout.write(report(figures, (performance.now() - startedAt) / 1000));
    const [violation] = figures.violations;
    if (violation === undefined) return true;
    for (const { invariant, what, seed } of figures.violations) {
      print(`"${invariant}": ${what}\nagain: npm run simulate -- --replay ${seed}`);
    }
    if (!brief) await replay(violation.seed);
    return false;
  },
});
