import { beforeAll, describe, expect, test } from 'vitest';
import { CHANGES } from './changes.ts';
import { PROMISES, playHistory } from './histories.ts';
import { createAssertionPlay } from './judge.ts';
import { FOUND_AT, MUTANTS } from './mutants.ts';
import { type Figures, run } from './run.ts';
import { playMutant } from './worker.ts';

/** Generous: other programs may have most of the machine. */
const LIMIT_MS = 600_000;

/** What is played, and how often something must be met at least: what is never met would prove nothing. */
const PLAYED = {
  '5000 generated assertions': {
    runs: 5_000,
    play: createAssertionPlay(),
    met: {
      200: 1_000,
      '401 invalid_client': 2_000,
      '403 unauthorized_client': 100,
      '400 invalid_request': 200,
      ...Object.fromEntries(Object.keys(CHANGES).map((name) => [name, 100])),
    },
  },
  '100 histories of an issuer that rotates, vanishes and lies': {
    runs: 100,
    play: playHistory,
    met: { 'answers 200': 50, 'answers 401': 50, 'answers 503': 50, rotate: 50, restart: 50, flood: 50 },
  },
};

describe.each(Object.entries(PLAYED))('%s', (_name, { runs, play, met }) => {
  let figures: Figures;
  beforeAll(async () => {
    figures = await run(play, { runs, seed: '1' });
  }, LIMIT_MS);

  test('break no rule and no promise', () => expect(figures).toMatchObject({ played: runs, findings: [] }));

  test.each(Object.entries(met))('%s is met', (name, least) =>
    expect(figures.tally[name]).toBeGreaterThanOrEqual(least),
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
  const { findings } = await playMutant({ mutant, seed: 'mutant', from, runs });
  expect(findings.some(({ kind }) => mutant.breaks === undefined || kind === mutant.breaks)).toBe(true);
});
