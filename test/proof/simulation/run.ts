import type { Circumstances, Happening, Invariant } from './happening.ts';
import {
  createAudience,
  createLeastLeft,
  createMaxAge,
  createMinValidity,
  createRightRefusal,
  createRightToken,
} from './invariants/handed-out.ts';
import { createSecrecy } from './invariants/secrecy.ts';
import {
  createEarlyDeath,
  createHealth,
  createInTime,
  createIntrospected,
  createReplaced,
} from './invariants/service.ts';
import {
  createGeneration,
  createOneRequest,
  createOutageCalls,
  type OutageCount,
} from './invariants/token-requests.ts';
import type { Plan } from './plan.ts';
import { circumstancesOf, type Played, play } from './world.ts';

/** A promise that a run has broken. */
export interface Violation {
  readonly invariant: string;
  readonly what: string;
  /** The true time, in epoch milliseconds. */
  readonly at: number;
}

/** A run, and the first promise that it broke, if any. */
export interface Run extends Played {
  readonly violation?: Violation;
}

/** All promises, fresh for one run. */
const createInvariants = (circumstances: Circumstances, outages: OutageCount): readonly Invariant[] =>
  [
    createLeastLeft,
    createMinValidity,
    createMaxAge,
    createAudience,
    createRightRefusal,
    createRightToken,
    createOneRequest,
    createGeneration,
    createOutageCalls(outages),
    createInTime,
    createHealth,
    createEarlyDeath,
    createIntrospected,
    createReplaced,
    createSecrecy,
  ].map((create) => create(circumstances));

/** The names of all promises. */
export const INVARIANTS: readonly string[] = createInvariants(
  { isCalm: true, isMild: true, clocksApartMs: 0, faultsUntil: 0 },
  { sent: 0, offered: 0 },
).map(({ name }) => name);

export interface RunOptions {
  /** Is added to. */
  readonly outages?: OutageCount;
  /** Gets all that is seen. */
  readonly onHappening?: (happening: Happening) => void;
  readonly onViolation?: () => void;
}

/** Runs a plan and judges it. */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<Run> {
  const { outages = { sent: 0, offered: 0 }, onHappening, onViolation } = options;
  const invariants = createInvariants(circumstancesOf(plan), outages);
  let violation: Violation | undefined;
  let lastAt = 0;
  const blame = (invariant: string, what: string | undefined) => {
    if (what === undefined || violation !== undefined) return;
    violation = { invariant, what, at: lastAt };
    onViolation?.();
  };
  const played = await play(plan, (happening) => {
    lastAt = happening.at;
    onHappening?.(happening);
    for (const { name, see } of invariants) blame(name, see(happening));
  });
  for (const { name, end } of invariants) blame(name, end?.());
  return { ...played, ...(violation === undefined ? {} : { violation }) };
}
