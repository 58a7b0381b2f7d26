import { type Clock, sleep } from '../core/clock.ts';
import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { plus, SECOND_MS } from '../core/time.ts';
import type { Credentials, HeldCredential } from './credentials.ts';
import type { CacheKey, Demand } from './demand.ts';
import { createDirectEarning } from './direct-earning.ts';
import type { Earn } from './earn.ts';
import { createFailure, type Failure, failureFromRow, stands } from './failure.ts';
import { type Freshness, freshness, isSameToken, type Token } from './freshness.ts';
import { isLeased } from './lease.ts';
import { createLeasedEarning } from './leased-earning.ts';
import type { AttemptFailure } from './refusals.ts';
import type { Revocations } from './revocations.ts';
import { openToken } from './seal.ts';
import type { Row, Table, TableFault } from './table.ts';

/** A token, where it came from, and why it is no newer. */
export interface Obtained {
  readonly token: Token;
  readonly source: 'memory' | 'store' | 'exchange';
  /** The renewal that was tried and failed, or the failure that keeps one from being tried. */
  readonly failure?: Failure;
}

export interface RenewalDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly table: Table;
  readonly credentials: Credentials;
  readonly revocations: Revocations;
  readonly earn: Earn;
}

/**
 * Brings a demand's token up to date: from the shared store if another sandbox has been there, else by one exchange
 * under the lease, else (the table is away) by one of this sandbox's own.
 */
export type Renew = (
  demand: Demand,
  key: CacheKey,
  options: {
    /** How many renewals in a row have failed in this sandbox. */
    readonly earlier: number;
    /** A token that proved worthless although it seems valid. */
    readonly rejected?: Token | undefined;
  },
) => Promise<Result<Obtained, Failure>>;

/** The most that one renewal may take: a lease that its holder never ends, and a request. */
export const RENEWAL_MS = 10 * SECOND_MS;

/** How many writes may come to nothing while reads work before the token is earned without the table. */
const WRITES_TO_LOSE = 1;

const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 500;
const POLL_GROWTH = 1.5;

/** How long to wait before the row is read for the `round`-th time: from 50 ms to 500 ms, up to double at random. */
export const pollMs = (round: number, random: number): number =>
  Math.min(LONGEST_POLL_MS, FIRST_POLL_MS * POLL_GROWTH ** Math.min(round, 8)) * (1 + random);

/** What to do about a row: the one decision of the renewal. */
export type NextStep = 'serve' | 'report_failure' | 'wait' | 'acquire';

/** Decides from how its token stands, whether a failure stands, and whether another sandbox holds the lease. */
export function nextStep(state: Freshness, { failed, leased }: { failed: boolean; leased: boolean }): NextStep {
  if (state === 'fresh') return 'serve';
  if (failed) return 'report_failure';
  if (!leased) return 'acquire';
  return state === 'due' ? 'serve' : 'wait';
}

/** What a row holds for the reader of a credential. */
type Reading =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'token'; readonly token: Token }
  /** Sealed by another credential. */
  | { readonly kind: 'foreign' }
  /** Does not open, was rejected or revoked: as good as nothing, and to be overwritten. */
  | { readonly kind: 'worthless'; readonly sealed: string }
  /** May have been revoked: the table does not tell. */
  | { readonly kind: 'uncertain'; readonly fault: TableFault };

const BUSY: BrokerError = {
  kind: 'unavailable',
  dependency: 'zitadel',
  detail: 'another sandbox is earning the token and has not ended in time',
  retryAfterMs: 0,
};

/** Creates the renewal of one sandbox. */
export function createRenewal({ clock, random, uuid, table, credentials, revocations, earn }: RenewalDeps): Renew {
  const earnLeased = createLeasedEarning({ clock, random, uuid, table, earn });
  const earnDirectly = createDirectEarning({ clock, earn });

  async function readSealed(
    { profile }: Demand,
    key: CacheKey,
    { row, held, rejected }: { row: Row; held: HeldCredential; rejected: Token | undefined },
  ): Promise<Reading> {
    const { sealed, credential } = row;
    if (sealed === undefined) return { kind: 'nothing' };
    if (credential !== held.id) return { kind: 'foreign' };
    const opened = openToken(sealed, key, held);
    if (!opened.ok || isSameToken(opened.value, rejected)) return { kind: 'worthless', sealed };
    if (profile.revocation === undefined) return { kind: 'token', token: opened.value };
    const revoked = await revocations.look(opened.value);
    if (!revoked.ok) return { kind: 'uncertain', fault: revoked.error };
    return revoked.value ? { kind: 'worthless', sealed } : { kind: 'token', token: opened.value };
  }

  return async (demand, key, { earlier, rejected }) => {
    const { secret, minValidityMs } = demand.profile;
    let endsAt = plus(clock.now(), RENEWAL_MS);
    const remember = (error: BrokerError, { credential, until }: Partial<AttemptFailure> = {}) =>
      createFailure(error, { now: clock.now(), earlier, random: random(), credential, refusedUntil: until });

    const [firstRow, current] = await Promise.all([table.read(key), credentials.get(secret)]);
    if (!current.ok) return fail(remember(current.error));
    let held = current.value;
    let row = firstRow;
    let isReread = false;
    let writesLost = 0;
    const earnAlone = async (fault: TableFault): Promise<Result<Obtained, Failure>> => {
      const earned = await earnDirectly(demand, key, { held, fault });
      if (earned.ok) return ok({ token: earned.value.token, source: 'exchange' });
      return fail(remember(earned.error.error, earned.error));
    };
    for (let round = 0; ; round += 1) {
      if (!row.ok) return earnAlone(row.error);
      const known: Row = row.value ?? {};
      let reading = await readSealed(demand, key, { row: known, held, rejected });
      if (reading.kind === 'foreign' && !isReread) {
        isReread = true;
        const changed = await credentials.reread(secret, held.id);
        if (!changed.ok) return fail(remember(changed.error));
        held = changed.value;
        reading = await readSealed(demand, key, { row: known, held, rejected });
      }

      if (reading.kind === 'uncertain') return earnAlone(reading.fault);

      const now = clock.now();
      const token = reading.kind === 'token' ? reading.token : undefined;
      const state = token === undefined ? 'dead' : freshness(token, { now, minValidityMs });
      const failure = failureFromRow(known);
      const settle = (reason: Failure): Result<Obtained, Failure> =>
        token === undefined || state === 'dead' ? fail(reason) : ok({ token, source: 'store', failure: reason });

      const step = nextStep(state, { failed: stands(failure, now, held.id), leased: isLeased(known, now) });
      if (step === 'serve' && token !== undefined) return ok({ token, source: 'store' });
      if (step === 'report_failure' && failure !== undefined) return settle(failure);
      if (step === 'wait' || round > 0) {
        const waitMs = pollMs(round, random());
        if (now + waitMs > endsAt) return settle(remember(BUSY));
        await sleep(clock, waitMs);
      }
      if (step === 'wait') {
        row = await table.read(key);
        continue;
      }

      const prepared = await earn.prepare(demand, held);
      if (!prepared.ok) return settle(remember(prepared.error.error, prepared.error));
      const worthless = reading.kind === 'worthless' ? reading.sealed : undefined;
      const overruled = { credential: held.id, sealed: worthless, failedUntil: failure?.until };
      const failedBefore = Math.max(earlier, failure?.count ?? 0);
      const outcome = await earnLeased(demand, key, { prepared: prepared.value, overruled, earlier: failedBefore });
      if (outcome.kind === 'earned') return ok({ token: outcome.earned.token, source: 'exchange' });
      if (outcome.kind === 'failed') return settle(outcome.failure);
      // What a freeze has taken is given back.
      if (outcome.wasFrozen) endsAt = plus(clock.now(), RENEWAL_MS);
      if (outcome.fault !== undefined) writesLost += 1;
      // One lost write may be chance; after the next one the table is as good as away.
      if (outcome.fault !== undefined && writesLost > WRITES_TO_LOSE) return earnAlone(outcome.fault);
      row = outcome.row;
    }
  };
}
