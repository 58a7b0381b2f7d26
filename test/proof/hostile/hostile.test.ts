import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { ALL_CASES, CASES, KINDS } from './catalogue.ts';
import { cellOf, PLACES } from './places.ts';
import { MOST_HEAP_GROWTH_MB, runCases } from './run.ts';

vi.setConfig({ testTimeout: 240_000 });

/** All cases take minutes (`npm run hostile`): one of so many is played, of all kinds alike, and four of each place. */
const EVERY = 17;
const LEAST_OF_A_PLACE = 4;

describe('the catalogue', () => {
  test('holds 500 kinds of answer and more, each of another name, each played somewhere', () => {
    const names = KINDS.map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(500);
    expect(names.length).toBe(new Set(names).size);
    const played = new Set(CASES.map(({ kind }) => kind.name));
    expect(names.filter((name) => !played.has(name))).toEqual([]);
  });

  test('plays at every place, and has a cell for every case: 200 if a token is known that is still good', () => {
    expect(new Set(CASES.map(({ place }) => place))).toEqual(new Set(PLACES));
    for (const { kind, place, isKnown } of ALL_CASES) {
      const { status } = cellOf(place, kind.means[place.scope], isKnown);
      if (isKnown) expect(status).toBe(200);
      else expect(status).toBeGreaterThanOrEqual(200);
    }
  });
});

describe('what callers get', () => {
  test.each(PLACES.map((place) => [place.name, place] as const))('at %s', async (_name, place) => {
    const own = CASES.filter((played) => played.place === place);
    const every = Math.min(EVERY, Math.floor(own.length / LEAST_OF_A_PLACE));
    const cases = own.filter((_played, at) => at % every === 0);
    expect(cases.length).toBeGreaterThanOrEqual(LEAST_OF_A_PLACE);
    const summary = await runCases(cases);
    expect(summary.violations).toEqual([]);
    expect(summary.heapGrowthMb ?? 0).toBeLessThan(MOST_HEAP_GROWTH_MB);
  });
});

describe('the command', () => {
  const run = (...parameters: readonly string[]) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, 'main.ts'), ...parameters]);

  test('plays what it is told to, and sums up', async () => {
    const { stdout } = await run('--only', 'client credentials: status: 5');
    expect(stdout).toMatch(/^kinds of answer +24 of \d{3,}$/m);
    expect(stdout).toMatch(/^cases +24$/m);
    expect(stdout).toMatch(/^hangs +0$/m);
    expect(stdout).toMatch(/^wrong cells +0$/m);
    expect(stdout).toMatch(/^heap growth +-?\d+\.\d MB$/m);
  });

  test('says what it does', async () => {
    expect((await run('--help')).stdout).toContain('--only NAME');
  });

  test('refuses a name that no case has', async () => {
    await expect(run('--only', 'no such case')).rejects.toMatchObject({ code: 1 });
  });
});
