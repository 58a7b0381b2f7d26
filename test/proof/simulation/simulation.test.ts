import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { ROTATION_FAULTS } from '../rotation/plan.ts';
import { seedOf, withCrypto } from './batch.ts';
import { FAULT_KINDS } from './faults.ts';
import { tell } from './history.ts';
import { createPlan, type Item, type Plan } from './plan.ts';
import { runPlan } from './run.ts';
import { shrink } from './shrink.ts';
import { simulate } from './workers.ts';

// All of it is bounded by its number of runs: a busy machine needs minutes for them.
vi.setConfig({ testTimeout: 1_800_000 });

type Regression = { readonly found: string; readonly plan: Plan };
const [first, ...others]: [Regression, ...Regression[]] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'regressions.json'), 'utf8'),
);

test('2,000 histories of faults break no promise', async () => {
  const figures = await simulate({ seed: 'test', from: 0, runs: 2000, workers: 2 });
  expect(figures.violations).toEqual([]);
  expect(figures.requests).toBeGreaterThan(350_000);
  // Faults that are never met would prove nothing.
  expect(FAULT_KINDS.filter((kind) => (figures.faults[kind] ?? 0) === 0)).toEqual([]);
  expect(FAULT_KINDS.length).toBeGreaterThanOrEqual(20);
});

test('200 histories of rotations break no promise', async () => {
  const figures = await simulate({ only: 'rotation', seed: 'test', from: 0, runs: 200, workers: 2 });
  expect(figures.violations).toEqual([]);
  expect(ROTATION_FAULTS.filter((kind) => (figures.faults[kind] ?? 0) === 0)).toEqual([]);
});

test('what was stopped goes on with the run that it names', async () => {
  const told: number[] = [];
  const onProgress = (_figures: unknown, next: number) => void told.push(next);
  const figures = await simulate({ seed: 'test', from: 1998, runs: 2000, workers: 2, onProgress });
  expect([figures.runs, told]).toEqual([2, [2000]]);
});

/** Histories that broke a promise once, shrunk: what was found is mended. */
test.each([first, ...others])('no longer: $found', async ({ plan }) => {
  expect((await withCrypto(() => runPlan(plan))).violation).toBeUndefined();
});

test('a history is shrunk to what breaks the promise', async () => {
  const refusing: Item = { kind: 'fault', at: 0, fault: 'zitadel_refuses', from: 0, until: 9_999_999, share: 1 };
  const asks = createPlan('shrunk').items.filter(({ kind }) => kind === 'ask');
  // It says that its faults have ended long ago, and yet they go on.
  const plan: Plan = { ...first.plan, faultsUntil: -60_000, items: [...asks, refusing] };
  const promise = 'without faults, and soon after them, all is well';
  const shortest = await withCrypto(() => shrink(plan, promise, { play: runPlan, onTry: () => undefined }));
  expect(shortest.run.violation?.what).toMatch(/got 502$/);
  expect(shortest.plan.items.map(({ kind }) => kind).sort()).toEqual(['ask', 'fault']);
});

test('a seed tells the same history every time', async () => {
  await withCrypto(async () => {
    const plan = createPlan(seedOf('same', 7));
    const told = await tell(plan);
    expect(told.split('\n').length).toBeGreaterThan(200);
    expect(await tell(plan)).toBe(told);
  });
});
