import { DAY_MS, type EpochMs, plus, SECOND_MS, toEpochSeconds } from '../../core/time.ts';
import type { Condition } from './condition.ts';
import { otherFields, type Row, type RowField, type RowUpdate } from './table.ts';

/** How long one sandbox may keep the others from obtaining the same token: one request to ZITADEL and a second try. */
export const LEASE_MS = 5 * SECOND_MS;

/** How far two clocks may be apart. A lease counts as ended only when it has ended by the other's clock as well. */
export const CLOCK_SKEW_MS = SECOND_MS;

/** Rows that nobody asks for any more go after this. */
const ROW_LIFE_MS = DAY_MS;

/** Who holds the lease, and until when by the holder's clock. */
export interface Lease {
  readonly owner: string;
  readonly until: EpochMs;
}

/**
 * Whether another sandbox holds the lease at `now`. A lease that ends later than one can that is taken now was taken by
 * a clock that is wrong, or by nobody: whatever a row says, nobody waits longer than a lease lasts by the own clock.
 */
export const isLeased = ({ leaseUntil }: Row, now: EpochMs): boolean =>
  leaseUntil !== undefined && now <= leaseUntil + CLOCK_SKEW_MS && leaseUntil <= now + LEASE_MS + CLOCK_SKEW_MS;

/** While this holds, the row is the one that was read: what was decided from it still counts. */
export const isUnchanged = ({ generation, malformed }: Row): Condition<RowField> => {
  if (generation !== undefined) return { kind: 'equals', field: 'generation', value: generation };
  return malformed ? { kind: 'always' } : { kind: 'absent', field: 'generation' };
};

/** While this holds, what the row says is still the holder's to change. */
export const isStillMine = ({ owner }: Lease): Condition<RowField> => ({
  kind: 'equals',
  field: 'owner',
  value: owner,
});

/** Whether something that takes `durationMs` is certain to end while the lease lasts. */
export const canEndWithin = ({ until }: Lease, now: EpochMs, durationMs: number): boolean => now + durationMs <= until;

const LEASE_FIELDS = ['owner', 'leaseUntil'] as const;
const FAILURE_FIELDS = ['failedUntil', 'failure', 'failures', 'failedCredential'] as const;

/** The next write of a row that its reader has judged. Of a malformed row nothing else is left. */
function overwrite(row: Row, set: RowUpdate['set']): Pick<RowUpdate, 'set' | 'remove'> {
  const written = { ...set, generation: (row.generation ?? 0) + 1 };
  return { set: written, remove: row.malformed ? otherFields(written) : [] };
}

/** When a row may go whose token, if any, stays as it is. */
const keptFor = ({ ttl = 0 }: Row, now: EpochMs): number => Math.max(ttl, toEpochSeconds(plus(now, ROW_LIFE_MS)));

/** Takes the lease of a row. */
export const acquire = (row: Row, owner: string, now: EpochMs, condition: Condition<RowField>): RowUpdate => ({
  ...overwrite(row, { owner, leaseUntil: plus(now, LEASE_MS), ttl: keptFor(row, now) }),
  condition,
});

/** Stores a sealed token and ends the lease. */
export const publish = (
  lease: Lease,
  token: Required<Pick<Row, 'sealed' | 'credential' | 'expiresAt'>>,
): RowUpdate => ({
  set: { ...token, ttl: toEpochSeconds(plus(token.expiresAt, ROW_LIFE_MS)) },
  nextGeneration: true,
  remove: [...LEASE_FIELDS, ...FAILURE_FIELDS],
  condition: isStillMine(lease),
});

/** Ends the lease with nothing to store; what failed, if anything, is left for the others to see. */
export const release = (
  lease: Lease,
  failure?: Pick<Row, 'failedUntil' | 'failure' | 'failures' | 'failedCredential'>,
): RowUpdate => ({
  set: failure ?? {},
  nextGeneration: true,
  remove: [...LEASE_FIELDS, ...FAILURE_FIELDS.filter((field) => failure?.[field] === undefined)],
  condition: isStillMine(lease),
});

/** Notes that somebody doubts the token of a row that was read; of several at once, one is first. */
export const doubt = (row: Row, now: EpochMs): RowUpdate => ({
  ...overwrite(row, { doubtedAt: now, ttl: keptFor(row, now) }),
  condition: isUnchanged(row),
});
