import type { Clock } from '../../core/clock.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import { REQUEST_MS } from '../../oauth/transport.ts';
import { createFailure, type Failure, failureToRow } from '../store/failure.ts';
import type { Holdings } from '../store/holdings.ts';
import { acquire, canEndWithin, isUnchanged, type Lease, publish, release } from '../store/lease.ts';
import { sealToken } from '../store/seal.ts';
import type { Row, Table, TableFault } from '../store/table.ts';
import type { CacheKey, Demand } from '../token/demand.ts';
import { forOthers, isWorthKeeping } from '../token/freshness.ts';
import type { IssuedToken } from './request.ts';
import type { Prepared, TokenRequests } from './subject.ts';

/** Time that is kept for the write that stores the token: made later, it would find the lease with another. */
const STORE_MS = 0.3 * SECOND_MS;

/** What must fit into the rest of a lease before a request is sent. */
export const TOKEN_REQUEST_MS = REQUEST_MS + STORE_MS;

export interface LeasedRequestDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly table: Table;
  readonly holdings: Pick<Holdings, 'note'>;
  readonly requests: TokenRequests;
}

/** The outcome of one attempt to obtain a token for all sandboxes. */
export type LeasedOutcome =
  /** `storeFault`: the token is good, but no other sandbox will find it. */
  | { readonly kind: 'issued'; readonly issued: IssuedToken; readonly storeFault?: TableFault }
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

/** What is decided before: from which row, with what, and what has failed until now. */
export interface LeasedInput {
  /** As it was read: whoever has changed it since was faster. */
  readonly row: Row;
  readonly prepared: Prepared;
  readonly earlier: number;
  readonly isSuspected: boolean;
}

/** The lease of a row that says that it is this owner's. */
const leaseOf = (row: Row | undefined, owner: string): Lease | undefined =>
  row?.owner === owner && row.leaseUntil !== undefined ? { owner, until: row.leaseUntil } : undefined;

/** Creates the way to obtain a token that no other sandbox goes at the same time. */
export function createLeasedRequest({ clock, random, uuid, table, holdings, requests }: LeasedRequestDeps) {
  /** A refused write and a lost reply alike are settled by who the row says is its owner. */
  async function take(
    key: CacheKey,
    known: Row,
  ): Promise<Result<Lease, Omit<Extract<LeasedOutcome, { kind: 'lost' }>, 'kind'>>> {
    const owner = uuid();
    const taken = await table.update(key, acquire(known, owner, clock.now(), isUnchanged(known)));
    if (taken.ok && taken.value !== 'refused') {
      const lease = leaseOf(taken.value, owner);
      if (lease !== undefined) return ok(lease);
    }
    if (!taken.ok && taken.error.kind === 'unavailable') return fail({ row: taken });
    const row = await table.read(key);
    const lease = row.ok ? leaseOf(row.value, owner) : undefined;
    if (lease !== undefined) return ok(lease);
    return fail(taken.ok ? { row } : { row, fault: taken.error });
  }

  async function store(
    { profile }: Demand,
    key: CacheKey,
    lease: Lease,
    { token: issued, held }: IssuedToken,
  ): Promise<TableFault | undefined> {
    const token = forOthers(issued);
    const { accessToken, expiresAt } = token;
    if (!isWorthKeeping(token)) {
      await table.update(key, release(lease));
      return undefined;
    }
    const noted = holdings.note(accessToken, { profile: profile.name, until: expiresAt });
    const write = publish(lease, { sealed: sealToken(token, key, held), credential: held.id, expiresAt });
    let written = await table.update(key, write);
    // Where the first write was made after all, the lease is over and the second one is refused.
    if (!written.ok && written.error.kind === 'unknown') written = await table.update(key, write);
    await noted;
    return written.ok ? undefined : written.error;
  }

  return async (
    demand: Demand,
    key: CacheKey,
    { row, prepared, earlier, isSuspected }: LeasedInput,
  ): Promise<LeasedOutcome> => {
    const taken = await take(key, row);
    if (!taken.ok) return { kind: 'lost', ...taken.error };
    const lease = taken.value;
    const mayRepeat = (delayMs: number) => canEndWithin(lease, clock.now(), delayMs + TOKEN_REQUEST_MS);
    if (!mayRepeat(0)) {
      // The sandbox was frozen while the lease was on its way: nobody is to wait for its end.
      await table.update(key, release(lease));
      return { kind: 'lost', row: await table.read(key), wasFrozen: true };
    }
    const issued = await requests.request(demand, prepared, { mayRepeat, isSuspected });
    if (issued.ok) {
      const storeFault = await store(demand, key, lease, issued.value);
      return { kind: 'issued', issued: issued.value, ...(storeFault === undefined ? {} : { storeFault }) };
    }
    const { error, credential, until: refusedUntil } = issued.error;
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
