import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { seedOf } from './batch.ts';
import { withCrypto } from './crypto.ts';
import { shrink, tell } from './history.ts';
import { createPlan, type Item, type Plan } from './plan.ts';
import { simulate } from './workers.ts';
import { WORLDS } from './worlds.ts';

// All of it is bounded by its number of runs: a busy machine needs minutes for them.
vi.setConfig({ testTimeout: 1_800_000 });

type Regression = { readonly found: string; readonly plan: Plan };
const [first, ...others]: [Regression, ...Regression[]] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'regressions.json'), 'utf8'),
);

test.each([
  { only: 'broker', to: 2000, kinds: 20, requests: 350_000 },
  { only: 'rotation', to: 200, kinds: 14, requests: 0 },
] as const)('$to histories of the $only break no promise', async ({ only, to, kinds, requests }) => {
  const figures = await simulate({ only, seed: 'test', from: 0, to, workers: 2 });
  expect(figures.violations).toEqual([]);
  expect(figures.requests).toBeGreaterThan(requests);
  // Faults that are never met would prove nothing.
  const { faults } = WORLDS[only];
  expect(faults.filter((kind) => (figures.faults[kind] ?? 0) === 0)).toEqual([]);
  expect(faults.length).toBeGreaterThanOrEqual(kinds);
});

test('what was stopped goes on with the run that it names', async () => {
  const told: number[] = [];
  const onProgress = (_figures: unknown, next: number) => void told.push(next);
  const figures = await simulate({ only: 'broker', seed: 'test', from: 1998, to: 2000, workers: 2, onProgress });
  expect([figures.runs, told]).toEqual([2, [2000]]);
});

/** Histories that broke a promise once, shrunk: what was found is mended. */
test.each([first, ...others])('no longer: $found', async ({ plan }) => {
  expect((await withCrypto(() => WORLDS.broker.play(plan))).violation).toBeUndefined();
});

test('a history is shrunk to what breaks the promise', async () => {
  const refusing: Item = { kind: 'fault', at: 0, fault: 'zitadel_refuses', from: 0, until: 9_999_999, share: 1 };
  const asks = createPlan('shrunk').items.filter(({ kind }) => kind === 'ask');
  // It says that its faults have ended long ago, and yet they go on.
  const plan: Plan = { ...first.plan, faultsUntil: -60_000, items: [...asks, refusing] };
  const promise = 'without faults, and soon after them, all is well';
  const shortest = await withCrypto(() => shrink(WORLDS.broker, plan, promise));
  expect(shortest.run.violation?.what).toMatch(/got 502$/);
  expect(shortest.plan.items.map(({ kind }) => kind).sort()).toEqual(['ask', 'fault']);
});

test('a seed tells the same history every time', async () => {
  await withCrypto(async () => {
    const plan = createPlan(seedOf('same', 7));
    const told = await tell(WORLDS.broker, plan);
    expect(told.split('\n').length).toBeGreaterThan(200);
    expect(await tell(WORLDS.broker, plan)).toBe(told);
  });
});
