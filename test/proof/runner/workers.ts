import { registerHooks } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { withCrypto } from './crypto.ts';
import type { Mutant } from './mutants.ts';
import { type Run, type Violation, WORLDS, type World, type WorldName } from './worlds.ts';

/** A run of one history, which its seed names. */
type Played = Run & { readonly seed: string };

/** What runs came to, summed up. */
export interface Figures {
  runs: number;
  requests: number;
  events: number;
  readonly outages: { sent: number; offered: number };
  /** How often each kind was counted. */
  readonly counts: Record<string, number>;
  readonly violations: (Violation & { readonly seed: string })[];
}

/** Runs one after the other, named by a seed and their numbers: from `from` up to, but not including, `to`. */
interface Batch {
  readonly only: WorldName;
  readonly seed: string;
  readonly from: number;
  readonly to: number;
}

/** Runs that are shared among workers. */
export interface Shared extends Batch {
  readonly workers: number;
  /** A promise: once it is broken, there is enough to do. */
  readonly until?: string;
  /** What is wrong with the broker, on purpose. */
  readonly changes?: Mutant['changes'];
  /** Gets the figures so far, after each batch, and up to which number all runs are done. */
  readonly onProgress?: (figures: Figures, next: number) => void;
}

const BATCH = 50;
/** Where the first violation ends it: what comes after it is not played. */
const SMALL_BATCH = 1;
const MOST_VIOLATIONS = 10;

/** The seed of one run of many. */
const seedOf = (seed: string, run: number): string => `${seed}-${run}`;

function add(figures: Figures, { seed, requests, events, outages, counts, violation }: Played): void {
  figures.runs += 1;
  figures.requests += requests;
  figures.events += events;
  figures.outages.sent += outages?.sent ?? 0;
  figures.outages.offered += outages?.offered ?? 0;
  for (const [name, count] of counts) figures.counts[name] = (figures.counts[name] ?? 0) + count;
  if (violation !== undefined) figures.violations.push({ ...violation, seed });
}

/** Makes the runs, each worker its share; after so many broken promises there is enough to do. */
export function simulate({ workers, until, changes, onProgress, ...all }: Shared): Promise<Figures> {
  const outages = { sent: 0, offered: 0 };
  const figures: Figures = { runs: 0, requests: 0, events: 0, outages, counts: {}, violations: [] };
  const { violations } = figures;
  let next = all.from;
  const underWay = new Map<Worker, number>();
  return new Promise((resolve, reject) => {
    let working = workers;
    const give = (worker: Worker): void => {
      const isEnough =
        until === undefined
          ? violations.length >= MOST_VIOLATIONS
          : violations.some(({ invariant }) => invariant === until);
      if (next >= all.to || isEnough) {
        working -= 1;
        worker.terminate().then(() => {
          if (working === 0) resolve(figures);
        }, reject);
        return;
      }
      const size = until === undefined ? BATCH : SMALL_BATCH;
      const batch: Batch = { ...all, from: next, to: Math.min(next + size, all.to) };
      next = batch.to;
      underWay.set(worker, batch.from);
      worker.postMessage(batch);
    };
    for (let index = 0; index < workers; index += 1) {
      const worker = new Worker(new URL(import.meta.url), { workerData: changes });
      worker.on('error', reject);
      worker.on('message', (runs: readonly Played[]) => {
        for (const run of runs) add(figures, run);
        underWay.delete(worker);
        onProgress?.(figures, Math.min(next, ...underWay.values()));
        give(worker);
      });
      give(worker);
    }
  });
}

/** Changes sources of the broker as they are loaded. */
function plant(changes: Mutant['changes']): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      let source = loaded.source;
      for (const change of changes) {
        const [, file, from = '', to = ''] = /^(\S+): (.*) → (.*)$/s.exec(change) ?? [];
        if (!url.endsWith(`/lib/${file}`)) continue;
        const text = String(source);
        if (text.split(from).length !== 2) throw new Error(`not once in its file: ${change}`);
        source = text.replace(from, () => to);
      }
      return { ...loaded, source };
    },
  });
}

/** Makes the runs of a batch. */
async function play({ only, seed: named, from, to }: Batch): Promise<readonly Played[]> {
  const world: World = await WORLDS[only]();
  return withCrypto(async () => {
    const runs: Played[] = [];
    for (let number = from; number < to; number += 1) {
      const seed = seedOf(named, number);
      runs.push({ ...(await world.play(world.createPlan(seed))), seed });
    }
    return runs;
  });
}

if (!isMainThread && parentPort !== null) {
  // Nothing of the broker is loaded before the first batch.
  plant(workerData ?? []);
  parentPort.on('message', async (batch: Batch) => parentPort?.postMessage(await play(batch)));
}
