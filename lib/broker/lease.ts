import { DAY_MS, type EpochMs, plus, SECOND_MS, toEpochSeconds } from '../core/time.ts';
import { type Condition, holds } from './condition.ts';
import type { Row, RowField, RowUpdate } from './table.ts';

/** How long one sandbox may keep the others from earning the same token: one request to ZITADEL and a second try. */
export const LEASE_MS = 5 * SECOND_MS;

/** How far two clocks may be apart. A lease counts as ended only when it has ended by the other's clock as well. */
export const CLOCK_SKEW_MS = SECOND_MS;

/** Rows that nobody asks for any more go after this. */
const ROW_LIFE_MS = DAY_MS;

/** Who holds the lease, and since which count of leases. */
export interface Lease {
  readonly generation: number;
  readonly owner: string;
  readonly until: EpochMs;
}

const leaseIsFree = (now: EpochMs): Condition<RowField> => ({
  kind: 'any',
  of: [
    { kind: 'absent', field: 'leaseUntil' },
    { kind: 'below', field: 'leaseUntil', value: now - CLOCK_SKEW_MS },
  ],
});

/** What of a row does not keep anybody from earning a token: judged by its reader, and named in the condition. */
export interface Overruled {
  /** The current credential: a token that another one sealed is of no use to its holder. */
  readonly credential: string;
  /** A sealed token that was read and is worthless: it does not open, or ZITADEL refuses it. */
  readonly sealed?: string | undefined;
  /** The `failedUntil` of a failure that was read and does not count: another credential's. */
  readonly failedUntil?: EpochMs | undefined;
}

const tokenIsDue = (now: EpochMs, { credential, sealed }: Overruled): Condition<RowField> => ({
  kind: 'any',
  of: [
    { kind: 'absent', field: 'sealed' },
    { kind: 'at_most', field: 'refreshAt', value: now },
    { kind: 'differs', field: 'credential', value: credential },
    ...(sealed === undefined ? [] : [{ kind: 'equals', field: 'sealed', value: sealed } as const]),
  ],
});

const noFailureStands = (now: EpochMs, { failedUntil }: Overruled): Condition<RowField> => ({
  kind: 'any',
  of: [
    { kind: 'absent', field: 'failedUntil' },
    { kind: 'at_most', field: 'failedUntil', value: now },
    ...(failedUntil === undefined ? [] : [{ kind: 'equals', field: 'failedUntil', value: failedUntil } as const]),
  ],
});

/** When the lease of a row may be taken. */
export const mayAcquire = (now: EpochMs, overruled: Overruled): Condition<RowField> => ({
  kind: 'all',
  of: [leaseIsFree(now), tokenIsDue(now, overruled), noFailureStands(now, overruled)],
});

/** While this holds, what the row says is still the holder's to change. */
export const isStillMine = ({ generation, owner }: Lease): Condition<RowField> => ({
  kind: 'all',
  of: [
    { kind: 'equals', field: 'generation', value: generation },
    { kind: 'equals', field: 'owner', value: owner },
  ],
});

/** Whether another sandbox holds the lease at `now`. */
export const isLeased = (row: Row, now: EpochMs): boolean => !holds(leaseIsFree(now), row);

/** Whether something that takes `durationMs` is certain to end while the lease lasts. */
export const canEndWithin = ({ until }: Lease, now: EpochMs, durationMs: number): boolean => now + durationMs <= until;

/** Takes the lease. */
export const acquire = (owner: string, now: EpochMs, condition: Condition<RowField>): RowUpdate => ({
  set: { owner, leaseUntil: plus(now, LEASE_MS), ttl: toEpochSeconds(plus(now, ROW_LIFE_MS)) },
  nextGeneration: true,
  remove: [],
  condition,
});

const LEASE_FIELDS = ['owner', 'leaseUntil'] as const;
const FAILURE_FIELDS = ['failedUntil', 'failure', 'failures', 'failedCredential'] as const;

/** Stores a sealed token and ends the lease. */
export const publish = (
  lease: Lease,
  token: Required<Pick<Row, 'sealed' | 'credential' | 'expiresAt' | 'refreshAt'>>,
): RowUpdate => ({
  set: { ...token, ttl: toEpochSeconds(plus(token.expiresAt, ROW_LIFE_MS)) },
  remove: [...LEASE_FIELDS, ...FAILURE_FIELDS],
  condition: isStillMine(lease),
});

/** Ends the lease with nothing to store; what failed, if anything, is left for the others to see. */
export const release = (
  lease: Lease,
  failure?: Pick<Row, 'failedUntil' | 'failure' | 'failures' | 'failedCredential'>,
): RowUpdate => ({
  set: failure ?? {},
  remove: [...LEASE_FIELDS, ...FAILURE_FIELDS.filter((field) => failure?.[field] === undefined)],
  condition: isStillMine(lease),
});
