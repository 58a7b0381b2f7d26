import { defineConfig } from 'vitest/config';

const { MUTATED_ROOM: room = '*' } = process.env;

/** Rooms that bring the others together are seen at work too, over real sockets. */
const JOURNEYS = ['broker', 'http'].includes(room) ? ['test/journeys/*.test.ts'] : [];

/** What mutation testing (test/mutation/main.ts) runs for each mutant of a room. */
export default defineConfig({
  test: {
    include: [`test/${room}/**/*.test.ts`, ...JOURNEYS],
    // Started in processes of their own, or for their figures: they would notice nothing, or not more.
    exclude: ['test/journeys/{start,figures}.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
  },
});
