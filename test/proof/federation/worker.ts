import { registerHooks } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Mutant } from './mutants.ts';

/** What a broken broker is given to do. */
interface Task {
  readonly mutant: Mutant;
  readonly seed: string;
  readonly from: number;
  readonly runs: number;
}

/** What was found, and by which assertion or history. */
export interface Found {
  readonly what: string;
  readonly at: number;
}

/** Plays assertions or histories against a broker with a mutant's faults. @returns what was found, if anything was */
export function findMutant(task: Task): Promise<Found | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: task });
    worker.on('error', reject);
    worker.on('message', (found: Found | undefined) => {
      worker.terminate().then(() => resolve(found), reject);
    });
  });
}

/** Changes sources of the broker as they are loaded. */
function plant(changes: Mutant['changes']): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      let source = loaded.source;
      for (const { file, from, to } of changes) {
        if (!url.endsWith(`/lib/${file}`)) continue;
        const text = String(source);
        if (text.split(from).length !== 2) throw new Error(`not once in ${file}: ${from}`);
        source = text.replace(from, () => to);
      }
      return { ...loaded, source };
    },
  });
}

async function work({ mutant, seed, from, runs }: Task): Promise<Found | undefined> {
  plant(mutant.changes);
  // Only now may anything of the broker be loaded.
  if (mutant.breaks !== undefined) {
    const { runHistories } = await import('./histories.ts');
    const { breaches, histories } = await runHistories({ runs, seed, from, until: mutant.breaks });
    const breach = breaches.find(({ promise }) => promise === mutant.breaks);
    return breach && { what: breach.what, at: from + histories - 1 };
  }
  const { runAssertions } = await import('./run.ts');
  const { counterexample, assertions } = await runAssertions({ runs, seed, from });
  return counterexample && { what: counterexample.what, at: from + assertions - 1 };
}

if (!isMainThread && parentPort !== null) parentPort.postMessage(await work(workerData as Task));
