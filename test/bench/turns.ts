import { note } from '../support/command.ts';

/** Something for each name. */
export const perName = <Name extends string | number, T>(names: readonly Name[], of: (name: Name) => T) =>
  Object.fromEntries(names.map((name) => [name, of(name)])) as Readonly<Record<Name, T>>;

/** Microseconds of CPU for each of so many calls, one after the other. */
export async function cpuUs(calls: number, call: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let made = 0; made < calls; made += 1) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

/** How often, and how one sample is taken. */
interface Turns<Name, Sample> {
  readonly rounds: number;
  /** Rounds before the others, whose samples do not count. */
  readonly warmUp: number;
  readonly sample: (name: Name) => Promise<Sample>;
}

/**
 * Takes samples of each name in turns, in the reverse order every other round: what slows the machine down affects all
 * alike. Tells after each round how far it is.
 */
export async function inTurns<Name extends string | number, Sample>(
  names: readonly Name[],
  { rounds, warmUp, sample }: Turns<Name, Sample>,
): Promise<Readonly<Record<Name, readonly Sample[]>>> {
  const samples = perName(names, (): Sample[] => []);
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const taken = await sample(name);
      if (round >= 0) samples[name].push(taken);
    }
    if (round >= 0) note(`  ${round + 1} of ${rounds}`);
  }
  return samples;
}
