import type { Result } from '../../core/result.ts';
import type { EpochMs } from '../../core/time.ts';
import type { CacheKey } from '../token/demand.ts';
import { type Condition, holds } from './condition.ts';

/** What the sandboxes share about one demand, or about all (`notices`). Times are epoch milliseconds, except `ttl`. */
export interface Row {
  /** Counts the writes; never decreases. */
  readonly generation?: number;
  /** The holder of the lease: a UUID for one attempt. */
  readonly owner?: string;
  readonly leaseUntil?: EpochMs;
  /** The token, sealed. */
  readonly sealed?: string;
  /** The id of the credential that sealed it. */
  readonly credential?: string;
  /** For people who read the table; the broker trusts only the sealed expiry. */
  readonly expiresAt?: EpochMs;
  /** No attempt to obtain a token before then. */
  readonly failedUntil?: EpochMs;
  /** The kind of the error. */
  readonly failure?: string;
  /** The number of consecutive failures. */
  readonly failures?: number;
  /** The id of the refused credential; absent if the credential is not the cause. */
  readonly failedCredential?: string;
  /** When a caller last claimed, without proof, that the token is dead. */
  readonly doubtedAt?: EpochMs;
  /** In the row of a token's digest: the profile that holds the token; `heldUntil`: until when. */
  readonly holder?: string;
  readonly heldUntil?: EpochMs;
  /** In the row that all sandboxes read: what every sandbox must know (notices.ts). */
  readonly notices?: readonly string[];
  /** Epoch seconds: when the store may delete the row. */
  readonly ttl?: number;
  /**
   * Set by the reader: a field has the wrong type or an impossible number. The row is ignored, except for `generation`
   * if it is readable.
   */
  readonly malformed?: true;
}

export type RowField = Exclude<keyof Row, 'malformed'>;

/** The fields that are written as they are: all except the set of notices. */
export type PlainField = Exclude<RowField, 'notices'>;

/** The names of the fields that hold numbers and texts: readers of the store accept these. */
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

/** All fields that `set` does not contain, to remove them from a row that is rewritten as a whole. */
export const otherFields = (set: Pick<Row, PlainField>): readonly RowField[] =>
  [...NUMBER_FIELDS, ...TEXT_FIELDS, 'notices' as const].filter((field) => !(field in set));

/** One conditional write. */
export interface RowUpdate {
  readonly set: Pick<Row, PlainField>;
  /** Adds 1 to `generation`; absent counts as 0. */
  readonly nextGeneration?: boolean;
  readonly remove: readonly RowField[];
  /** Adds or deletes whole notices of the set, so that writers do not overwrite each other. */
  readonly notices?: { readonly change: 'add' | 'delete'; readonly of: readonly string[] };
  readonly condition: Condition<RowField>;
}

/** Why a call to the table failed. After a write, `unknown` means that it may have happened: the reply was lost. */
export interface TableFault {
  readonly kind: 'unavailable' | 'unknown';
  /** An error name such as `ThrottlingException`, safe to log. */
  readonly detail: string;
}

/** The shared store: single-row conditional writes, and reads that see every earlier write. */
export interface Table {
  /** Returns a row with a mistyped field as `{ malformed: true }`, with its `generation` if that is readable. */
  readonly read: (key: CacheKey) => Promise<Result<Row | undefined, TableFault>>;
  /**
   * Returns the whole row after the write, or `refused` if the condition did not hold.
   * @param onSent called once the write is on its way, and happens even if this process is frozen; a store that cannot
   *   tell never calls it
   */
  readonly update: (
    key: CacheKey,
    update: RowUpdate,
    onSent?: () => void,
  ) => Promise<Result<Row | 'refused', TableFault>>;
  /** How far this sandbox's clock is ahead of the store's, by the store's answers; negative: behind; 0: right. */
  readonly aheadMs: () => number;
}

/** Applies an update to a row: the contract of `update`, for in-memory stores. */
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
