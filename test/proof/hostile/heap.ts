import { setTimeout as realDelay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A run must not leave more than this. */
export const MOST_HEAP_GROWTH_MB = 64;

const MB = 1_048_576;
/** What was closed a moment ago is collected the second time. */
const COLLECTIONS = 3;

function collector(): () => void {
  if (globalThis.gc !== undefined) return globalThis.gc;
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Heap and buffers in use, in MB, after garbage collection. */
export async function heapMb(): Promise<number> {
  const collect = collector();
  for (let count = 0; count < COLLECTIONS; count += 1) {
    await realDelay(20);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MB;
}
