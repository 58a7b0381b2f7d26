import { BULLETIN_KEY } from '../../../lib/broker/store/bulletin.ts';
import { createSkew } from '../../../lib/broker/store/store-time.ts';
import { applyUpdate, type Row, type RowUpdate, type Table, type TableFault } from '../../../lib/broker/store/table.ts';
import type { CacheKey } from '../../../lib/broker/token/demand.ts';
import { fingerprint } from '../../../lib/core/digest.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { type EpochMs, instant, plus, SECOND_MS } from '../../../lib/core/time.ts';
import type { Random } from '../runner/random.ts';
import type { Lane } from '../runner/scheduler.ts';
import { ISSUER, LABELS } from './setting.ts';
import type { BrokerStage } from './world.ts';

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

type Value = Row | undefined | 'refused';

/** An operation that is under way. */
interface Operation {
  readonly random: Random;
  readonly wayMs: number;
  /** Lets it arrive so long after it was sent. */
  readonly arrive: (delayMs: number, run: () => void) => void;
  /** Reads or writes. */
  readonly perform: () => Value;
  readonly reply: (delayMs: number, result: Result<Value, TableFault>) => void;
}

const lost = fail<TableFault>({ kind: 'unknown', detail: 'TimeoutError' });
const throttled = fail<TableFault>({ kind: 'unavailable', detail: 'ThrottlingException' });
const broken = fail<TableFault>({ kind: 'unknown', detail: 'InternalServerError' });
const away = fail<TableFault>({ kind: 'unknown', detail: 'ECONNREFUSED' });

const serve = ({ wayMs, arrive, perform, reply }: Operation) => arrive(wayMs, () => reply(wayMs, ok(perform())));

/** What each fault makes of an operation. */
const FAULTS = {
  /** A write or a read that never arrives. */
  table_request_lost: () => undefined,
  /** A write that is made, and whose answer is lost. */
  table_reply_lost: ({ wayMs, arrive, perform }) => arrive(wayMs, perform),
  /** A write that is refused, and whose refusal is lost. */
  table_refusal_lost: ({ wayMs, arrive, perform, reply }) =>
    arrive(wayMs, () => {
      const value = perform();
      if (value !== 'refused') reply(wayMs, ok(value));
    }),
  /** Arrives after the caller has given up. */
  table_late: ({ random, arrive, perform }) => arrive(random.int(TABLE_MS, 8 * SECOND_MS), perform),
  /** Arrives behind others that were sent after it. */
  table_reordered: ({ random, wayMs, arrive, perform, reply }) =>
    arrive(random.int(wayMs, TABLE_MS - 10), () => reply(random.int(1, 300), ok(perform()))),
  /** The answer is lost, and the client sends the write again at once. */
  table_duplicated: ({ random, wayMs, arrive, perform, reply }) =>
    arrive(wayMs, () => {
      perform();
      arrive(wayMs + random.int(1, 40), () => reply(wayMs, ok(perform())));
    }),
  /** Arrives, and once more seconds later. */
  table_duplicated_late(operation) {
    serve(operation);
    operation.arrive(operation.random.int(100, 20 * SECOND_MS), operation.perform);
  },
  table_throttled: ({ wayMs, reply }) => reply(2 * wayMs, throttled),
  /** Answered with 500, be it made or not. */
  table_error: ({ random, wayMs, arrive, perform, reply }) =>
    arrive(wayMs, () => {
      if (random.chance(0.5)) perform();
      reply(wayMs, broken);
    }),
  /** No connection. */
  table_away: ({ wayMs, reply }) => reply(wayMs, away),
  /** Reads what was there up to a second ago. */
  table_stale: serve,
} as const satisfies Record<string, (operation: Operation) => void>;

export const TABLE_FAULTS = Object.keys(FAULTS) as (keyof typeof FAULTS)[];

/** The table of the simulation: rows, conditional writes, and what the network makes of them. */
export type SimulatedTable = ReturnType<typeof createSimulatedTable>;

/** Creates the table of one run. */
export function createSimulatedTable({ scheduler, draw, emit, disturb }: BrokerStage) {
  const rows = new Map<CacheKey, Row>();
  const before = new Map<CacheKey, { readonly row: Row | undefined; readonly until: number }>();

  function write(key: CacheKey, update: RowUpdate): Row | 'refused' {
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
    emit('written', { label, before: row, after: next });
    emit('text', { text: JSON.stringify(next) });
    return next;
  }

  function read(key: CacheKey, isStale: boolean): Row | undefined {
    const old = before.get(key);
    return isStale && old !== undefined && scheduler.now() - old.until < STALE_MS ? old.row : rows.get(key);
  }

  /** Changes a row of that number in a way that its writers never do; `false` where there is none. */
  function change(index: number, why: string, run: (key: CacheKey) => void): boolean {
    const key = [...rows.keys()].filter((name) => LABELS.has(name))[index];
    if (key === undefined) return false;
    run(key);
    disturb(why, LABELS.get(key));
    return true;
  }

  return {
    /** How one sandbox reaches it; `onLease` is told when it has taken a lease. */
    connect(sandbox: number, lane: Lane, random: Random, onLease: () => void = () => undefined): Table {
      const skew = createSkew();

      function operate<T extends Value>(key: CacheKey, isRead: boolean, perform: (isStale: boolean) => T) {
        const label = LABELS.get(key);
        const disturbHere = (why: string) => {
          disturb(why, label);
          if (isRead) emit('unread', { sandbox: lane.name });
        };
        let fault: (typeof TABLE_FAULTS)[number] | undefined;
        const late = () => {
          if (fault === undefined) disturbHere('a time-out');
          return lost;
        };
        return lane.call<Result<T, TableFault>>(TABLE_MS, late, (reply) => {
          fault = draw('table', sandbox, random);
          if (fault !== undefined) disturbHere(fault);
          const sentAt = scheduler.now();
          const sentBy = lane.clock.now();
          (fault === undefined ? serve : FAULTS[fault])({
            random,
            wayMs: random.int(1, 6),
            arrive: (delayMs, run) => scheduler.at(sentAt + delayMs, run),
            perform: () => perform(fault === 'table_stale'),
            reply(delayMs, result) {
              const date = result === away ? undefined : new Date(scheduler.now()).toUTCString();
              reply(delayMs, () => {
                skew.hear(date, sentBy, lane.clock.now());
                return result as Result<T, TableFault>;
              });
            },
          });
        });
      }

      return {
        aheadMs: skew.aheadMs,
        read: (key) => operate(key, true, (isStale) => read(key, isStale)),
        update(key, update, onSent) {
          const updated = operate(key, false, () => {
            const written = write(key, update);
            if (written !== 'refused' && update.set.owner !== undefined) onLease();
            return written;
          });
          // It has left the process, whatever becomes of it on its way.
          if (lane.isAlive()) onSent?.();
          return updated;
        },
      };
    },
    /** Deletes a row, as its time to live does; `false` where there is none of that number. */
    deleteRow: (index: number): boolean => change(index, 'row_deleted', (key) => rows.delete(key)),
    /** Does to a row what its writers never do; `false` where there is none of that number. */
    poison(index: number, poison: Poison): boolean {
      const now = instant(scheduler.now());
      const notices = rows.get(BULLETIN_KEY)?.notices ?? [];
      rows.set(BULLETIN_KEY, { ...rows.get(BULLETIN_KEY), notices: [...notices, ...foreignNotices(now)] });
      const why = `row poisoned: ${poison}`;
      return change(index, why, (key) => {
        rows.set(key, POISONS[poison](rows.get(key) ?? {}, now, before.get(key)?.row ?? {}));
        // The token of the row is lost, and so is what was known of others who hold its lease: two causes.
        disturb(why, LABELS.get(key));
      });
    },
  };
}
