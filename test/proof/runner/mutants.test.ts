import { expect, test } from 'vitest';
import { FOUND_AT, MUTANTS } from './mutants.ts';
import { simulate } from './workers.ts';
import { WORLD_NAMES, WORLDS } from './worlds.ts';

test('there is a mutant for each promise', async () => {
  const worlds = await Promise.all(WORLD_NAMES.map((name) => WORLDS[name]()));
  const promises = worlds.flatMap((world) => world.promises);
  expect(new Set(MUTANTS.map(({ breaks }) => breaks))).toEqual(new Set(promises));
});

test('histories are left out for mutants that there are', () => {
  const names = MUTANTS.map(({ name }) => name);
  expect(Object.keys(FOUND_AT).filter((name) => !names.includes(name))).toEqual([]);
});

test.concurrent.each(MUTANTS)(
  'the simulation finds out who $name',
  { timeout: 1_800_000 },
  async ({ name, only, breaks, changes }) => {
    const from = FOUND_AT[name] ?? 0;
    const { violations } = await simulate({
      only,
      seed: 'mutant',
      from,
      to: from + 2000,
      workers: 1,
      until: breaks,
      changes,
    });
    expect(violations.map(({ invariant }) => invariant)).toContain(breaks);
  },
);
