import { defineConfig } from 'vitest/config';

/** The tests of the decisions: what mutation testing runs for each mutant. */
export default defineConfig({
  test: {
    include: ['test/{core,oauth,zitadel,broker}/**/*.test.ts', 'test/http/door.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
  },
});
