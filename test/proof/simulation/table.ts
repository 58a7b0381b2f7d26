import { BULLETIN_KEY } from '../../../lib/broker/store/bulletin.ts';
import { createSkew } from '../../../lib/broker/store/store-time.ts';
import { applyUpdate, type Row, type RowUpdate, type Table, type TableFault } from '../../../lib/broker/store/table.ts';
import type { CacheKey } from '../../../lib/broker/token/demand.ts';
import { fingerprint } from '../../../lib/core/digest.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { type EpochMs, instant, plus, SECOND_MS } from '../../../lib/core/time.ts';
import type { DrawFault, OperationFault } from './faults.ts';
import type { Happening } from './happening.ts';
import type { Random } from './random.ts';
import { type Lane, NEVER, type Scheduler } from './scheduler.ts';
import { ISSUER, LABELS } from './setting.ts';

/** As the adapter has it. */
const TABLE_MS = 300;

/** A read that is stale sees what was there so long ago at the most. */
const STALE_MS = SECOND_MS;

/** What somebody with write access, or a restored backup, makes of a row. */
export type Poison = keyof typeof POISONS;

/** Instants that no clock shows. */
const FAR_MS = 10 ** 12;

const POISONS = {
  lease: (row, now) => ({ ...row, owner: 'nobody', leaseUntil: plus(now, FAR_MS) }),
  failure: (row, now) => ({ ...row, failedUntil: plus(now, FAR_MS), failure: 'credential_refused', failures: 10 ** 6 }),
  token: (row) => ({ ...row, sealed: 'no token' }),
  count: (row) => ({ ...row, generation: 2 ** 52 }),
  doubt: (row, now) => ({ ...row, doubtedAt: plus(now, FAR_MS) }),
  type: ({ generation }) => ({ ...(generation === undefined ? {} : { generation }), malformed: true }),
  backup: (_row, _now, before) => before,
} as const satisfies Record<string, (row: Row, now: EpochMs, before: Row) => Row>;

export const POISON_NAMES = Object.keys(POISONS) as [Poison, ...Poison[]];

/** Notices that no broker writes. */
const foreignNotices = (now: EpochMs): readonly string[] => [
  'x',
  'token of nobody',
  `before * ${plus(now, FAR_MS)}`,
  `away ${fingerprint(ISSUER)} ${plus(now, FAR_MS)}`,
];

/** The table of the simulation: rows, conditional writes, and what the network makes of them. */
export interface SimulatedTable {
  /** How one sandbox reaches it. */
  readonly connect: (sandbox: number, lane: Lane, random: Random, onLease?: (lane: Lane) => void) => Table;
  /** Deletes a row, as its time to live does; `false` where there is none of that number. */
  readonly deleteRow: (index: number) => boolean;
  /** Does to a row what its writers never do; `false` where there is none of that number. */
  readonly poison: (index: number, poison: Poison) => boolean;
}

export interface TableDeps {
  readonly scheduler: Scheduler;
  readonly draw: DrawFault;
  readonly emit: (happening: Happening) => void;
}

type Skew = ReturnType<typeof createSkew>;
type Written = Row | 'refused';

const lost = fail<TableFault>({ kind: 'unknown', detail: 'TimeoutError' });
const throttled = fail<TableFault>({ kind: 'unavailable', detail: 'ThrottlingException' });
const broken = fail<TableFault>({ kind: 'unknown', detail: 'InternalServerError' });
const away = fail<TableFault>({ kind: 'unknown', detail: 'ECONNREFUSED' });

/** Creates the table of one run. */
export function createSimulatedTable({ scheduler, draw, emit }: TableDeps): SimulatedTable {
  const rows = new Map<CacheKey, Row>();
  const before = new Map<CacheKey, { readonly row: Row | undefined; readonly until: number }>();

  function write(key: CacheKey, update: RowUpdate): Written {
    const row = rows.get(key) ?? {};
    const applied = applyUpdate(row, update);
    if (applied === 'refused') return applied;
    const { malformed, ...fields } = applied;
    // The field of another type is the token: it is gone once it is written anew, or removed.
    const isMended = 'sealed' in update.set || update.remove.includes('sealed');
    const next: Row = malformed && !isMended ? { ...fields, malformed } : fields;
    before.set(key, { row: rows.get(key), until: scheduler.now() });
    rows.set(key, next);
    const label = LABELS.get(key) ?? (key === BULLETIN_KEY ? 'the notices' : 'a holding');
    emit({ kind: 'written', at: scheduler.now(), label, before: row, after: next });
    emit({ kind: 'text', at: scheduler.now(), text: JSON.stringify(next) });
    return next;
  }

  function read(key: CacheKey, isStale: boolean): Row | undefined {
    const old = before.get(key);
    return isStale && old !== undefined && scheduler.now() - old.until < STALE_MS ? old.row : rows.get(key);
  }

  function nameRow(index: number): { readonly key: CacheKey; readonly label: string } | undefined {
    const key = [...rows.keys()].filter((name) => LABELS.has(name))[index];
    const label = key === undefined ? undefined : LABELS.get(key);
    return key === undefined || label === undefined ? undefined : { key, label };
  }

  /** Plays one operation: `perform` runs at the table, as often and as late as the fault says. */
  function operate<T extends Row | undefined | 'refused'>(
    {
      key,
      sandbox,
      lane,
      random,
      skew,
      isWrite,
    }: { key: CacheKey; sandbox: number; lane: Lane; random: Random; skew: Skew; isWrite: boolean },
    perform: (fault: OperationFault | undefined) => T,
  ): Promise<Result<T, TableFault>> {
    if (!lane.isAlive()) return NEVER;
    const sentAt = scheduler.now();
    const fault = draw('table', sentAt, sandbox, random);
    const label = LABELS.get(key);
    const disturb = (why: string) => {
      emit({ kind: 'disturbed', at: scheduler.now(), ...(label === undefined ? {} : { label }), why });
      if (!isWrite) emit({ kind: 'unread', at: scheduler.now(), sandbox: lane.name });
    };
    if (fault !== undefined) disturb(fault);
    const wayMs = random.int(1, 6);
    return new Promise((resolve) => {
      const cancel = lane.clock.after(TABLE_MS, () => {
        if (fault === undefined) disturb('a time-out');
        resolve(lost);
      });
      const sentBy = lane.clock.now();
      const reply = (delayMs: number, result: Result<T, TableFault>) => {
        const date = result === away ? undefined : new Date(scheduler.now()).toUTCString();
        lane.receive(delayMs, () => {
          cancel();
          skew.hear(date, sentBy, lane.clock.now());
          resolve(result);
        });
      };
      const arrive = (delayMs: number, run: () => void) => scheduler.at(sentAt + delayMs, run);
      switch (fault) {
        case 'table_request_lost':
          return;
        case 'table_reply_lost':
          return arrive(wayMs, () => void perform(fault));
        case 'table_refusal_lost':
          return arrive(wayMs, () => {
            const value = perform(fault);
            if (value !== 'refused') reply(wayMs, ok(value));
          });
        case 'table_late':
          return arrive(random.int(TABLE_MS, 8 * SECOND_MS), () => void perform(fault));
        case 'table_reordered':
          return arrive(random.int(wayMs, TABLE_MS - 10), () => reply(random.int(1, 300), ok(perform(fault))));
        case 'table_duplicated':
          return arrive(wayMs, () => {
            perform(fault);
            scheduler.at(scheduler.now() + random.int(1, 40), () => reply(wayMs, ok(perform(fault))));
          });
        case 'table_duplicated_late':
          arrive(wayMs, () => reply(wayMs, ok(perform(fault))));
          return arrive(random.int(100, 20 * SECOND_MS), () => void perform(fault));
        case 'table_throttled':
          return reply(2 * wayMs, throttled);
        case 'table_error':
          return arrive(wayMs, () => {
            if (random.chance(0.5)) perform(fault);
            reply(wayMs, broken);
          });
        case 'table_away':
          return reply(wayMs, away);
        default:
          return arrive(wayMs, () => reply(wayMs, ok(perform(fault))));
      }
    });
  }

  return {
    connect: (sandbox, lane, random, onLease) => {
      const skew = createSkew();
      const by = { sandbox, lane, random, skew };
      return {
        aheadMs: skew.aheadMs,
        read: (key) => operate({ key, ...by, isWrite: false }, (fault) => read(key, fault === 'table_stale')),
        update: (key, update) =>
          operate({ key, ...by, isWrite: true }, () => {
            const written = write(key, update);
            if (written !== 'refused' && update.set.owner !== undefined) onLease?.(lane);
            return written;
          }),
      };
    },
    deleteRow(index) {
      const found = nameRow(index);
      if (found === undefined) return false;
      const { key, label } = found;
      rows.delete(key);
      emit({ kind: 'disturbed', at: scheduler.now(), label, why: 'row_deleted' });
      return true;
    },
    poison(index, poison) {
      const found = nameRow(index);
      const now = instant(scheduler.now());
      const notices = rows.get(BULLETIN_KEY)?.notices ?? [];
      rows.set(BULLETIN_KEY, { ...rows.get(BULLETIN_KEY), notices: [...notices, ...foreignNotices(now)] });
      if (found === undefined) return false;
      const { key, label } = found;
      rows.set(key, POISONS[poison](rows.get(key) ?? {}, now, before.get(key)?.row ?? {}));
      // The token of the row is lost, and so is what was known of others who hold its lease.
      for (let cost = 0; cost < 2; cost += 1)
        emit({ kind: 'disturbed', at: now, label, why: `row poisoned: ${poison}` });
      return true;
    },
  };
}
