import type { History, Run, World } from './worlds.ts';

/** When runs begin: an instant in epoch milliseconds. */
export const START = 1_795_438_700_000;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;

/** Members that a line leaves out: they say nothing, or what another one says. */
const UNTOLD: ReadonlySet<string> = new Set(['before', 'sealed', 'audience', 'account', 'profile', 'lifeMs', 'sentAt']);

function abridge(name: string, value: unknown): unknown {
  if (UNTOLD.has(name)) return undefined;
  // Tokens go by their numbers: no secret is told.
  if (typeof value === 'string') return value.replace(/\w+-token-(\d+)-\w+/g, 'token $1');
  return typeof value === 'number' && value > START / 2 ? seconds(value - START) : value;
}

/** What happens at a time, in milliseconds from the start, in a line. */
export const lineOf = (atMs: number, what: string, facts: object = {}): string =>
  `${seconds(atMs).padStart(12)}  ${what} ${JSON.stringify(facts, abridge)}`;

/** A history in lines: what was made to happen, then what came of it, up to the violation. */
export async function tell(world: World, plan: History): Promise<string> {
  const lines: string[] = [];
  const { violation } = await world.play(plan, (line) => lines.push(line));
  const { items, ...shape } = plan;
  const made = items.map(({ at, kind, ...facts }) => lineOf(at, kind, facts));
  const end = violation === undefined ? 'no violation' : `VIOLATION of "${violation.invariant}": ${violation.what}`;
  return [JSON.stringify(shape), 'made to happen:', ...made, 'what came of it:', ...lines, end].join('\n');
}

/**
 * Leaves out of a history all that its violation does not need: halves first, then ever smaller parts, until no single
 * item can go. What is left breaks the same promise.
 * @param onTry is told how many items are left, after each history that was tried
 */
export async function shrink(
  { play }: World,
  plan: History,
  invariant: string,
  onTry: (items: number) => void = () => undefined,
): Promise<{ readonly plan: History; readonly run: Run }> {
  const breaking = async (items: History['items']): Promise<Run | undefined> => {
    const run = await play({ ...plan, items });
    return run.violation?.invariant === invariant ? run : undefined;
  };
  let { items } = plan;
  let found = await breaking(items);
  if (found === undefined) throw new Error(`this history does not break: ${invariant}`);
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < items.length; ) {
      const fewer = items.toSpliced(from, size);
      const run = await breaking(fewer);
      if (run === undefined) from += size;
      else [items, found] = [fewer, run];
      onTry(items.length);
    }
  }
  return { plan: { ...plan, items }, run: found };
}
