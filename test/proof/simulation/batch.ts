import { withCrypto } from './crypto.ts';
import { add, type Batch, type Figures, NOTHING } from './figures.ts';
import { WORLDS, type World } from './worlds.ts';

/** The seed of one run of a batch. */
export const seedOf = (seed: string, run: number): string => `${seed}-${run}`;

/** Makes the runs of a batch. */
export function runBatch({ only, seed: named, from, to }: Batch): Promise<Figures> {
  const world: World = WORLDS[only];
  return withCrypto(async () => {
    let figures = NOTHING;
    for (let number = from; number < to; number += 1) {
      const seed = seedOf(named, number);
      const { faults, violation, ...run } = await world.play(world.createPlan(seed));
      const violations = violation === undefined ? [] : [{ ...violation, seed }];
      figures = add(figures, { ...NOTHING, ...run, runs: 1, faults: Object.fromEntries(faults), violations });
    }
    return figures;
  });
}
