import type { Violation } from './run.ts';

/** Made of things that happen, each of which can be left out. */
interface History {
  readonly items: readonly unknown[];
}

/** A history that cannot be made shorter, and the run that breaks a promise with it. */
export interface Shrunk<P extends History, R> {
  readonly plan: P;
  readonly run: R;
}

/**
 * Leaves out of a history all that its violation does not need: halves first, then ever smaller parts, until no single
 * item can go. What is left breaks the same promise.
 * @param onTry is told how many items are left, after each history that was tried
 */
export async function shrink<P extends History, R extends { readonly violation?: Violation }>(
  plan: P,
  invariant: string,
  { play, onTry }: { play: (plan: P) => Promise<R>; onTry: (items: number) => void },
): Promise<Shrunk<P, R>> {
  const breaks = async (items: readonly unknown[]): Promise<R | undefined> => {
    const run = await play({ ...plan, items });
    return run.violation?.invariant === invariant ? run : undefined;
  };
  let { items } = plan;
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
