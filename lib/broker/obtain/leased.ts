import type { Clock } from '../../core/clock.ts';
import { REQUEST_MS } from '../../core/limits.ts';
import { onItsWay } from '../../core/on-its-way.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import type { Send } from '../../oauth/transport.ts';
import { createFailure, type Failure, failureToRow } from '../store/failure.ts';
import type { Holdings } from '../store/holdings.ts';
import { acquire, canEndWithin, isUnchanged, type Lease, publish, release } from '../store/lease.ts';
import { sealToken } from '../store/seal.ts';
import type { Row, Table, TableFault } from '../store/table.ts';
import type { CacheKey, Demand } from '../token/demand.ts';
import { isWorthKeeping, shiftToken } from '../token/freshness.ts';
import type { IssuedToken } from './request.ts';
import type { Prepared, TokenRequests } from './subject.ts';

/** Reserved for the final write; later, the lease may belong to another sandbox. */
const STORE_MS = 0.3 * SECOND_MS;

/** A request is sent only if the lease has at least this time left. */
export const TOKEN_REQUEST_MS = REQUEST_MS + STORE_MS;

export interface LeasedRequestDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly table: Table;
  readonly holdings: Pick<Holdings, 'note'>;
  readonly requests: TokenRequests;
  /** Opens a connection to an issuer. */
  readonly connect?: Send['connect'];
}

/** Whether the token was stored: after a fault it is valid, but other sandboxes will not find it. */
export type Stored = Promise<TableFault | undefined>;

/** The outcome of one attempt to obtain a token for all sandboxes. */
export type LeasedOutcome =
  | { readonly kind: 'issued'; readonly issued: IssuedToken; readonly stored: Stored }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /**
   * Another sandbox won, or the lease expired first; re-read the row. `fault`: the result of the write was unknown, and
   * the row shows that it did not happen. `wasFrozen`: far more time has passed than the attempt may take.
   */
  | {
      readonly kind: 'lost';
      readonly row: Result<Row | undefined, TableFault>;
      readonly fault?: TableFault;
      readonly wasFrozen?: true;
    };

/** The lease, or why another sandbox has it. */
export type Taken = Result<Lease, Omit<Extract<LeasedOutcome, { kind: 'lost' }>, 'kind'>>;

/** The lease, the prepared request, and earlier failures. */
export interface LeasedInput {
  readonly taken: Promise<Taken>;
  readonly prepared: Prepared;
  readonly earlier: number;
  readonly isSuspected: boolean;
}

/** The lease of a row, if this owner holds it. */
const leaseOf = (row: Row | undefined, owner: string): Lease | undefined =>
  row?.owner === owner && row.leaseUntil !== undefined ? { owner, until: row.leaseUntil } : undefined;

/** Creates the token request under the lease, so that only one sandbox at a time sends it. */
export function createLeasedRequest({ clock, random, uuid, table, holdings, requests, connect }: LeasedRequestDeps) {
  /**
   * Acquires the lease of a row as it was read. Meanwhile, it opens a connection to the issuer. After a refused write or
   * a lost reply, the owner in the row decides.
   */
  async function take({ profile }: Demand, key: CacheKey, known: Row): Promise<Taken> {
    connect?.(profile.issuer);
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

  /** Stores a token and ends the lease. Resolves once the writes are on their way. */
  async function store(
    { profile }: Demand,
    key: CacheKey,
    lease: Lease,
    { token, held }: IssuedToken,
  ): Promise<{ readonly stored: Stored }> {
    const { accessToken, expiresAt } = token;
    if (!isWorthKeeping(token)) {
      const released = await onItsWay((onSent) => table.update(key, release(lease), onSent));
      return { stored: released.done.then(() => undefined) };
    }
    const write = publish(lease, {
      sealed: sealToken(shiftToken(token, -table.aheadMs()), key, held),
      credential: held.id,
      expiresAt,
    });
    const [published, noted] = await Promise.all([
      onItsWay((onSent) => table.update(key, write, onSent)),
      onItsWay((onSent) => holdings.note(accessToken, { profile: profile.name, until: expiresAt }, onSent)),
    ]);
    const finish = async (): Stored => {
      let written = await published.done;
      // If the first write did happen, it ended the lease, and the second one is refused.
      if (!written.ok && written.error.kind === 'unknown') written = await table.update(key, write);
      await noted.done;
      return written.ok ? undefined : written.error;
    };
    return { stored: finish() };
  }

  async function request(
    demand: Demand,
    key: CacheKey,
    { taken: taking, prepared, earlier, isSuspected }: LeasedInput,
  ): Promise<LeasedOutcome> {
    const taken = await taking;
    if (!taken.ok) return { kind: 'lost', ...taken.error };
    const lease = taken.value;
    const mayRepeat = (delayMs: number) => canEndWithin(lease, clock.now(), delayMs + TOKEN_REQUEST_MS);
    if (!mayRepeat(0)) {
      // The sandbox was frozen while it acquired the lease: release it, so that the others need not wait for its end.
      await table.update(key, release(lease));
      return { kind: 'lost', row: await table.read(key), wasFrozen: true };
    }
    const issued = await requests.request(demand, prepared, { mayRepeat, isSuspected });
    if (issued.ok) {
      // Callers do not wait for the table's answer. If the write is lost, the others wait for the end of the lease.
      const { stored } = await store(demand, key, lease, issued.value);
      // A bug in a write that nobody waits for must not end the process.
      stored.catch(() => undefined);
      return { kind: 'issued', issued: issued.value, stored };
    }
    if (issued.error.error.kind === 'unavailable' && clock.now() > lease.until) {
      // Frozen past the lease: this failure says nothing about ZITADEL.
      await table.update(key, release(lease));
      return { kind: 'lost', row: await table.read(key), wasFrozen: true };
    }
    const failure = createFailure(issued.error, { now: clock.now(), earlier, random: random() });
    await table.update(key, release(lease, failureToRow(failure)));
    return { kind: 'failed', failure };
  }

  return {
    take,
    request,
    /** Ends a lease that is not needed. */
    async giveBack(key: CacheKey, taken: Taken): Promise<void> {
      if (taken.ok) await table.update(key, release(taken.value));
    },
  };
}
