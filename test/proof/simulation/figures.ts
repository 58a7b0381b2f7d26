import type { Violation, WorldName } from './worlds.ts';

/** Runs one after the other, named by a seed and their numbers: from `from` up to, but not including, `to`. */
export interface Batch {
  readonly only: WorldName;
  readonly seed: string;
  readonly from: number;
  readonly to: number;
}

/** What runs came to, summed up. */
export interface Figures {
  readonly runs: number;
  readonly requests: number;
  readonly events: number;
  readonly outages: { readonly sent: number; readonly offered: number };
  /** How often each fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
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

/** Adds up the figures of two batches. */
export function add(a: Figures, b: Figures): Figures {
  const faults = { ...a.faults };
  for (const [name, count] of Object.entries(b.faults)) faults[name] = (faults[name] ?? 0) + count;
  return {
    runs: a.runs + b.runs,
    requests: a.requests + b.requests,
    events: a.events + b.events,
    outages: { sent: a.outages.sent + b.outages.sent, offered: a.outages.offered + b.outages.offered },
    faults,
    violations: [...a.violations, ...b.violations],
  };
}
