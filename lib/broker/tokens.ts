import { type Clock, within } from '../core/clock.ts';
import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, instant, plus, SECOND_MS } from '../core/time.ts';
import type { Send } from '../oauth/transport.ts';
import { createBoundedMap } from './bounded-map.ts';
import type { Credentials } from './credentials.ts';
import { type CacheKey, cacheKey, type Demand } from './demand.ts';
import { createEarn } from './earn.ts';
import { createExchange } from './exchange.ts';
import { currentError, type Failure, isRecent, stands } from './failure.ts';
import { freshness, isSameToken, isWorthKeeping, LEAST_LEFT_MS, type Token } from './freshness.ts';
import type { Profiles } from './profile.ts';
import type { AttemptFailure, WithCredential } from './refusals.ts';
import { createRenewal, type Obtained, RENEWAL_MS } from './renewal.ts';
import type { Revocations } from './revocations.ts';
import type { Table } from './table.ts';

/** All that comes from outside; built once for each sandbox. */
export interface TokensDeps {
  readonly clock: Clock;
  /** From [0, 1). */
  readonly random: () => number;
  readonly uuid: () => string;
  readonly send: Send;
  readonly table: Table;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
  readonly revocations: Revocations;
  readonly profiles: Profiles;
}

/** Tokens for demands, kept for as long as they are good. */
export interface Tokens {
  /** A token for a caller, by `deadline` at the latest. */
  readonly obtain: (demand: Demand, deadline: EpochMs) => Promise<Result<Obtained, BrokerError>>;
  /** Renews the token if it is due, and waits for it: what a caller would not do. */
  readonly renew: (demand: Demand, deadline: EpochMs) => Promise<Result<Obtained, BrokerError>>;
}

/** Demands that one sandbox remembers; the least recently used one goes first. */
export const REMEMBERED_DEMANDS = 10_000;

/** With less time than this, nothing is begun that a caller would wait for. */
const LEAST_TIME_MS = 1.5 * SECOND_MS;

/** Time that is kept for the answer. */
const ANSWER_MS = 0.5 * SECOND_MS;

/**
 * How long the caller whose request begins a renewal lends its invocation to it, although its own token is still good:
 * a sandbox is frozen once it has answered, and with it the renewal.
 */
const RENEWAL_GRACE_MS = 100;

/** While another sandbox renews a token that is still good, this one does not look for the result more often. */
const LOOK_AGAIN_MS = SECOND_MS;

/** A subject's token that is younger than this was not refused for being dead: a newer one would fare no better. */
const NEW_SUBJECT_MS = 60 * SECOND_MS;

interface Entry {
  readonly token?: Token;
  readonly failure?: Failure;
  /** No renewal of a token that is still good before this. */
  readonly quietUntil?: EpochMs;
}

const NOTHING: Entry = {};

const OUT_OF_TIME: BrokerError = {
  kind: 'out_of_time',
  detail: 'no time left to earn a token',
  retryAfterMs: SECOND_MS,
};

/** Creates the tokens of one sandbox. */
export function createTokens(deps: TokensDeps): Tokens {
  const { clock, profiles, revocations } = deps;
  const memory = createBoundedMap<CacheKey, Entry>(REMEMBERED_DEMANDS);
  /** One promise for each key, and never tied to the caller who began it. */
  const renewals = new Map<CacheKey, Promise<Result<Obtained, Failure>>>();
  const earn = createEarn({ exchange: createExchange(deps), credentials: deps.credentials, obtainSubject });
  const renewal = createRenewal({ ...deps, earn });

  const freshnessOf = (token: Token, { profile: { minValidityMs } }: Demand) =>
    freshness(token, { now: clock.now(), minValidityMs });

  /** Keeps what a renewal came to, but never a token in place of one that lives longer. */
  function remember(key: CacheKey, result: Result<Obtained, Failure>, minValidityMs: number): void {
    const now = clock.now();
    const { token: before } = memory.get(key) ?? NOTHING;
    if (!result.ok) {
      memory.set(key, { ...(before === undefined ? {} : { token: before }), failure: result.error });
      return;
    }
    const { token: found, failure } = result.value;
    if (!isWorthKeeping(found)) return;
    const token = before !== undefined && before.expiresAt > found.expiresAt ? before : found;
    const isGood = freshness(token, { now, minValidityMs }) === 'fresh';
    memory.set(key, {
      token,
      ...(failure === undefined ? {} : { failure }),
      ...(isGood ? {} : { quietUntil: plus(now, LOOK_AGAIN_MS) }),
    });
  }

  function beginRenewal(demand: Demand, key: CacheKey, rejected?: Token): Promise<Result<Obtained, Failure>> {
    const underWay = renewals.get(key);
    if (underWay !== undefined) return underWay;
    const earlier = memory.get(key)?.failure?.count ?? 0;
    const begun = renewal(demand, key, { earlier, rejected })
      .then((result) => {
        remember(key, result, demand.profile.minValidityMs);
        return result;
      })
      .finally(() => renewals.delete(key));
    // A bug in a renewal that nobody waits for any more must not end the process; those who wait see it.
    begun.catch(() => undefined);
    renewals.set(key, begun);
    return begun;
  }

  /** What is left when a renewal did not help: a token that is still good enough, else the reason. */
  function fallBack(key: CacheKey, error: BrokerError, failure?: Failure): Result<Obtained, BrokerError> {
    const { token } = memory.get(key) ?? NOTHING;
    if (token === undefined || token.expiresAt - clock.now() < LEAST_LEFT_MS) return fail(error);
    return ok({ token, source: 'memory', ...(failure === undefined ? {} : { failure }) });
  }

  /** A sandbox that was frozen meanwhile may have earned what is nearly over by now: there may be a newer one. */
  function isOver(result: Result<Obtained, Failure>, demand: Demand): boolean {
    if (!result.ok) return false;
    const { token, failure } = result.value;
    const state = freshnessOf(token, demand);
    return state === 'dead' || (state === 'last_resort' && failure === undefined);
  }

  /** What a renewal that has ended means for a caller. */
  function settle(key: CacheKey, result: Result<Obtained, Failure>): Result<Obtained, BrokerError> {
    return result.ok ? ok(result.value) : fallBack(key, currentError(result.error, clock.now()), result.error);
  }

  async function awaitRenewal(
    demand: Demand,
    key: CacheKey,
    deadline: EpochMs,
  ): Promise<Result<Obtained, BrokerError>> {
    const leftMs = deadline - clock.now();
    if (leftMs < LEAST_TIME_MS) return fallBack(key, OUT_OF_TIME);
    const result = await within(clock, leftMs - ANSWER_MS, beginRenewal(demand, key));
    if (result === undefined) return fallBack(key, OUT_OF_TIME);
    return isOver(result, demand) ? awaitRenewal(demand, key, deadline) : settle(key, result);
  }

  /**
   * Serves a token that is due, and begins its renewal where nobody has.
   * @param failed the renewal that has failed a moment ago: for its sake even a token below its minimum is served, since
   *   a ZITADEL that is away or slow would make everybody wait for every attempt
   */
  async function serveDue(
    demand: Demand,
    key: CacheKey,
    { deadline, failed }: { deadline: EpochMs; failed?: Failure },
  ): Promise<Result<Obtained, BrokerError>> {
    const isFirst = !renewals.has(key);
    const begun = beginRenewal(demand, key);
    const renewed = isFirst ? await within(clock, RENEWAL_GRACE_MS, begun) : undefined;
    if (renewed !== undefined && !isOver(renewed, demand)) return settle(key, renewed);
    const { token } = memory.get(key) ?? NOTHING;
    // Its time may have run out meanwhile: the sandbox may have been frozen.
    const state = token === undefined ? 'dead' : freshnessOf(token, demand);
    if (token === undefined || state === 'dead') return awaitRenewal(demand, key, deadline);
    if (state !== 'last_resort') return ok({ token, source: 'memory' });
    return failed === undefined
      ? awaitRenewal(demand, key, deadline)
      : ok({ token, source: 'memory', failure: failed });
  }

  /** Drops a token that was revoked, from a profile that can: other hits stay free of calls. */
  async function dropRevoked(key: CacheKey, deadline: EpochMs): Promise<void> {
    const { token } = memory.get(key) ?? NOTHING;
    if (token === undefined || !(await revocations.isKnown(token, deadline - clock.now()))) return;
    // Only this very token: a newer one may have come while the table was asked.
    if (isSameToken(memory.get(key)?.token, token)) memory.set(key, NOTHING);
  }

  async function obtain(demand: Demand, deadline: EpochMs): Promise<Result<Obtained, BrokerError>> {
    const key = cacheKey(demand);
    if (demand.profile.revocation !== undefined) await dropRevoked(key, deadline);
    const { token, failure, quietUntil = instant(0) } = memory.get(key) ?? NOTHING;
    const now = clock.now();
    const state = token === undefined ? 'dead' : freshnessOf(token, demand);
    if (token !== undefined && state === 'fresh') return ok({ token, source: 'memory' });
    if (stands(failure, now, deps.credentials.known(demand.profile.secret)))
      return fallBack(key, currentError(failure, now), failure);
    if (token !== undefined && state === 'due') {
      const isLeftAlone = now < quietUntil || deadline - now < LEAST_TIME_MS;
      return isLeftAlone ? ok({ token, source: 'memory' }) : serveDue(demand, key, { deadline });
    }
    if (state === 'last_resort' && isRecent(failure, now)) return serveDue(demand, key, { deadline, failed: failure });
    return awaitRenewal(demand, key, deadline);
  }

  async function obtainSubject({ profile }: Demand, refused?: Token): Promise<Result<Token, AttemptFailure>> {
    const subject = profile.subject === undefined ? undefined : profiles.get(profile.subject);
    if (subject === undefined) {
      const detail = `profile ${profile.name} has no subject whose token to exchange`;
      return fail({ error: { kind: 'credential_unusable', detail } });
    }
    const demand = { profile: subject, scopes: subject.scopes };
    const key = cacheKey(demand);
    const now = clock.now();
    if (refused !== undefined) {
      if (now - refused.earnedAt < NEW_SUBJECT_MS) return ok(refused);
      if (isSameToken(memory.get(key)?.token, refused)) memory.set(key, NOTHING);
      const renewed = await beginRenewal(demand, key, refused);
      if (renewed.ok) return ok(renewed.value.token);
      return fail({ error: currentError(renewed.error, clock.now()), until: renewed.error.until });
    }
    const obtained = await obtain(demand, plus(now, RENEWAL_MS));
    if (obtained.ok) return ok(obtained.value.token);
    // Who needs the subject's token is kept waiting no longer than the subject itself.
    const { until } = memory.get(key)?.failure ?? {};
    return fail({ error: obtained.error, ...(until === undefined ? {} : { until }) });
  }

  async function renew(demand: Demand, deadline: EpochMs): Promise<Result<Obtained, BrokerError>> {
    const leftMs = deadline - clock.now();
    if (leftMs <= 0) return fail(OUT_OF_TIME);
    const key = cacheKey(demand);
    // What a schedule earned while the table is away would reach nobody.
    const row = await deps.table.read(key);
    if (!row.ok)
      return fail({ kind: 'unavailable', dependency: 'dynamodb', detail: row.error.detail, retryAfterMs: 0 });
    const result = await within(clock, leftMs, beginRenewal(demand, key));
    if (result === undefined) return fail(OUT_OF_TIME);
    return result.ok ? result : fail(currentError(result.error, clock.now()));
  }

  return { obtain, renew };
}
