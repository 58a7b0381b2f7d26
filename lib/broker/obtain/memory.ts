import { createBoundedMap } from '../../core/bounded-map.ts';
import { type Clock, within } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, instant, MINUTE_MS, plus, SECOND_MS } from '../../core/time.ts';
import type { Send } from '../../oauth/transport.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import type { AttemptFailure, WithCredential } from '../credentials/attempt.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { ANSWER_MS, LEAST_TIME_MS, OUT_OF_TIME } from '../credentials/deadline.ts';
import type { Outages } from '../credentials/outages.ts';
import type { Doubts } from '../introspection/doubts.ts';
import type { Inquiry } from '../introspection/inquiry.ts';
import type { Introspect } from '../introspection/introspect.ts';
import { subjectOf } from '../profiles/check.ts';
import type { Profiles } from '../profiles/profile.ts';
import type { Bulletin } from '../store/bulletin.ts';
import { currentError, type Failure, isRecent, stands } from '../store/failure.ts';
import type { Holdings } from '../store/holdings.ts';
import { tokenNotice } from '../store/notices.ts';
import type { Table } from '../store/table.ts';
import { type CacheKey, cacheKey, type Demand } from '../token/demand.ts';
import { freshness, isSameToken, isWorthKeeping, LEAST_LEFT_MS, type Token } from '../token/freshness.ts';
import type { Counter } from './counter.ts';
import { createLending, type Lending } from './lending.ts';
import { createRenewal, type Obtained, RENEWAL_MS } from './renewal.ts';
import { createRequestToken } from './request.ts';
import { createTokenRequests } from './subject.ts';

/** All external dependencies, built once for each sandbox. */
export interface TokensDeps {
  readonly clock: Clock;
  /** From [0, 1). */
  readonly random: () => number;
  readonly uuid: () => string;
  readonly send: Send;
  readonly table: Table;
  readonly holdings: Holdings;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
  readonly bulletin: Bulletin;
  readonly outages: Pick<Outages, 'standing'>;
  readonly introspect: Introspect;
  readonly inquiry: Pick<Inquiry, 'isAlive'>;
  readonly doubts: Doubts;
  readonly profiles: Profiles;
  /** Counts the tokens obtained from ZITADEL. */
  readonly issued: Counter;
}

/** The outcome for a token that a caller reported as refused. */
export type Rejected = 'replaced' | 'active' | 'not_current' | 'not_checked';

/** Tokens for demands, cached while they are valid. */
export interface Tokens {
  /**
   * Obtains a token for a caller, by `deadline` at the latest.
   * @param rejected a token that an API refused: if it is the current one, it is checked and replaced
   */
  readonly obtain: (
    demand: Demand,
    deadline: EpochMs,
    rejected?: Redacted<string>,
  ) => Promise<Result<Obtained & { readonly rejected?: Rejected }, BrokerError>>;
  /** Renews the token if it is due within `aheadMs`, waits for it, and fails if it cannot be stored for others. */
  readonly renew: (demand: Demand, deadline: EpochMs, aheadMs: number) => Promise<Result<Obtained, BrokerError>>;
  /** When the stored token ends, according to the table. */
  readonly expiry: (demand: Demand) => Promise<EpochMs | undefined>;
}

/** The bounds of one sandbox's memory; the least recently used entries are evicted first. */
export const REMEMBERED = { entries: 10_000, bytes: 64 * 1024 * 1024 };

/** The estimated size of an entry without its token. */
const ENTRY_BYTES = 500;

/** While another sandbox renews a token that is still valid, this one looks for the result no more often than this. */
const LOOK_AGAIN_MS = SECOND_MS;

/** How long a caller waits while the secret of a refused credential is read again. */
const REFRESH_MS = 0.5 * SECOND_MS;

interface Entry {
  readonly token?: Token;
  readonly failure?: Failure;
  /** No renewal before then while the token is still valid. */
  readonly quietUntil?: EpochMs;
}

const NOTHING: Entry = {};

type Renewed = Result<Obtained, Failure>;

/** Creates the tokens of one sandbox. */
export function createTokens(deps: TokensDeps): Tokens {
  const { clock, credentials, profiles, bulletin, doubts, inquiry, issued, table } = deps;
  const memory = createBoundedMap<CacheKey, Entry>({
    ...REMEMBERED,
    sizeOf: ({ token }) => ENTRY_BYTES + (token?.accessToken.reveal().length ?? 0),
  });
  /** One promise for each key, independent of the caller that started it. */
  const renewals = new Map<CacheKey, Lending<Renewed>>();
  const requests = createTokenRequests({ requestToken: createRequestToken(deps), credentials, obtainSubject });
  const renewal = createRenewal({ ...deps, requests });

  const freshnessOf = (token: Token, { profile: { minValidityMs } }: Demand) =>
    freshness(token, { now: clock.now(), minValidityMs });

  /** Remembers the result of a renewal, but does not replace a token with one that expires earlier. */
  function remember(key: CacheKey, result: Renewed, { profile }: Demand, rejected: Token | undefined): void {
    const now = clock.now();
    const { token: known } = memory.get(key) ?? NOTHING;
    const isGood = known !== undefined && !isSameToken(known, rejected) && !bulletin.isVoid(known, profile);
    const before = isGood ? known : undefined;
    if (!result.ok) {
      // A token rejected without proof stays: ZITADEL may be down, and the token valid.
      memory.set(key, { ...(known === undefined ? {} : { token: known }), failure: result.error });
      return;
    }
    const { token: found, source, failure } = result.value;
    if (source === 'issued') issued.add();
    if (!isWorthKeeping(found)) return;
    const token = before !== undefined && before.expiresAt > found.expiresAt ? before : found;
    const isFresh = freshness(token, { now, minValidityMs: profile.minValidityMs }) === 'fresh';
    memory.set(key, {
      token,
      ...(failure === undefined ? {} : { failure }),
      ...(isFresh ? {} : { quietUntil: plus(now, LOOK_AGAIN_MS) }),
    });
  }

  function beginRenewal(
    demand: Demand,
    key: CacheKey,
    options: { rejected?: Token; aheadMs?: number; mayRequestAlone?: boolean } = {},
  ): Lending<Renewed> {
    const underWay = renewals.get(key);
    if (underWay !== undefined) return underWay;
    const failed = memory.get(key)?.failure;
    const promise = renewal(demand, key, { earlier: failed?.count ?? 0, failed, ...options })
      .then((result) => {
        remember(key, result, demand, options.rejected);
        return result;
      })
      .finally(() => renewals.delete(key));
    // A bug in a renewal without waiting callers must not end the process; waiting callers still see it.
    promise.catch(() => undefined);
    const begun = createLending(clock, promise);
    renewals.set(key, begun);
    return begun;
  }

  /** The result without a renewal: the cached token if it is still valid, else the error. */
  function fallBack(key: CacheKey, error: BrokerError, failure?: Failure): Result<Obtained, BrokerError> {
    const { token } = memory.get(key) ?? NOTHING;
    if (token === undefined || token.expiresAt - clock.now() < LEAST_LEFT_MS) return fail(error);
    return ok({ token, source: 'memory', ...(failure === undefined ? {} : { failure }) });
  }

  /** Whether a renewal's token is outdated: after a freeze it may be about to expire, and there may be a newer one. */
  function isOver(result: Renewed, demand: Demand, isMine: boolean): boolean {
    if (!result.ok) return false;
    const { token, failure } = result.value;
    // A notice may have voided the token of a renewal that another request started.
    if (!isMine && bulletin.isVoid(token, demand.profile)) return true;
    const state = freshnessOf(token, demand);
    return state === 'dead' || (state === 'last_resort' && failure === undefined);
  }

  /** The result of a completed renewal for one caller: only for the caller that started it is the source `issued`. */
  function settle(key: CacheKey, result: Renewed, isMine: boolean): Result<Obtained, BrokerError> {
    if (!result.ok) return fallBack(key, currentError(result.error, clock.now()), result.error);
    const { value } = result;
    return ok(isMine || value.source !== 'issued' ? value : { ...value, source: 'memory' });
  }

  async function awaitRenewal(
    demand: Demand,
    key: CacheKey,
    deadline: EpochMs,
  ): Promise<Result<Obtained, BrokerError>> {
    const leftMs = deadline - clock.now();
    if (leftMs < LEAST_TIME_MS) return fallBack(key, OUT_OF_TIME);
    const isMine = !renewals.has(key);
    const begun = beginRenewal(demand, key);
    const result = await within(clock, leftMs - ANSWER_MS, begun.promise);
    if (result === undefined) return fallBack(key, OUT_OF_TIME);
    return isOver(result, demand, isMine) ? awaitRenewal(demand, key, deadline) : settle(key, result, isMine);
  }

  /**
   * Serves a token that is due, and starts its renewal unless one is in progress.
   * @param failed a renewal that failed recently: then even a token below its minimum is served, so that callers do not
   *   wait for every attempt while ZITADEL is down or slow
   */
  async function serveDue(
    demand: Demand,
    key: CacheKey,
    { deadline, failed }: { deadline: EpochMs; failed?: Failure },
  ): Promise<Result<Obtained, BrokerError>> {
    const isMine = !renewals.has(key);
    const renewed = await beginRenewal(demand, key).lend();
    if (renewed !== undefined && !isOver(renewed, demand, isMine)) return settle(key, renewed, isMine);
    const { token } = memory.get(key) ?? NOTHING;
    // After a freeze, the token may have expired.
    const state = token === undefined ? 'dead' : freshnessOf(token, demand);
    if (token === undefined || state === 'dead') return awaitRenewal(demand, key, deadline);
    if (state !== 'last_resort') return ok({ token, source: 'memory' });
    return failed === undefined
      ? awaitRenewal(demand, key, deadline)
      : ok({ token, source: 'memory', failure: failed });
  }

  /** Whether a failure has ended early: its secret has changed, or its subject's token can be obtained again. */
  async function isCured(failure: Failure, { profile }: Demand, deadline: EpochMs): Promise<boolean> {
    const waitMs = Math.min(REFRESH_MS, (deadline - clock.now()) / 2);
    if (failure.ofSubject) {
      const subject = subjectOf(profile, profiles);
      if (subject === undefined) return false;
      const obtained = await within(clock, waitMs, obtain({ profile: subject, scopes: subject.scopes }, deadline));
      return obtained?.ok === true;
    }
    const { kind } = failure.error;
    if (kind !== 'credential_refused' && kind !== 'credential_unusable') return false;
    const before = failure.credential ?? credentials.known(profile.secret);
    const current = await within(clock, waitMs, credentials.refresh(profile.secret));
    return current?.ok === true && current.value.id !== before;
  }

  async function obtain(demand: Demand, deadline: EpochMs): Promise<Result<Obtained, BrokerError>> {
    const key = cacheKey(demand);
    const entry = memory.get(key) ?? NOTHING;
    const { failure, quietUntil = instant(0) } = entry;
    let { token } = entry;
    if (token !== undefined && bulletin.isVoid(token, demand.profile)) {
      token = undefined;
      memory.set(key, failure === undefined ? NOTHING : { failure });
    }
    const now = clock.now();
    const state = token === undefined ? 'dead' : freshnessOf(token, demand);
    if (token !== undefined && state === 'fresh') return ok({ token, source: 'memory' });
    if (stands(failure, now, credentials.known(demand.profile.secret))) {
      const isOverNow = await isCured(failure, demand, deadline);
      if (!isOverNow) return fallBack(key, currentError(failure, clock.now()), failure);
      memory.set(key, token === undefined ? NOTHING : { token });
      return awaitRenewal(demand, key, deadline);
    }
    if (token !== undefined && state === 'due') {
      const isLeftAlone = now < quietUntil || deadline - now < LEAST_TIME_MS;
      return isLeftAlone ? ok({ token, source: 'memory' }) : serveDue(demand, key, { deadline });
    }
    if (state === 'last_resort' && isRecent(failure, now)) return serveDue(demand, key, { deadline, failed: failure });
    return awaitRenewal(demand, key, deadline);
  }

  /** Drops a token that is dead or replaced, and notifies all sandboxes. */
  async function invalidate({ profile }: Demand, key: CacheKey, token: Token): Promise<void> {
    if (isSameToken(memory.get(key)?.token, token)) memory.set(key, NOTHING);
    const { accessToken, expiresAt } = token;
    await bulletin.post(tokenNotice(accessToken, { profile: profile.name, until: plus(expiresAt, MINUTE_MS) }));
  }

  /** Obtains a replacement for a token that may be dead, and only then notifies the other sandboxes. */
  async function replace(
    demand: Demand,
    key: CacheKey,
    { token, deadline }: { token: Token; deadline: EpochMs },
  ): Promise<Result<Obtained, BrokerError>> {
    // A renewal in progress may return the token to be replaced.
    const underWay = renewals.get(key)?.promise.catch(() => undefined);
    if (underWay !== undefined) await within(clock, deadline - clock.now() - LEAST_TIME_MS, underWay);
    const leftMs = deadline - clock.now();
    if (leftMs < LEAST_TIME_MS) return fail(OUT_OF_TIME);
    const result = await within(clock, leftMs - ANSWER_MS, beginRenewal(demand, key, { rejected: token }).promise);
    if (result === undefined) return fail(OUT_OF_TIME);
    if (!result.ok) return fail(currentError(result.error, clock.now()));
    const isTold = bulletin.isVoid(token, demand.profile);
    if (!isTold && !isSameToken(result.value.token, token)) await invalidate(demand, key, token);
    return result;
  }

  /**
   * Obtains a token for a caller that reports one as refused. Only the current token is examined, at most once a minute
   * for each key in the fleet: callers cannot cause more requests to ZITADEL, or the loss of a newer token.
   */
  async function obtainInstead(
    demand: Demand,
    deadline: EpochMs,
    rejected: Redacted<string>,
  ): Promise<Result<Obtained & { readonly rejected: Rejected }, BrokerError>> {
    const key = cacheKey(demand);
    const obtained = await obtain(demand, deadline);
    if (!obtained.ok) return obtained;
    const { token, source } = obtained.value;
    const isCurrent = source !== 'issued' && tokenDigest(token.accessToken) === tokenDigest(rejected);
    if (!isCurrent) return ok({ ...obtained.value, rejected: 'not_current' });
    const verdict = await doubts.examine(demand.profile, key, token.accessToken, deadline);
    if (verdict === 'taken') {
      // Another caller doubted it in the last minute, and it may have been replaced.
      const newer = await awaitRenewal(demand, key, deadline);
      if (!newer.ok) return newer;
      return ok({ ...newer.value, rejected: isSameToken(newer.value.token, token) ? 'not_checked' : 'not_current' });
    }
    if (verdict === 'believed' || verdict === 'dead') {
      // ZITADEL says that it is dead: it is no longer handed out, even if there is no replacement.
      if (verdict === 'dead') await invalidate(demand, key, token);
      const replaced = await replace(demand, key, { token, deadline });
      if (!replaced.ok) return replaced;
      // After a freeze, look again.
      const isGood = freshnessOf(replaced.value.token, demand) !== 'dead';
      if (isGood) return ok({ ...replaced.value, rejected: 'replaced' });
    }
    // Time has passed: there may be a newer token, and this one may have expired.
    const current = await obtain(demand, deadline);
    if (!current.ok) return current;
    return ok({ ...current.value, rejected: verdict === 'active' || verdict === 'not_checked' ? verdict : 'replaced' });
  }

  async function obtainSubject({ profile }: Demand, refused?: Token): Promise<Result<Token, AttemptFailure>> {
    const subject = subjectOf(profile, profiles);
    if (subject === undefined) {
      const detail = `profile ${profile.name} has no subject whose token to exchange`;
      return fail({ error: { kind: 'credential_unusable', detail } });
    }
    const demand = { profile: subject, scopes: subject.scopes };
    const key = cacheKey(demand);
    const deadline = plus(clock.now(), RENEWAL_MS);
    if (refused !== undefined) {
      await bulletin.look(RENEWAL_MS, true);
      if (!bulletin.isVoid(refused, subject)) {
        // If it is alive, it lacks this application's audience, and so would its replacement.
        const isAlive = await inquiry.isAlive(subject.issuer, refused.accessToken);
        if (isAlive || (isAlive === undefined && !(await doubts.claim(key)))) return ok(refused);
      }
      const replaced = await replace(demand, key, { token: refused, deadline });
      return replaced.ok ? ok(replaced.value.token) : fail({ error: replaced.error, ofSubject: true });
    }
    const obtained = await obtain(demand, deadline);
    if (obtained.ok) return ok(obtained.value.token);
    // Do not back off longer than the subject does.
    const { until } = memory.get(key)?.failure ?? {};
    return fail({ error: obtained.error, ofSubject: true, ...(until === undefined ? {} : { until }) });
  }

  async function renew(demand: Demand, deadline: EpochMs, aheadMs: number): Promise<Result<Obtained, BrokerError>> {
    const leftMs = deadline - clock.now();
    if (leftMs <= 0) return fail(OUT_OF_TIME);
    const key = cacheKey(demand);
    // Without the table, a prewarmed token would reach no caller.
    const { promise } = beginRenewal(demand, key, { aheadMs, mayRequestAlone: false });
    const result = await within(clock, leftMs, promise);
    if (result === undefined) return fail(OUT_OF_TIME);
    if (!result.ok) return fail(currentError(result.error, clock.now()));
    const { storeFault } = result.value;
    if (storeFault === undefined) return result;
    const detail = `the token could not be stored: ${storeFault.detail}`;
    return fail({ kind: 'unavailable', dependency: 'dynamodb', detail, retryAfterMs: 0 });
  }

  return {
    obtain: (demand, deadline, rejected) =>
      rejected === undefined ? obtain(demand, deadline) : obtainInstead(demand, deadline, rejected),
    renew,
    async expiry(demand) {
      const row = await table.read(cacheKey(demand));
      return row.ok ? row.value?.expiresAt : undefined;
    },
  };
}
