import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Takes both cores for itself: it goes last, and by itself. */
const SIMULATION = 'test/proof/runner/runner.test.ts';

/** These take longest, the longest first: they begin first, so that at the end no core waits for one of them. */
const LONG = [
  'test/proof/runner/mutants.test.ts',
  'test/proof/hostile/hostile.test.ts',
  'test/infra/template/rules.test.ts',
  'test/proof/model/lease-model.test.ts',
  'test/journeys/start.test.ts',
  'test/proof/processes/network.test.ts',
  'test/infra/template.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((file) => moduleId.endsWith(file));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

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
    testTimeout: 120_000,
    hookTimeout: 240_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      ...['unit', 'support', 'infra', 'journeys', 'proof'].map(group),
      {
        extends: true,
        test: {
          name: 'client',
          include: ['client/test/**/*.test.ts'],
          globalSetup: 'client/test/packed.ts',
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'simulation', include: [SIMULATION], sequence: { groupOrder: 1 } } },
    ],
  },
});
