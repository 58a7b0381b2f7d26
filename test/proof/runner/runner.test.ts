import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createPlan, type Item, type Plan } from '../simulation/plan.ts';
import { BROKER } from '../simulation/world.ts';
import { withCrypto } from './crypto.ts';
import { shrink, tell } from './history.ts';
import { simulate } from './workers.ts';
import { WORLDS, type WorldName } from './worlds.ts';

// All of it is bounded by its number of runs: a busy machine needs minutes for them.
vi.setConfig({ testTimeout: 1_800_000 });

type Regression = { readonly found: string; readonly plan: Plan };
const [first, ...others]: [Regression, ...Regression[]] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../simulation/regressions.json'), 'utf8'),
);

/** How often kinds must be counted: what is never met would prove nothing. */
interface Least {
  readonly kinds: number;
  readonly requests: number;
  /** Each kind, but for `more`, which names kinds, or the headings before their colons. */
  readonly each: number;
  readonly more?: Readonly<Record<string, number>>;
}

/** Parts and decisions of events. */
const EVENTS = {
  ...{ version: 5000, endpoint: 1500, edits: 800, 'status: 200': 6000, 'status: 400 invalid_grant': 20, status: 50 },
  ...{
    'status: 400 invalid_request': 2000,
    'status: 401 invalid_client': 2000,
    'status: 403 unauthorized_client': 2000,
  },
  ...{ identity: 40, path: 100, extras: 300, form: 2000, change: 20, spelling: 80, envelope: 80, contentType: 100 },
};

const DECISIONS = { '200': 1000, '400 invalid_request': 200, '401 invalid_client': 2000 };
const OF_ISSUERS = { 'answers 200': 50, 'answers 401': 50, 'answers 503': 50, rotate: 50, restart: 50, flood: 50 };

test.each<[to: number, only: WorldName, least: Least]>([
  [2000, 'broker', { kinds: 45, requests: 350_001, each: 1 }],
  [200, 'rotation', { kinds: 14, requests: 10_000, each: 1 }],
  [20_000, 'events', { kinds: 190, requests: 20_000, each: 3, more: EVENTS }],
  [5000, 'assertions', { kinds: 39, requests: 5000, each: 100, more: DECISIONS }],
  [100, 'issuers', { kinds: 24, requests: 5000, each: 20, more: OF_ISSUERS }],
])('%i histories of the world %s break no promise', async (to, only, { kinds, requests, each, more = {} }) => {
  const figures = await simulate({ only, seed: 'test', from: 0, to, workers: 2 });
  expect(figures.violations).toEqual([]);
  expect(figures.runs).toBe(to);
  expect(figures.requests).toBeGreaterThanOrEqual(requests);
  const world = await WORLDS[only]();
  const leastOf = (kind: string) => more[kind] ?? more[kind.split(': ')[0] ?? ''] ?? each;
  expect(world.kinds.filter((kind) => (figures.counts[kind] ?? 0) < leastOf(kind))).toEqual([]);
  expect(world.kinds.length).toBeGreaterThanOrEqual(kinds);
});

test('what was stopped goes on with the run that it names', async () => {
  const told: number[] = [];
  const onProgress = (_figures: unknown, next: number) => void told.push(next);
  const figures = await simulate({ only: 'broker', seed: 'test', from: 1998, to: 2000, workers: 2, onProgress });
  expect([figures.runs, told]).toEqual([2, [2000]]);
});

/** Histories that broke a promise once, shrunk: what was found is mended. */
test.each([first, ...others])('no longer: $found', async ({ plan }) => {
  expect((await withCrypto(() => BROKER.play(plan))).violation).toBeUndefined();
});

test('a history is shrunk to what breaks the promise', async () => {
  const refusing: Item = { kind: 'fault', at: 0, fault: 'zitadel_refuses', from: 0, until: 9_999_999, share: 1 };
  const asks = createPlan('shrunk').items.filter(({ kind }) => kind === 'ask');
  // It says that its faults have ended long ago, and yet they go on.
  const plan: Plan = { ...first.plan, faultsUntil: -60_000, items: [...asks, refusing] };
  const promise = 'without faults, and soon after them, all is well';
  const shortest = await withCrypto(() => shrink(BROKER, plan, promise));
  expect(shortest.run.violation?.what).toMatch(/got 502$/);
  expect(shortest.plan.items.map(({ kind }) => kind).sort()).toEqual(['ask', 'fault']);
});

test('a seed tells the same history every time', async () => {
  await withCrypto(async () => {
    const plan = createPlan('same-7');
    const told = await tell(BROKER, plan);
    expect(told.split('\n').length).toBeGreaterThan(200);
    expect(await tell(BROKER, plan)).toBe(told);
  });
});
