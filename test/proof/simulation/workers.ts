import { registerHooks } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { add, type Batch, type Figures, NOTHING } from './figures.ts';
import type { Mutant } from './mutants.ts';

const BATCH = 50;
/** Where the first violation ends it: what comes after it is not played. */
const SMALL_BATCH = 1;
const MOST_VIOLATIONS = 10;

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

/** Makes the runs, each worker its share; after so many broken promises there is enough to do. */
export function simulate({ workers, until, changes, onProgress, ...all }: Shared): Promise<Figures> {
  let figures = NOTHING;
  let next = all.from;
  const underWay = new Map<Worker, number>();
  return new Promise((resolve, reject) => {
    let working = workers;
    const give = (worker: Worker): void => {
      const { violations } = figures;
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
      worker.on('message', (done: Figures) => {
        figures = add(figures, done);
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

if (!isMainThread && parentPort !== null) {
  plant(workerData ?? []);
  // Only now may anything of the broker be loaded.
  const { runBatch } = await import('./batch.ts');
  parentPort.on('message', async (batch: Batch) => parentPort?.postMessage(await runBatch(batch)));
}
