import { defineConfig } from 'vitest/config';

const { MUTATED_ROOM: room = '*' } = process.env;

/**
 * What mutation testing (test/proof/mutation/main.ts) runs for each change in a room: the room's own tests, which are quick
 * and need no socket of another process.
 */
export default defineConfig({
  test: { include: [`test/unit/${room}/**/*.test.ts`], pool: 'forks', testTimeout: 30_000 },
});
