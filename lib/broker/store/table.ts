import type { Result } from '../../core/result.ts';
import type { EpochMs } from '../../core/time.ts';
import type { CacheKey } from '../token/demand.ts';
import { type Condition, holds } from './condition.ts';

/** What the sandboxes share about one demand, or about all (`notices`). Times are epoch milliseconds, but for `ttl`. */
export interface Row {
  /** Counts the writes; never goes back. */
  readonly generation?: number;
  /** Who holds the lease: a UUID made for this one attempt. */
  readonly owner?: string;
  readonly leaseUntil?: EpochMs;
  /** The token, sealed. */
  readonly sealed?: string;
  /** Which credential sealed it. */
  readonly credential?: string;
  /** For whoever looks at the table; the broker believes what is sealed. */
  readonly expiresAt?: EpochMs;
  /** No attempt to obtain a token before this. */
  readonly failedUntil?: EpochMs;
  /** What failed: the kind of the error. */
  readonly failure?: string;
  /** How many attempts have failed one after the other. */
  readonly failures?: number;
  /** Which credential was refused; absent where the failure was not the credential's. */
  readonly failedCredential?: string;
  /** When the token was last said to be dead by somebody who cannot prove it. */
  readonly doubtedAt?: EpochMs;
  /** In the row of a token's digest: the profile that holds the token, and until when. */
  readonly holder?: string;
  readonly heldUntil?: EpochMs;
  /** In the row that all read: what every sandbox must know (notices.ts). */
  readonly notices?: readonly string[];
  /** Epoch seconds: when the store may delete the row. */
  readonly ttl?: number;
  /**
   * Set by the reader: the row holds a field of another type, or a number that cannot be, and nothing of it counts but
   * `generation`, where that can be read.
   */
  readonly malformed?: true;
}

export type RowField = Exclude<keyof Row, 'malformed'>;

/** The fields that are written as they are: all but the set of notices. */
export type PlainField = Exclude<RowField, 'notices'>;

/** Numbers and texts of a row, by name: what a reader of the store accepts. */
export const NUMBER_FIELDS = [
  'generation',
  'leaseUntil',
  'expiresAt',
  'failedUntil',
  'failures',
  'doubtedAt',
  'heldUntil',
  'ttl',
] as const satisfies readonly PlainField[];
export const TEXT_FIELDS = [
  'owner',
  'sealed',
  'credential',
  'failure',
  'failedCredential',
  'holder',
] as const satisfies readonly PlainField[];

/** What a row holds besides what is written: that is removed where nothing of it is to be left. */
export const otherFields = (set: Pick<Row, PlainField>): readonly RowField[] =>
  [...NUMBER_FIELDS, ...TEXT_FIELDS, 'notices' as const].filter((field) => !(field in set));

/** One conditional write. */
export interface RowUpdate {
  readonly set: Pick<Row, PlainField>;
  /** Adds one to `generation`, 0 where it is absent. */
  readonly nextGeneration?: boolean;
  readonly remove: readonly RowField[];
  /** Changes the set of notices, each in one piece: writers do not overwrite one another. */
  readonly notices?: { readonly change: 'add' | 'delete'; readonly of: readonly string[] };
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

/** The shared store: single-row conditional writes, reads that see every earlier write. */
export interface Table {
  /** Answers a row with a mistyped field as `{ malformed: true }`, with its `generation` where that can be read. */
  readonly read: (key: CacheKey) => Promise<Result<Row | undefined, TableFault>>;
  /** Answers the whole row as it is after the write, or `refused` where the condition did not hold. */
  readonly update: (key: CacheKey, update: RowUpdate) => Promise<Result<Row | 'refused', TableFault>>;
}

/** What a write makes of a row: the contract of `update`, for stores in memory. */
export function applyUpdate(row: Row, { set, remove, nextGeneration, notices, condition }: RowUpdate): Row | 'refused' {
  if (!holds(condition, row)) return 'refused';
  const next: Record<string, unknown> = { ...row, ...set };
  if (nextGeneration) next.generation = (row.generation ?? 0) + 1;
  for (const field of remove) delete next[field];
  if (notices !== undefined) {
    const known = row.notices ?? [];
    const rest = known.filter((notice) => !notices.of.includes(notice));
    const left = notices.change === 'add' ? [...rest, ...notices.of] : rest;
    if (left.length === 0) delete next.notices;
    else next.notices = left;
  }
  return next as Row;
}
