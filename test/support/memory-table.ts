import { holds } from '../../lib/broker/condition.ts';
import type { Row, Table } from '../../lib/broker/table.ts';
import { ok } from '../../lib/core/result.ts';

/** The shared store as a map: the least program that keeps the contract. */
export function createMemoryTable(): Table {
  const rows = new Map<string, Row>();
  return {
    read: async (key) => ok(rows.get(key)),
    update: async (key, { set, nextGeneration, remove, condition }) => {
      const row = rows.get(key) ?? {};
      if (!holds(condition, row)) return ok('refused');
      const next: Record<string, unknown> = { ...row, ...set };
      if (nextGeneration) next.generation = (row.generation ?? 0) + 1;
      for (const field of remove) delete next[field];
      rows.set(key, next as Row);
      return ok(next as Row);
    },
  };
}
