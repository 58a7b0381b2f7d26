import { takeCryptoOver } from './crypto.ts';
import type { FaultKind } from './faults.ts';
import type { OutageCount } from './invariants/token-requests.ts';
import { createPlan } from './plan.ts';
import { runPlan, type Violation } from './run.ts';
import { SIGNING_KEY } from './setting.ts';

/** Runs one after the other, named by a seed and their number. */
export interface Batch {
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
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
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
  for (const [name, count] of Object.entries(b.faults) as [FaultKind, number][]) {
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
  const giveBack = takeCryptoOver(SIGNING_KEY);
  try {
    return await work();
  } finally {
    giveBack();
  }
}

/** Makes the runs of a batch. */
export function runBatch({ seed, from, runs }: Batch): Promise<Figures> {
  return withCrypto(async () => {
    let figures = NOTHING;
    for (let run = from; run < from + runs; run += 1) {
      const outages = { sent: 0, offered: 0 };
      const plan = createPlan(seedOf(seed, run));
      const { requests, events, faults, violation } = await runPlan(plan, { outages });
      figures = add(figures, {
        runs: 1,
        requests,
        events,
        outages,
        faults: Object.fromEntries(faults),
        violations: violation === undefined ? [] : [{ ...violation, seed: plan.seed }],
      });
    }
    return figures;
  });
}
