import { defineConfig } from 'vitest/config';

/** Takes both cores for itself: it goes last, and by itself. */
const SIMULATION = 'test/proof/simulation/simulation.test.ts';

/** Its files share their modules, which saves half of their time: they are of functions, on a fake clock. */
const SHARING = 'unit';

/** A folder of `test`, by whose name its tests are reported. */
const group = (name: string) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude: [SIMULATION],
    isolate: name !== SHARING,
    sequence: { groupOrder: 0 },
  },
});

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    projects: [
      ...['unit', 'support', 'infra', 'journeys', 'proof'].map(group),
      { extends: true, test: { name: 'simulation', include: [SIMULATION], sequence: { groupOrder: 1 } } },
    ],
  },
});
