import type { Clock } from '../core/clock.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { instant, SECOND_MS } from '../core/time.ts';
import type { CacheKey, Demand } from './demand.ts';
import type { Earn, Prepared } from './earn.ts';
import { type Earned, REQUEST_MS } from './exchange.ts';
import { createFailure, type Failure, failureToRow } from './failure.ts';
import { isWorthKeeping } from './freshness.ts';
import { acquire, canEndWithin, type Lease, mayAcquire, type Overruled, publish, release } from './lease.ts';
import { sealToken } from './seal.ts';
import type { Row, Table, TableFault } from './table.ts';

/** Time that is kept for the write that stores the token: made later, it would find the lease with another. */
const STORE_MS = 0.3 * SECOND_MS;

/** What must fit into the rest of a lease before a request is sent. */
export const EXCHANGE_MS = REQUEST_MS + STORE_MS;

export interface LeasedEarningDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly table: Table;
  readonly earn: Earn;
}

/** The outcome of one attempt to earn a token for all sandboxes. */
export type LeasedEarning =
  | { readonly kind: 'earned'; readonly earned: Earned }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /**
   * Somebody else was faster, or the time of the lease was over before it began: the row tells how things stand.
   * `fault`: nobody knows what became of the write, but it was not made. `wasFrozen`: far more time has passed than the
   * attempt may take.
   */
  | {
      readonly kind: 'lost';
      readonly row: Result<Row | undefined, TableFault>;
      readonly fault?: TableFault;
      readonly wasFrozen?: true;
    };

const toLease = ({ generation = 0, owner = '', leaseUntil = instant(0) }: Row): Lease => ({
  generation,
  owner,
  until: leaseUntil,
});

/** Whether a row says that its lease is this owner's, and until when. */
const isTold = (row: Row, owner: string): boolean => row.owner === owner && row.leaseUntil !== undefined;

/** Creates the way to earn a token that no other sandbox goes at the same time. */
export function createLeasedEarning({ clock, random, uuid, table, earn }: LeasedEarningDeps) {
  /** A refused write and a lost reply alike are settled by who the row says is its owner. */
  async function take(
    key: CacheKey,
    overruled: Overruled,
  ): Promise<Result<Lease, Omit<Extract<LeasedEarning, { kind: 'lost' }>, 'kind'>>> {
    const owner = uuid();
    const now = clock.now();
    const taken = await table.update(key, acquire(owner, now, mayAcquire(now, overruled)));
    if (taken.ok && taken.value !== 'refused' && isTold(taken.value, owner)) return ok(toLease(taken.value));
    if (!taken.ok && taken.error.kind === 'unavailable') return fail({ row: taken });
    const row = await table.read(key);
    if (row.ok && row.value !== undefined && isTold(row.value, owner)) return ok(toLease(row.value));
    return fail(taken.ok ? { row } : { row, fault: taken.error });
  }

  async function store(key: CacheKey, lease: Lease, { token, held }: Earned): Promise<void> {
    if (!isWorthKeeping(token)) {
      await table.update(key, release(lease));
      return;
    }
    const { expiresAt, refreshAt } = token;
    const sealed = sealToken(token, key, held);
    const write = publish(lease, { sealed, credential: held.id, expiresAt, refreshAt });
    const written = await table.update(key, write);
    // Where the first write was made after all, the lease is over and the second one is refused.
    if (!written.ok && written.error.kind === 'unknown') await table.update(key, write);
  }

  return async (
    demand: Demand,
    key: CacheKey,
    { prepared, overruled, earlier }: { prepared: Prepared; overruled: Overruled; earlier: number },
  ): Promise<LeasedEarning> => {
    const taken = await take(key, overruled);
    if (!taken.ok) return { kind: 'lost', ...taken.error };
    const lease = taken.value;
    const mayRequest = (delayMs: number) => canEndWithin(lease, clock.now(), delayMs + EXCHANGE_MS);
    // The sandbox may have been frozen while the lease was on its way.
    if (!mayRequest(0)) return { kind: 'lost', row: await table.read(key) };
    const earned = await earn.earn(demand, prepared, mayRequest);
    if (earned.ok) {
      await store(key, lease, earned.value);
      return { kind: 'earned', earned: earned.value };
    }
    const { error, credential, until: refusedUntil } = earned.error;
    if (error.kind === 'unavailable' && clock.now() > lease.until) {
      // The sandbox was frozen over it: that a request came to nothing in all that time says nothing about ZITADEL.
      await table.update(key, release(lease));
      return { kind: 'lost', row: await table.read(key), wasFrozen: true };
    }
    const failure = createFailure(error, { now: clock.now(), earlier, random: random(), credential, refusedUntil });
    await table.update(key, release(lease, failureToRow(failure)));
    return { kind: 'failed', failure };
  };
}
