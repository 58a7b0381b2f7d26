import { type Clock, sleep } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { REQUEST_MS } from '../../core/limits.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { plus, SECOND_MS } from '../../core/time.ts';
import type { Send } from '../../oauth/transport.ts';
import type { Credentials } from '../credentials/credentials.ts';
import type { Outages } from '../credentials/outages.ts';
import type { Bulletin } from '../store/bulletin.ts';
import {
  type AttemptFailure,
  createFailure,
  type Failure,
  failureFromRow,
  isSuspicionAgainst,
} from '../store/failure.ts';
import type { Holdings } from '../store/holdings.ts';
import { CLOCK_SKEW_MS, LEASE_MS } from '../store/lease.ts';
import type { Row, Table, TableFault } from '../store/table.ts';
import type { CacheKey, Demand } from '../token/demand.ts';
import { freshness, type Token } from '../token/freshness.ts';
import { createDirectRequest } from './direct.ts';
import { createLeasedRequest, type Stored, type Taken } from './leased.ts';
import { isVacant, judgeRow, readRow } from './reading.ts';
import type { TokenRequests } from './subject.ts';

/** A token, its source, and why it was not renewed. */
export interface Obtained {
  readonly token: Token;
  /** `issued` for the request that obtained it; requests that waited for it have it from `memory`. */
  readonly source: 'memory' | 'store' | 'issued';
  /** The renewal that failed, or the earlier failure that prevents one. */
  readonly failure?: Failure;
  /** Of a token that was requested under the lease. */
  readonly stored?: Stored;
}

export interface RenewalDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly table: Table;
  readonly holdings: Pick<Holdings, 'note'>;
  readonly credentials: Credentials;
  readonly bulletin: Pick<Bulletin, 'look' | 'isVoid'>;
  readonly outages: Pick<Outages, 'standing'>;
  readonly requests: TokenRequests;
  readonly connect?: Send['connect'];
}

/**
 * Renews a demand's token: from the shared store if another sandbox has renewed it, else by one token request under the
 * lease, else (if the table is down) by a token request without it.
 */
export type Renew = (
  demand: Demand,
  key: CacheKey,
  options: {
    /** The number of consecutive failed renewals in this sandbox. */
    readonly earlier: number;
    /** The last failure of this sandbox. */
    readonly failed?: Failure | undefined;
    /** A token that was refused although it seems valid. */
    readonly rejected?: Token | undefined;
    /** Tokens that become due within this time are renewed now. */
    readonly aheadMs?: number | undefined;
    /** Whether, if the table is down, a token may be obtained that other sandboxes will not find. */
    readonly mayRequestAlone?: boolean | undefined;
  },
) => Promise<Result<Obtained, Failure>>;

/** The time limit of one renewal: a lease that its holder never ends, and a request. */
export const RENEWAL_MS = LEASE_MS + CLOCK_SKEW_MS + REQUEST_MS + SECOND_MS;

/** Lost writes tolerated (with reads still working) before the token is obtained without the table. */
const WRITES_TO_LOSE = 1;

const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 500;
const POLL_GROWTH = 1.5;

/** How long to wait before reading the row for the `round`-th time: 50 ms to 500 ms, up to doubled at random. */
export const pollMs = (round: number, random: number): number =>
  Math.min(LONGEST_POLL_MS, FIRST_POLL_MS * POLL_GROWTH ** Math.min(round, 8)) * (1 + random);

/** A fault of the table if it refused a write because the row had changed, but then returns the row unchanged. */
function contradiction(known: Row, found: Result<Row | undefined, TableFault>): TableFault | undefined {
  if (!found.ok) return undefined;
  const isSame = found.value?.generation === known.generation && found.value?.owner === known.owner;
  return isSame ? { kind: 'unknown', detail: 'Contradiction' } : undefined;
}

const BUSY: BrokerError = {
  kind: 'unavailable',
  dependency: 'zitadel',
  detail: 'another sandbox is obtaining the token and did not finish in time',
  retryAfterMs: 0,
};

/** Creates the renewal of one sandbox. */
export function createRenewal(deps: RenewalDeps): Renew {
  const { clock, random, table, credentials, bulletin, outages, requests } = deps;
  const leased = createLeasedRequest(deps);
  const requestDirectly = createDirectRequest({ clock, requests });

  /**
   * Reads the row. If it shows that there is no token, its lease is acquired while the secret is still being read: the
   * two take one round trip less.
   */
  function begin(demand: Demand, key: CacheKey, rejected: Token | undefined) {
    const { profile } = demand;
    let taking: Promise<Taken> | undefined;
    const firstRow = table.read(key).then((read) => {
      const isAlone = profile.subject === undefined && rejected === undefined;
      const isHeldBack = outages.standing(profile.issuer) !== undefined;
      if (!read.ok || !isAlone || isHeldBack) return read;
      const row = read.value ?? {};
      if (isVacant(row, clock.now())) taking = leased.take(demand, key, row);
      return read;
    });
    return {
      firstRow,
      /** The lease, for the one who uses it. */
      takeOver(): Promise<Taken> | undefined {
        const taken = taking;
        taking = undefined;
        return taken;
      },
      async end(): Promise<void> {
        if (taking !== undefined) await leased.giveBack(key, await taking);
      },
    };
  }

  async function renew(
    demand: Demand,
    key: CacheKey,
    { earlier, rejected, failed, aheadMs = 0, mayRequestAlone = true }: Parameters<Renew>[2],
    begun: ReturnType<typeof begin>,
  ): Promise<Result<Obtained, Failure>> {
    const { profile } = demand;
    const { secret, issuer, minValidityMs, maxAgeMs } = profile;
    const isVoid = (token: Token) => bulletin.isVoid(token, profile);
    let endsAt = plus(clock.now(), RENEWAL_MS);
    const remember = (failure: AttemptFailure) =>
      createFailure(failure, { now: clock.now(), earlier, random: random() });

    const [firstRow, current] = await Promise.all([begun.firstRow, credentials.get(secret), bulletin.look(RENEWAL_MS)]);
    if (!current.ok) return fail(remember({ error: current.error }));
    let held = current.value;
    let row = firstRow;
    let isReread = false;
    let writesLost = 0;
    const heldBack = (): Failure | undefined => {
      const outage = outages.standing(issuer);
      if (outage === undefined) return undefined;
      const retryAfterMs = outage.until - clock.now();
      const { detail } = outage;
      return remember({
        error: { kind: 'unavailable', dependency: 'zitadel', detail, retryAfterMs, isHeldBack: true },
      });
    };
    const requestAlone = async (fault: TableFault): Promise<Result<Obtained, Failure>> => {
      if (!mayRequestAlone) {
        const { detail } = fault;
        return fail(remember({ error: { kind: 'unavailable', dependency: 'dynamodb', detail, retryAfterMs: 0 } }));
      }
      const outage = heldBack();
      if (outage !== undefined) return fail(outage);
      const isSuspected = isSuspicionAgainst(failed, held.id);
      const issued = await requestDirectly(demand, key, { held, fault, isSuspected });
      if (issued.ok) return ok({ token: issued.value.token, source: 'issued' });
      return fail(remember(issued.error));
    };
    for (let round = 0; ; round += 1) {
      if (!row.ok) return requestAlone(row.error);
      // A malformed row is ignored, and can be overwritten.
      const known: Row = row.value ?? {};
      const read = () =>
        readRow(known, { key, held, now: clock.now(), aheadMs: table.aheadMs(), maxAgeMs, rejected, isVoid });
      let reading = read();
      if (reading.kind === 'foreign' && !isReread) {
        isReread = true;
        const changed = await credentials.reread(secret, held.id);
        if (!changed.ok) return fail(remember({ error: changed.error }));
        held = changed.value;
        reading = read();
      }

      const now = clock.now();
      const token = reading.kind === 'token' ? reading.token : undefined;
      const judged = judgeRow(known, token, { held, now, minValidityMs, aheadMs });
      const failure = failureFromRow(known);
      const settle = (reason: Failure): Result<Obtained, Failure> =>
        token === undefined || freshness(token, { now: clock.now(), minValidityMs }) === 'dead'
          ? fail(reason)
          : ok({ token, source: 'store', failure: reason });

      if (judged.step === 'serve') return ok({ token: judged.token, source: 'store' });
      if (judged.step === 'report_failure') return settle(judged.failure);
      if (judged.step === 'wait' || round > 0) {
        const waitMs = pollMs(round, random());
        if (now + waitMs > endsAt) return settle(remember({ error: BUSY }));
        await sleep(clock, waitMs);
      }
      if (judged.step === 'wait') {
        row = await table.read(key);
        continue;
      }

      const outage = heldBack();
      if (outage !== undefined) return settle(outage);
      const prepared = await requests.prepare(demand, held);
      if (!prepared.ok) return settle(remember(prepared.error));
      const outcome = await leased.request(demand, key, {
        taken: begun.takeOver() ?? leased.take(demand, key, known),
        prepared: prepared.value,
        earlier: Math.max(earlier, failure?.count ?? 0),
        isSuspected: isSuspicionAgainst(failure, held.id) || isSuspicionAgainst(failed, held.id),
      });
      if (outcome.kind === 'issued') {
        const { issued, stored } = outcome;
        return ok({ token: issued.token, source: 'issued', stored });
      }
      if (outcome.kind === 'failed') return settle(outcome.failure);
      // Restart the time budget after a freeze.
      if (outcome.wasFrozen) endsAt = plus(clock.now(), RENEWAL_MS);
      const fault = outcome.fault ?? contradiction(known, outcome.row);
      if (fault !== undefined) writesLost += 1;
      // One lost write may be chance; after the next one the table counts as down.
      if (fault !== undefined && writesLost > WRITES_TO_LOSE) return requestAlone(fault);
      row = outcome.row;
    }
  }

  return async (demand, key, options) => {
    const begun = begin(demand, key, options.rejected);
    try {
      return await renew(demand, key, options, begun);
    } finally {
      await begun.end();
    }
  };
}
