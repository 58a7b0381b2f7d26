import { once } from 'node:events';
import { registerHooks } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Mutant } from './mutants.ts';
import type { Figures, RunOptions } from './run.ts';

/** What a broken broker is given to do. */
interface Task extends RunOptions {
  readonly mutant: Mutant;
}

/** Plays assertions or histories against a broker with a mutant's faults. */
export async function playMutant(task: Task): Promise<Figures> {
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  // Rejects if the worker throws.
  const [figures] = (await once(worker, 'message')) as [Figures];
  await worker.terminate();
  return figures;
}

/** Changes sources of the broker as they are loaded. */
function plant(changes: Mutant['changes']): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      let source = loaded.source;
      for (const [file, from, to] of changes) {
        if (!url.endsWith(`/lib/${file}`)) continue;
        const text = String(source);
        if (text.split(from).length !== 2) throw new Error(`not once in ${file}: ${from}`);
        source = text.replace(from, () => to);
      }
      return { ...loaded, source };
    },
  });
}

if (!isMainThread && parentPort !== null) {
  const { mutant, ...options } = workerData as Task;
  plant(mutant.changes);
  // Only now may anything of the broker be loaded.
  const { run } = await import('./run.ts');
  const { createAssertionPlay } = await import('./judge.ts');
  const { playHistory } = await import('./histories.ts');
  const play = mutant.breaks === undefined ? createAssertionPlay() : playHistory;
  parentPort.postMessage(await run(play, { ...options, until: mutant.breaks }));
}
