import { availableParallelism } from 'node:os';
import { createProgress, note, print, readCount, runCommand, UsageError } from '../../support/command.ts';
import { createPlan as createRotationPlan } from '../rotation/plan.ts';
import { playRotation, tellRotation } from '../rotation/world.ts';
import { type Figures, WORLDS, type WorldName, withCrypto } from './batch.ts';
import { tell } from './history.ts';
import { createPlan } from './plan.ts';
import { runPlan, type Violation } from './run.ts';
import { shrink } from './shrink.ts';
import { simulate } from './workers.ts';

const HELP = `Plays histories of faults against the real broker, on a virtual clock, and checks its promises.

  npm run simulate -- [--only rotation] [--seed S] [--runs N] [--from N] [--workers N] [--brief]
  npm run simulate -- [--only rotation] --replay SEED

  --only rotation  the rotation of keys, with callers at work (default: broker, everything but rotation)
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

function report(only: WorldName, { runs, requests, events, outages, faults, violations }: Figures, seconds: number) {
  const world = WORLDS[only];
  const share = outages.offered === 0 ? 0 : outages.sent / outages.offered;
  return [
    ...world.faults.map((kind) => `  ${String(faults[kind] ?? 0).padStart(9)}  ${kind}`),
    `faults injected: ${Object.values(faults).reduce((sum, count) => sum + count, 0)}, of ${world.faults.length} kinds`,
    `promises: ${world.promises.length}`,
    `runs: ${runs}, requests: ${requests}, events: ${events}`,
    ...(only === 'broker' ? [`calls of ZITADEL for each request during its outages: ${share.toFixed(2)}`] : []),
    `${seconds.toFixed(1)} s, ${(runs / seconds).toFixed(0)} runs/s`,
    `violations: ${violations.length}`,
    '',
  ].join('\n');
}

/**
 * Prints the shortest history that a seed has.
 * @returns whether every promise was kept
 */
async function replayOne<P extends { readonly items: readonly unknown[] }>(
  seed: string,
  plan: P,
  play: (plan: P) => Promise<{ readonly violation?: Violation }>,
  describe: (plan: P) => Promise<string>,
): Promise<boolean> {
  const { violation } = await play(plan);
  if (violation === undefined) {
    print(`seed ${seed}: no violation`);
    return true;
  }
  note(`seed ${seed} breaks "${violation.invariant}"; leaving out what it does not need`);
  const progress = createProgress();
  const onTry = (items: number) => progress(() => `${items} of ${plan.items.length} items left`);
  const shortest = await shrink(plan, violation.invariant, { play, onTry });
  print(await describe(shortest.plan));
  return false;
}

const replay = (only: WorldName, seed: string): Promise<boolean> =>
  withCrypto(() =>
    only === 'broker'
      ? replayOne(seed, createPlan(seed), runPlan, tell)
      : replayOne(seed, createRotationPlan(seed), playRotation, tellRotation),
  );

await runCommand({
  help: HELP,
  options: {
    only: { type: 'string', default: 'broker' },
    seed: { type: 'string', default: 'broker' },
    runs: { type: 'string', default: '2000' },
    from: { type: 'string', default: '0' },
    workers: { type: 'string', default: String(availableParallelism()) },
    replay: { type: 'string' },
    until: { type: 'string' },
    brief: { type: 'boolean', default: false },
  },
  async run({ seed, until, brief, ...values }) {
    const only = (Object.keys(WORLDS) as WorldName[]).find((name) => name === values.only);
    if (only === undefined) throw new UsageError(`--only must be one of ${Object.keys(WORLDS).join(', ')}`);
    if (values.replay !== undefined) return replay(only, values.replay);
    const runs = readCount('runs', values.runs, { least: 1 });
    const from = readCount('from', values.from);
    if (from >= runs) throw new UsageError('--from must be less than --runs: nothing is left to play');
    const workers = readCount('workers', values.workers, { least: 1 });
    const promises: readonly string[] = WORLDS[only].promises;
    if (until !== undefined && !promises.includes(until)) {
      throw new UsageError(`--until must be one of:\n  ${promises.join('\n  ')}`);
    }
    const startedAt = performance.now();
    const progress = createProgress();
    const onProgress = ({ runs: done, requests }: Figures, next: number) =>
      progress((seconds) => {
        const rate = (done / seconds).toFixed(0);
        return `${next} of ${runs} runs, ${requests} requests, ${rate} runs/s; --from ${next} goes on here`;
      });
    const figures = await simulate({ only, seed, from, runs, workers, until, onProgress });
    process.stdout.write(report(only, figures, (performance.now() - startedAt) / 1000));
    const [violation] = figures.violations;
    if (violation === undefined) return true;
    for (const { invariant, what, seed } of figures.violations) {
      print(
        `"${invariant}": ${what}\nagain: npm run simulate -- ${only === 'broker' ? '' : `--only ${only} `}--replay ${seed}`,
      );
    }
    if (!brief) await replay(only, violation.seed);
    return false;
  },
});
