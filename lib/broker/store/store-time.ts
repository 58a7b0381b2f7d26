import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';
import { shiftNotice } from './notices.ts';
import type { PlainField, Row, RowUpdate, Table } from './table.ts';

/** The fields that hold instants by which sandboxes decide. */
const INSTANTS = [
  'leaseUntil',
  'failedUntil',
  'doubtedAt',
  'heldUntil',
  'expiresAt',
] as const satisfies readonly PlainField[];

type Instants = Pick<Row, (typeof INSTANTS)[number] | 'ttl'>;

function shift<T extends Instants>(fields: T, byMs: number): T {
  const { ttl } = fields;
  const shifted: { -readonly [F in keyof Instants]: Instants[F] } = {
    ...(ttl === undefined ? {} : { ttl: ttl + Math.round(byMs / SECOND_MS) }),
  };
  for (const field of INSTANTS) {
    const at = fields[field];
    if (at !== undefined) shifted[field] = plus(at, byMs);
  }
  return { ...fields, ...shifted };
}

const shiftRow = (row: Row, byMs: number): Row => ({
  ...shift(row, byMs),
  ...(row.notices === undefined ? {} : { notices: row.notices.map((text) => shiftNotice(text, byMs)) }),
});

const shiftUpdate = (update: RowUpdate, byMs: number): RowUpdate => ({
  ...update,
  set: shift(update.set, byMs),
  ...(update.notices === undefined
    ? {}
    : { notices: { ...update.notices, of: update.notices.of.map((text) => shiftNotice(text, byMs)) } }),
});

/**
 * A table whose instants are in the store's time. A sandbox whose clock is wrong writes what the others understand: its
 * lease, its failures and its notices end when they should, not hours later. Sealed tokens are shifted where they are
 * sealed and opened.
 */
export function inStoreTime(table: Table): Table {
  const { aheadMs } = table;
  return {
    aheadMs,
    async read(key) {
      const read = await table.read(key);
      const byMs = aheadMs();
      return read.ok && read.value !== undefined && byMs !== 0 ? { ok: true, value: shiftRow(read.value, byMs) } : read;
    },
    async update(key, update, onSent) {
      const before = aheadMs();
      const written = await table.update(key, before === 0 ? update : shiftUpdate(update, -before), onSent);
      const byMs = aheadMs();
      return written.ok && written.value !== 'refused' && byMs !== 0
        ? { ok: true, value: shiftRow(written.value, byMs) }
        : written;
    },
  };
}

/** Below, a clock counts as right: servers tell whole seconds, and every reader allows for this much. */
const RIGHT_MS = 5 * SECOND_MS;

/**
 * How far a clock is ahead of a server's (negative: behind), by the `Date` of the server's answers (RFC 9110 §6.6.1);
 * 0 if it is right. Keeps its value while new answers differ by little, so that what is written twice is the same.
 */
export function createSkew(): {
  readonly aheadMs: () => number;
  /** Hears an answer to a request that was sent at `sentAt`, read at `now`. */
  readonly hear: (date: string | undefined, sentAt: EpochMs, now: EpochMs) => void;
} {
  let aheadMs = 0;
  return {
    aheadMs: () => aheadMs,
    hear(date, sentAt, now) {
      const at = Date.parse(date ?? '');
      if (Number.isNaN(at)) return;
      // The server's clock has shown this second between the two, however long the sandbox was frozen meanwhile.
      const [least, most] = [sentAt - at - SECOND_MS, now - at];
      if (least - RIGHT_MS <= aheadMs && aheadMs <= most + RIGHT_MS) return;
      const isFrozen = most - least > RIGHT_MS;
      const edge = least > 0 ? least : Math.min(most, 0);
      const next = isFrozen ? edge : Math.round((least + most) / 2);
      aheadMs = Math.abs(next) > RIGHT_MS ? next : 0;
    },
  };
}
