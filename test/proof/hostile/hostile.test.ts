import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ALL_CASES, CASES, KINDS, sliceOf } from './catalogue.ts';
import { cellOf } from './cells.ts';
import { MOST_HEAP_GROWTH_MB } from './heap.ts';
import { PLACES } from './places.ts';
import { runCases, wrongs } from './run.ts';

/** All cases take minutes (`npm run hostile`); so many are chosen from all kinds alike, and some of each place. */
const SLICE = 300;
const LEAST_OF_A_PLACE = 4;
const PATIENCE_MS = 240_000;

describe('the catalogue', () => {
  test('holds 500 kinds of answer and more, each of another name, each played somewhere', () => {
    const names = KINDS.map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(500);
    expect(names.length).toBe(new Set(names).size);
    const played = new Set(CASES.map(({ kind }) => kind.name));
    expect(names.filter((name) => !played.has(name))).toEqual([]);
  });

  test('plays at every place, and has a cell for every case', () => {
    expect(new Set(CASES.map(({ place }) => place))).toEqual(new Set(PLACES));
    for (const { kind, place, isKnown } of ALL_CASES) {
      expect(cellOf(place, kind.means[place.scope], isKnown).status).toBeGreaterThanOrEqual(200);
    }
  });

  test('has nothing but 200 where a token is known that is still good', () => {
    const known = ALL_CASES.filter(({ isKnown }) => isKnown);
    const statuses = known.map(({ kind, place }) => cellOf(place, kind.means[place.scope], true).status);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe('what callers get', () => {
  const slice = new Set(sliceOf(CASES, SLICE));

  test.each(PLACES.map((place) => [place.name, place] as const))(
    'at %s',
    async (_name, place) => {
      const own = CASES.filter((played) => played.place === place);
      const drawn = own.filter((played) => slice.has(played));
      const cases = drawn.length < LEAST_OF_A_PLACE ? sliceOf(own, LEAST_OF_A_PLACE) : drawn;
      expect(cases.length).toBeGreaterThanOrEqual(LEAST_OF_A_PLACE);
      const summary = await runCases(cases);
      expect(wrongs(summary)).toEqual([]);
      expect(summary.heapGrowthMb ?? 0).toBeLessThan(MOST_HEAP_GROWTH_MB);
    },
    PATIENCE_MS,
  );
});

describe('the command', () => {
  const run = promisify(execFile);
  const main = join(import.meta.dirname, 'main.ts');

  test(
    'plays what it is told to, and sums up',
    async () => {
      const { stdout } = await run(process.execPath, [main, '--only', 'client credentials: status: 5']);
      expect(stdout).toMatch(/^kinds of answer +24 of \d{3,}$/m);
      expect(stdout).toMatch(/^cases +24$/m);
      expect(stdout).toMatch(/^hangs +0$/m);
      expect(stdout).toMatch(/^wrong cells +0$/m);
      expect(stdout).toMatch(/^heap growth +-?\d+\.\d MB$/m);
    },
    PATIENCE_MS,
  );

  test(
    'says what it does',
    async () => {
      expect((await run(process.execPath, [main, '--help'])).stdout).toContain('--only NAME');
    },
    PATIENCE_MS,
  );

  test(
    'refuses a name that no case has',
    async () => {
      await expect(run(process.execPath, [main, '--only', 'no such case'])).rejects.toMatchObject({ code: 1 });
    },
    PATIENCE_MS,
  );
});
