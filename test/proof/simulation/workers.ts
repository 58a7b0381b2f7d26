import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { add, type Batch, type Figures, NOTHING, runBatch, type WorldName } from './batch.ts';

const BATCH = 50;
/** Where the first violation ends it: what comes after it is not played. */
const SMALL_BATCH = 1;
const MOST_VIOLATIONS = 10;

/** Runs that are shared among workers. */
export interface Shared {
  readonly only?: WorldName;
  readonly seed: string;
  /** The number of the first one; the earlier ones were played before. */
  readonly from: number;
  readonly runs: number;
  readonly workers: number;
  /** A promise: once it is broken, there is enough to do. */
  readonly until?: string | undefined;
  /** Gets the figures so far, after each batch, and up to which number all runs are done. */
  readonly onProgress?: (figures: Figures, next: number) => void;
}

/** Makes the runs, each core its share; after so many broken promises there is enough to do. */
export function simulate({ only = 'broker', seed, from, runs, workers, until, onProgress }: Shared): Promise<Figures> {
  let figures = NOTHING;
  let next = from;
  const underWay = new Map<Worker, number>();
  return new Promise((resolve, reject) => {
    let working = 0;
    const give = (worker: Worker): void => {
      const isFound = figures.violations.some(({ invariant }) => invariant === until);
      if (next >= runs || isFound || (until === undefined && figures.violations.length >= MOST_VIOLATIONS)) {
        working -= 1;
        worker.terminate().then(() => {
          if (working === 0) resolve(figures);
        }, reject);
        return;
      }
      const size = until === undefined ? BATCH : SMALL_BATCH;
      const batch: Batch = { only, seed, from: next, runs: Math.min(size, runs - next) };
      next += batch.runs;
      underWay.set(worker, batch.from);
      worker.postMessage(batch);
    };
    for (let index = 0; index < workers; index += 1) {
      const worker = new Worker(new URL(import.meta.url));
      working += 1;
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

if (!isMainThread) parentPort?.on('message', async (batch: Batch) => parentPort?.postMessage(await runBatch(batch)));
