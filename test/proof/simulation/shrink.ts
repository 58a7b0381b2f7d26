import type { Item, Plan } from './plan.ts';
import { type Run, runPlan } from './run.ts';

/** A history that cannot be made shorter, and what it breaks. */
export interface Shrunk {
  readonly plan: Plan;
  readonly run: Run;
}

/**
 * Leaves out of a history all that its violation does not need: halves first, then ever smaller parts, until no single
 * item can go. What is left breaks the same promise.
 * @param onTry is told how many items are left, after each history that was tried
 */
export async function shrink(plan: Plan, invariant: string, onTry: (items: number) => void): Promise<Shrunk> {
  const breaks = async (items: readonly Item[]): Promise<Run | undefined> => {
    const run = await runPlan({ ...plan, items });
    return run.violation?.invariant === invariant ? run : undefined;
  };
  let items = plan.items;
  let found = await breaks(items);
  if (found === undefined) throw new Error(`this history does not break: ${invariant}`);
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < items.length; ) {
      const fewer = [...items.slice(0, from), ...items.slice(from + size)];
      const run = await breaks(fewer);
      if (run === undefined) from += size;
      else {
        items = fewer;
        found = run;
      }
      onTry(items.length);
    }
  }
  return { plan: { ...plan, items }, run: found };
}
