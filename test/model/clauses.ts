import type { Condition } from '../../lib/broker/condition.ts';
import { canEndWithin, isStillMine, type Lease, mayAcquire, type Overruled } from '../../lib/broker/lease.ts';
import type { RowField } from '../../lib/broker/table.ts';
import type { EpochMs } from '../../lib/core/time.ts';

type RowCondition = Condition<RowField>;

/** The decisions of the lease, as the model uses them: the real ones, or with one clause taken out. */
export interface Rules {
  readonly mayAcquire: (now: EpochMs, overruled: Overruled) => RowCondition;
  readonly isStillMine: (lease: Lease) => RowCondition;
  readonly canEndWithin: (lease: Lease, now: EpochMs, durationMs: number) => boolean;
}

/** The rules as the broker has them. */
export const REAL: Rules = { mayAcquire, isStillMine, canEndWithin };

/** Takes the part at a path of indices out of a condition of `all` and `any`; the path must lead somewhere. */
function without(condition: RowCondition, [index = -1, ...rest]: readonly number[]): RowCondition {
  if (condition.kind !== 'all' && condition.kind !== 'any') throw new Error(`${condition.kind} has no parts`);
  const part = condition.of[index];
  // An alternative that only some callers have: without it there is nothing to take out.
  if (part === undefined) return condition;
  const of = condition.of.flatMap((other, at) => {
    if (at !== index) return [other];
    return rest.length === 0 ? [] : [without(other, rest)];
  });
  return { ...condition, of };
}

/** Shifts the bound of every `below`: what the margin for clocks that differ is about. */
function withoutMargin(condition: RowCondition, marginMs: number): RowCondition {
  if (condition.kind === 'all' || condition.kind === 'any') {
    return { ...condition, of: condition.of.map((part) => withoutMargin(part, marginMs)) };
  }
  return condition.kind === 'below' ? { ...condition, value: condition.value + marginMs } : condition;
}

/** One clause less. */
export interface Mutant {
  readonly clause: string;
  readonly rules: Rules;
}

const acquireWithout = (clause: string, ...path: readonly number[]): Mutant => ({
  clause: `mayAcquire: ${clause}`,
  rules: { ...REAL, mayAcquire: (now, overruled) => without(mayAcquire(now, overruled), path) },
});

const ownershipWithout = (clause: string, index: number): Mutant => ({
  clause: `isStillMine: ${clause}`,
  rules: { ...REAL, isStillMine: (lease) => without(isStillMine(lease), [index]) },
});

/** How far two clocks may be apart, as the real condition has it. */
const MARGIN_MS = 1_000;

/** Every clause, each taken out by itself. */
export const MUTANTS: readonly Mutant[] = [
  acquireWithout('the lease is free', 0),
  acquireWithout('the lease is free: there is none', 0, 0),
  acquireWithout('the lease is free: it has ended', 0, 1),
  acquireWithout('the token is due', 1),
  acquireWithout('the token is due: there is none', 1, 0),
  acquireWithout('the token is due: refreshAt has come', 1, 1),
  acquireWithout('the token is due: another credential sealed it', 1, 2),
  acquireWithout('the token is due: it is worthless', 1, 3),
  acquireWithout('no failure stands', 2),
  acquireWithout('no failure stands: there is none', 2, 0),
  acquireWithout('no failure stands: it is over', 2, 1),
  acquireWithout('no failure stands: it is another credential’s', 2, 2),
  {
    clause: 'mayAcquire: the margin for clocks that differ',
    rules: { ...REAL, mayAcquire: (now, overruled) => withoutMargin(mayAcquire(now, overruled), MARGIN_MS) },
  },
  ownershipWithout('the generation', 0),
  ownershipWithout('the owner', 1),
  { clause: 'canEndWithin', rules: { ...REAL, canEndWithin: () => true } },
];
