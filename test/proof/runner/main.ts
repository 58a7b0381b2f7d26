import { availableParallelism } from 'node:os';
import { createProgress, note, print, readCount, runCommand, UsageError } from '../../support/command.ts';
import { withCrypto } from './crypto.ts';
import { shrink, tell } from './history.ts';
import { type Figures, simulate } from './workers.ts';
import { WORLD_NAMES, WORLDS, type World } from './worlds.ts';

const HELP = `Plays generated histories against the real broker, most of them on a virtual clock, and checks its promises.

  npm run simulate -- [--only WORLD] [--seed S] [--runs N] [--from N] [--workers N]
  npm run simulate -- [--only WORLD] --replay SEED

  --only WORLD   broker: faults of all that it depends on, and of its sandboxes (default)
                 rotation: the rotation of keys, with callers at work
                 events: events of API Gateway, each compared with a second authoriser
                 assertions: assertions of callers without IAM, each compared with a second verifier
                 issuers: their issuers, which rotate keys, vanish and lie
  --seed S       names the histories: those of a seed are always the same (default: broker)
  --runs N       how many (default: 2000)
  --from N       leaves out the first N of them: goes on where another was stopped (default: 0)
  --workers N    processes that share them (default: one for each core)
  --replay SEED  plays one history again, as a violation names it, shrinks it and tells it
  --help         this text

Ends with 1 where a promise was broken.
`;

function report(world: World, { runs, requests, events, outages, counts, violations }: Figures, seconds: number) {
  const share = (outages.sent / outages.offered).toFixed(2);
  return [
    ...world.kinds.map((kind) => `  ${String(counts[kind] ?? 0).padStart(9)}  ${kind}`),
    `counted: ${Object.values(counts).reduce((sum, count) => sum + count, 0)}, of ${world.kinds.length} kinds`,
    `promises: ${world.promises.length}`,
    `runs: ${runs}, requests: ${requests}, events: ${events}`,
    ...(outages.offered === 0 ? [] : [`calls of ZITADEL for each request during its outages: ${share}`]),
    `${seconds.toFixed(1)} s, ${(runs / seconds).toFixed(0)} runs/s`,
    `violations: ${violations.length}`,
  ].join('\n');
}

/**
 * Prints the shortest history that a seed has.
 * @returns whether every promise was kept
 */
async function replay(world: World, seed: string): Promise<boolean> {
  const plan = world.createPlan(seed);
  const { violation } = await world.play(plan);
  if (violation === undefined) {
    print(`seed ${seed}: no violation`);
    return true;
  }
  note(`seed ${seed} breaks "${violation.invariant}"; leaving out what it does not need`);
  const progress = createProgress();
  const onTry = (items: number) => progress(() => `${items} of ${plan.items.length} items left`);
  const shortest = await shrink(world, plan, violation.invariant, onTry);
  print(await tell(world, shortest.plan));
  return false;
}

await runCommand({
  help: HELP,
  options: {
    only: { type: 'string', default: 'broker' },
    seed: { type: 'string', default: 'broker' },
    runs: { type: 'string', default: '2000' },
    from: { type: 'string', default: '0' },
    workers: { type: 'string', default: String(availableParallelism()) },
    replay: { type: 'string' },
  },
  async run({ seed, ...values }) {
    const only = WORLD_NAMES.find((name) => name === values.only);
    if (only === undefined) throw new UsageError(`--only must be one of ${WORLD_NAMES.join(', ')}`);
    const world = await WORLDS[only]();
    const replayHere = (which: string) => withCrypto(() => replay(world, which));
    if (values.replay !== undefined) return replayHere(values.replay);
    const to = readCount('runs', values.runs, { least: 1 });
    const from = readCount('from', values.from);
    if (from >= to) throw new UsageError('--from must be less than --runs: nothing is left to play');
    const workers = readCount('workers', values.workers, { least: 1 });
    const startedAt = performance.now();
    const progress = createProgress();
    const onProgress = ({ runs, requests }: Figures, next: number) =>
      progress((seconds) => {
        const rate = (runs / seconds).toFixed(0);
        return `${next} of ${to} runs, ${requests} requests, ${rate} runs/s; --from ${next} goes on here`;
      });
    const figures = await simulate({ only, seed, from, to, workers, onProgress });
    print(report(world, figures, (performance.now() - startedAt) / 1000));
    for (const violation of figures.violations) {
      const again = `npm run simulate -- --only ${only} --replay ${violation.seed}`;
      print(`"${violation.invariant}": ${violation.what}\nagain: ${again}`);
    }
    const [first] = figures.violations;
    return first === undefined || replayHere(first.seed);
  },
});
