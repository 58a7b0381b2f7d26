import { applyUpdate, type Row, type Table } from '../../lib/broker/store/table.ts';
import { ok } from '../../lib/core/result.ts';

/** The shared store as a map: the least program that keeps the contract. */
export function createMemoryTable(rows = new Map<string, Row>()): Table {
  return {
    aheadMs: () => 0,
    read: async (key) => ok(rows.get(key)),
    update: async (key, update) => {
      const written = applyUpdate(rows.get(key) ?? {}, update);
      if (written !== 'refused') rows.set(key, written);
      return ok(written);
    },
  };
}
