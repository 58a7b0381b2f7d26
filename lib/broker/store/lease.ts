import { REQUEST_MS } from '../../core/limits.ts';
import { DAY_MS, type EpochMs, plus, SECOND_MS, toEpochSeconds } from '../../core/time.ts';
import type { Condition } from './condition.ts';
import { otherFields, type Row, type RowField, type RowUpdate } from './table.ts';

/** How long one sandbox may keep the others from obtaining the same token: one request to ZITADEL and a retry. */
export const LEASE_MS = REQUEST_MS + 2 * SECOND_MS;

/** The tolerated difference between two clocks. A lease has ended only once it has ended by both clocks. */
export const CLOCK_SKEW_MS = SECOND_MS;

/** Unused rows expire after this. */
const ROW_LIFE_MS = DAY_MS;

/** The holder of a lease, and its end by the holder's clock. */
export interface Lease {
  readonly owner: string;
  readonly until: EpochMs;
}

/**
 * Whether another sandbox holds the lease at `now`. A lease that ends later than one acquired now could is ignored: its
 * holder's clock is wrong, or the row was tampered with. So no sandbox waits longer than one lease by its own clock.
 */
export const isLeased = ({ leaseUntil }: Row, now: EpochMs): boolean =>
  leaseUntil !== undefined && now <= leaseUntil + CLOCK_SKEW_MS && leaseUntil <= now + LEASE_MS + CLOCK_SKEW_MS;

/** Holds while the row is the one that was read, so that decisions based on it are still valid. */
export const isUnchanged = ({ generation, malformed }: Row): Condition<RowField> => {
  if (generation !== undefined) return { kind: 'equals', field: 'generation', value: generation };
  return malformed ? { kind: 'always' } : { kind: 'absent', field: 'generation' };
};

/** Holds while the lease is the holder's, so that the holder may write. */
export const isStillMine = ({ owner }: Lease): Condition<RowField> => ({
  kind: 'equals',
  field: 'owner',
  value: owner,
});

/** Whether something that takes `durationMs` is certain to end within the lease. */
export const canEndWithin = ({ until }: Lease, now: EpochMs, durationMs: number): boolean => now + durationMs <= until;

const LEASE_FIELDS = ['owner', 'leaseUntil'] as const;
const FAILURE_FIELDS = ['failedUntil', 'failure', 'failures', 'failedCredential'] as const;

/** The next write of a row that was read. Removes all other fields of a malformed row. */
function overwrite(row: Row, set: RowUpdate['set']): Pick<RowUpdate, 'set' | 'remove'> {
  const written = { ...set, generation: (row.generation ?? 0) + 1 };
  return { set: written, remove: row.malformed ? otherFields(written) : [] };
}

/** When DynamoDB may delete a row whose token, if any, stays unchanged. */
const keptFor = ({ ttl = 0 }: Row, now: EpochMs): number => Math.max(ttl, toEpochSeconds(plus(now, ROW_LIFE_MS)));

/** Acquires the lease of a row. */
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

/** Ends the lease without a token; stores the failure, if any, for the other sandboxes. */
export const release = (
  lease: Lease,
  failure?: Pick<Row, 'failedUntil' | 'failure' | 'failures' | 'failedCredential'>,
): RowUpdate => ({
  set: failure ?? {},
  nextGeneration: true,
  remove: [...LEASE_FIELDS, ...FAILURE_FIELDS.filter((field) => failure?.[field] === undefined)],
  condition: isStillMine(lease),
});

/** Records a doubt about the token of a row that was read. Of several at once, only the first succeeds. */
export const doubt = (row: Row, now: EpochMs): RowUpdate => ({
  ...overwrite(row, { doubtedAt: now, ttl: keptFor(row, now) }),
  condition: isUnchanged(row),
});
