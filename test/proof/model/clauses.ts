import { nextStep } from '../../../lib/broker/obtain/reading.ts';
import type { Condition } from '../../../lib/broker/store/condition.ts';
import { LONGEST_PAUSE_MS, stands } from '../../../lib/broker/store/failure.ts';
import { canEndWithin, isLeased, isStillMine, isUnchanged, LEASE_MS } from '../../../lib/broker/store/lease.ts';
import type { RowField, RowUpdate } from '../../../lib/broker/store/table.ts';
import { instant } from '../../../lib/core/time.ts';

/** The decisions of the lease, as the model uses them: the real ones, or with one clause taken out. */
export interface Rules {
  readonly nextStep: typeof nextStep;
  readonly stands: (...of: Parameters<typeof stands>) => boolean;
  readonly isLeased: typeof isLeased;
  readonly isUnchanged: typeof isUnchanged;
  readonly isStillMine: typeof isStillMine;
  readonly canEndWithin: typeof canEndWithin;
  /** What becomes of the write that ends a lease. */
  readonly end: (update: RowUpdate) => RowUpdate;
}

/** The rules as the broker has them. */
export const REAL: Rules = {
  nextStep,
  stands,
  isLeased,
  isUnchanged,
  isStillMine,
  canEndWithin,
  end: (update) => update,
};

const doesStand: Rules['stands'] = stands;
const ALWAYS: Condition<RowField> = { kind: 'always' };

/** Every clause, each taken out by itself. */
const WITHOUT: Readonly<Record<string, Partial<Rules>>> = {
  'nextStep: a fresh token is served': {
    nextStep: (state, row) => nextStep(state === 'fresh' ? 'due' : state, row),
  },
  'nextStep: a failure that stands is reported': {
    nextStep: (state, { leased }) => nextStep(state, { failed: false, leased }),
  },
  'nextStep: nobody takes a lease from another': {
    nextStep: (state, { failed }) => nextStep(state, { failed, leased: false }),
  },
  'stands: it is over': {
    stands: (failure, now, credential) =>
      doesStand(failure, now, credential) || (failure !== undefined && failure.until <= now),
  },
  'stands: it is another credential’s': { stands: (failure, now) => doesStand(failure, now) },
  'stands: it is from far in the future': {
    stands: (failure, now, credential) =>
      doesStand(failure && { ...failure, until: instant(Math.min(failure.until, now + 1)) }, now, credential),
  },
  'stands: the margin for clocks that differ': {
    stands: (failure, now, credential) => stands(failure, now, credential) && failure.until <= now + LONGEST_PAUSE_MS,
  },
  'isLeased: it has ended': {
    isLeased: (row, now) => isLeased(row, now) || (row.leaseUntil !== undefined && row.leaseUntil < now),
  },
  'isLeased: the margin for clocks that differ, at its end': {
    isLeased: (row, now) => isLeased(row, now) && (row.leaseUntil ?? 0) >= now,
  },
  'isLeased: it is from far in the future': {
    isLeased: (row, now) => isLeased(row, now) || (row.leaseUntil ?? 0) > now,
  },
  'isLeased: the margin for clocks that differ, in the future': {
    isLeased: (row, now) => isLeased(row, now) && (row.leaseUntil ?? 0) <= now + LEASE_MS,
  },
  'isUnchanged: of a new row': {
    isUnchanged: (row) => (row.generation === undefined ? ALWAYS : isUnchanged(row)),
  },
  'isUnchanged: of a known row': {
    isUnchanged: (row) => (row.generation === undefined ? isUnchanged(row) : ALWAYS),
  },
  'isUnchanged: of a malformed row': { isUnchanged: ({ malformed: _, ...row }) => isUnchanged(row) },
  isStillMine: { isStillMine: () => ALWAYS },
  canEndWithin: { canEndWithin: () => true },
  'the end of a lease counts as a change': { end: (update) => ({ ...update, nextGeneration: false }) },
};

export const MUTANTS: readonly { readonly clause: string; readonly rules: Rules }[] = Object.entries(WITHOUT).map(
  ([clause, changed]) => ({ clause, rules: { ...REAL, ...changed } }),
);
