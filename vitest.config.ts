import { defineConfig } from 'vitest/config';

/** Takes both cores for itself: it goes last, and by itself. */
const SIMULATION = 'test/simulation/simulation.test.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: { name: 'tests', include: ['test/**/*.test.ts'], exclude: [SIMULATION], sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: 'simulation', include: [SIMULATION], sequence: { groupOrder: 1 } } },
    ],
  },
});
