import type { Result } from '../core/result.ts';
import type { EpochMs } from '../core/time.ts';
import type { Condition } from './condition.ts';
import type { CacheKey } from './demand.ts';

/** What the sandboxes share about one demand. Times are epoch milliseconds, but for `ttl`. */
export interface Row {
  /** Counts the leases; never goes back. */
  readonly generation?: number;
  /** Who holds the lease: a UUID made for this one attempt. */
  readonly owner?: string;
  readonly leaseUntil?: EpochMs;
  /** The token, sealed. */
  readonly sealed?: string;
  /** Which credential sealed it. */
  readonly credential?: string;
  readonly expiresAt?: EpochMs;
  readonly refreshAt?: EpochMs;
  /** No attempt to earn a token before this. */
  readonly failedUntil?: EpochMs;
  /** What failed: the kind of the error. */
  readonly failure?: string;
  /** How many attempts have failed one after the other. */
  readonly failures?: number;
  /** Which credential was refused; absent where the failure was not the credential's. */
  readonly failedCredential?: string;
  /** In the row of a revocation, and in no other: how long it is remembered. */
  readonly revokedUntil?: EpochMs;
  /** Epoch seconds: when the store may delete the row. */
  readonly ttl?: number;
}

export type RowField = keyof Row;

/** One conditional write. */
export interface RowUpdate {
  readonly set: Row;
  /** Adds one to `generation`, 0 where it is absent. */
  readonly nextGeneration?: boolean;
  readonly remove: readonly RowField[];
  readonly condition: Condition<RowField>;
}

/**
 * Why the table cannot tell. After a write, `unknown` says that it may have happened all the same: a reply was lost.
 */
export interface TableFault {
  readonly kind: 'unavailable' | 'unknown';
  /** An error's name such as `ThrottlingException`, fit for the log. */
  readonly detail: string;
}

/** The shared store: one row for each demand, single-row conditional writes, reads that see every earlier write. */
export interface Table {
  readonly read: (key: CacheKey) => Promise<Result<Row | undefined, TableFault>>;
  /** Answers the whole row as it is after the write, or `refused` where the condition did not hold. */
  readonly update: (key: CacheKey, update: RowUpdate) => Promise<Result<Row | 'refused', TableFault>>;
}
