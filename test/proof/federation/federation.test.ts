import { beforeAll, describe, expect, test } from 'vitest';
import { CHANGES } from './changes.ts';
import { type HistoryFigures, PROMISES, runHistories } from './histories.ts';
import { FOUND_AT, MUTANTS } from './mutants.ts';
import { type Figures, runAssertions, VIOLATIONS } from './run.ts';
import { findMutant } from './worker.ts';

const ASSERTIONS = 5_000;
const HISTORIES = 100;
/** Generous: other programs may have most of the machine. */
const LIMIT_MS = 600_000;

describe(`${ASSERTIONS} generated assertions`, () => {
  let figures: Figures;
  beforeAll(async () => {
    figures = await runAssertions({ runs: ASSERTIONS, seed: '1' });
  }, LIMIT_MS);

  test('none is uncaught, answered 5xx, or decided otherwise than the second verifier says', () => {
    expect(figures.counterexample).toBeUndefined();
    expect(figures.violations).toEqual(Object.fromEntries(VIOLATIONS.map((kind) => [kind, 0])));
    expect(figures.assertions).toBe(ASSERTIONS);
  });

  // What is never met would prove nothing.
  test.each([
    ['200', 1_000],
    ['401 invalid_client', 2_000],
    ['403 unauthorized_client', 100],
    ['400 invalid_request', 200],
    ...Object.keys(CHANGES).map((name): [string, number] => [name, 100]),
  ])('%s is met', (name, least) => expect(figures.tally[name]).toBeGreaterThanOrEqual(least));
});

describe(`${HISTORIES} histories of an issuer that rotates, vanishes and lies`, () => {
  let figures: HistoryFigures;
  beforeAll(async () => {
    figures = await runHistories({ runs: HISTORIES, seed: '1' });
  }, LIMIT_MS);

  test('keep every promise', () => {
    expect(figures).toMatchObject({ histories: HISTORIES, breaches: [] });
  });

  test.each(['answers 200', 'answers 401', 'answers 503', 'rotate', 'restart', 'flood'])('%s is met', (name) =>
    expect(figures.tally[name]).toBeGreaterThanOrEqual(50),
  );
});

test('there is a mutant for each promise', () => {
  expect(new Set(MUTANTS.flatMap(({ breaks = [] }) => breaks))).toEqual(new Set(PROMISES));
});

test('assertions are left out for mutants that there are', () => {
  const names = MUTANTS.map(({ name }) => name);
  expect(Object.keys(FOUND_AT).filter((name) => !names.includes(name))).toEqual([]);
});

test.concurrent.each(MUTANTS)('the broker that $name is found out', { timeout: LIMIT_MS }, async (mutant) => {
  const from = FOUND_AT[mutant.name] ?? 0;
  const runs = mutant.breaks === undefined ? 20_000 : 500;
  expect(await findMutant({ mutant, seed: 'mutant', from, runs })).toBeDefined();
});
