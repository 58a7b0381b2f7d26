import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const { MUTATED_ROOM: room = '*' } = process.env;

/** Rooms that bring others together are seen at work too, over real sockets. */
const JOURNEYS: Readonly<Record<string, string>> = {
  // Not those that start processes, which would not be changed, nor the figures, which show nothing more.
  broker: 'test/journeys/!(start|figures).test.ts',
  http: 'test/journeys/{exchange,introspection,metadata,revocation}.test.ts',
};

/** The room's own tests stand before the journeys in the alphabet, and are quicker: most changes need no journey. */
class Alphabetical extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/** What mutation testing (test/mutation/main.ts) runs for each change in a room. */
export default defineConfig({
  test: {
    include: [`test/${room}/**/*.test.ts`, JOURNEYS[room] ?? []].flat(),
    pool: 'forks',
    sequence: { sequencer: Alphabetical },
    testTimeout: 30_000,
  },
});
