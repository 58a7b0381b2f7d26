import { PROMISES } from '../rotation/judge.ts';
import { createPlan as createRotationPlan, ROTATION_FAULTS, type RotationFaultKind } from '../rotation/plan.ts';
import { playRotation } from '../rotation/world.ts';
import { takeCryptoOver } from './crypto.ts';
import { FAULT_KINDS, type FaultKind } from './faults.ts';
import type { OutageCount } from './invariants/token-requests.ts';
import { createPlan } from './plan.ts';
import { INVARIANTS, runPlan, type Violation } from './run.ts';

/** What is simulated: the broker, or the rotation of keys under it. */
export const WORLDS = {
  broker: { faults: FAULT_KINDS, promises: INVARIANTS },
  rotation: { faults: ROTATION_FAULTS, promises: Object.values(PROMISES) },
} as const;
export type WorldName = keyof typeof WORLDS;

/** Runs one after the other, named by a seed and their number. */
export interface Batch {
  readonly only: WorldName;
  readonly seed: string;
  readonly from: number;
  readonly runs: number;
}

/** What runs came to, summed up. */
export interface Figures {
  readonly runs: number;
  readonly requests: number;
  readonly events: number;
  readonly outages: OutageCount;
  readonly faults: Readonly<Partial<Record<FaultKind | RotationFaultKind, number>>>;
  readonly violations: readonly (Violation & { readonly seed: string })[];
}

export const NOTHING: Figures = {
  runs: 0,
  requests: 0,
  events: 0,
  outages: { sent: 0, offered: 0 },
  faults: {},
  violations: [],
};

/** The seed of one run of a batch. */
export const seedOf = (seed: string, run: number): string => `${seed}-${run}`;

/** Adds up the figures of two batches. */
export function add(a: Figures, b: Figures): Figures {
  const faults = { ...a.faults };
  for (const [name, count] of Object.entries(b.faults) as [FaultKind | RotationFaultKind, number][]) {
    faults[name] = (faults[name] ?? 0) + count;
  }
  return {
    runs: a.runs + b.runs,
    requests: a.requests + b.requests,
    events: a.events + b.events,
    outages: { sent: a.outages.sent + b.outages.sent, offered: a.outages.offered + b.outages.offered },
    faults,
    violations: [...a.violations, ...b.violations],
  };
}

/** Does something with WebCrypto taken over. */
export async function withCrypto<T>(work: () => Promise<T>): Promise<T> {
  const giveBack = takeCryptoOver();
  try {
    return await work();
  } finally {
    giveBack();
  }
}

/** Makes one run. */
async function runOne(only: WorldName, seed: string) {
  const outages = { sent: 0, offered: 0 };
  const run =
    only === 'broker' ? await runPlan(createPlan(seed), { outages }) : await playRotation(createRotationPlan(seed));
  return { ...run, outages };
}

/** Makes the runs of a batch. */
export function runBatch({ only, seed: named, from, runs }: Batch): Promise<Figures> {
  return withCrypto(async () => {
    let figures = NOTHING;
    for (let run = from; run < from + runs; run += 1) {
      const seed = seedOf(named, run);
      const { requests, events, faults, violation, outages } = await runOne(only, seed);
      figures = add(figures, {
        runs: 1,
        requests,
        events,
        outages,
        faults: Object.fromEntries(faults),
        violations: violation === undefined ? [] : [{ ...violation, seed }],
      });
    }
    return figures;
  });
}
