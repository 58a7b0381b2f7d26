import { createBoundedMap } from '../../core/bounded-map.ts';
import { type Clock, within } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, MINUTE_MS, plus, SECOND_MS } from '../../core/time.ts';
import type { Send } from '../../oauth/transport.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import { isReplaced, type WithCredential } from '../credentials/attempt.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { ANSWER_MS, LEAST_TIME_MS, OUT_OF_TIME } from '../credentials/deadline.ts';
import type { ExplainRefusal } from '../credentials/issuer-check.ts';
import type { Outages } from '../credentials/outages.ts';
import { type Doubts, outcomeOf, type Rejected } from '../introspection/doubts.ts';
import type { Inquiry } from '../introspection/inquiry.ts';
import type { Introspect } from '../introspection/introspect.ts';
import { subjectOf } from '../profiles/check.ts';
import type { Profile, Profiles } from '../profiles/profile.ts';
import type { Bulletin } from '../store/bulletin.ts';
import { type AttemptFailure, currentError, type Failure } from '../store/failure.ts';
import type { Holdings } from '../store/holdings.ts';
import { tokenNotice } from '../store/notices.ts';
import type { Table } from '../store/table.ts';
import { type CacheKey, cacheKey, type Demand } from '../token/demand.ts';
import { freshness, isSameToken, type Token } from '../token/freshness.ts';
import type { Counter, KeyIds } from './counter.ts';
import { decide, type Entry, fallBack, isOutdated, NOTHING, type Renewed, remember, settle } from './entry.ts';
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
  readonly explainRefusal: ExplainRefusal;
  readonly bulletin: Bulletin;
  readonly outages: Pick<Outages, 'standing'>;
  readonly introspect: Introspect;
  readonly inquiry: Pick<Inquiry, 'isAlive'>;
  readonly doubts: Doubts;
  readonly profiles: Profiles;
  /** Counts the tokens obtained from ZITADEL. */
  readonly issued: Counter;
  /** Counts the callers that waited for a token. */
  readonly waits: Counter;
  /** Learns of the key of each token request. */
  readonly keyIds: Pick<KeyIds, 'note'>;
  /** Opens a connection to an issuer. */
  readonly connect?: Send['connect'];
}

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

/** How long a caller waits for a subject's token that could not be obtained before. */
const SUBJECT_MS = 0.5 * SECOND_MS;

/** A caller that waits less does not count: it mostly has its token from one read of the table. */
const WAIT_MS = 50;

/** A renewal, once its token is stored or cannot be. */
async function whenStored(promise: Promise<Renewed>) {
  const result = await promise;
  return { result, storeFault: result.ok ? await result.value.stored : undefined };
}

/** Creates the tokens of one sandbox. */
export function createTokens(deps: TokensDeps): Tokens {
  const { clock, credentials, profiles, bulletin, doubts, inquiry, issued, waits, table } = deps;
  const memory = createBoundedMap<CacheKey, Entry>({
    ...REMEMBERED,
    sizeOf: ({ token }) => ENTRY_BYTES + (token?.accessToken.reveal().length ?? 0),
  });
  /** One promise for each key, independent of the caller that started it. */
  const renewals = new Map<CacheKey, Lending<Renewed>>();
  const requests = createTokenRequests({ requestToken: createRequestToken(deps), credentials, obtainSubject });
  const renewal = createRenewal({ ...deps, requests });

  const entryOf = (key: CacheKey): Entry => memory.get(key) ?? NOTHING;

  const isDead = (token: Token, { minValidityMs }: Profile): boolean =>
    freshness(token, { now: clock.now(), minValidityMs }) === 'dead';

  function beginRenewal(
    demand: Demand,
    key: CacheKey,
    options: { rejected?: Token; aheadMs?: number; mayRequestAlone?: boolean } = {},
  ): Lending<Renewed> {
    const underWay = renewals.get(key);
    if (underWay !== undefined) return underWay;
    const { failure: failed } = entryOf(key);
    const promise = renewal(demand, key, { earlier: failed?.count ?? 0, failed, ...options })
      .then((result) => {
        if (result.ok && result.value.source === 'issued') issued.add();
        const known = entryOf(key);
        const { token } = known;
        const isGood =
          token !== undefined && !isSameToken(token, options.rejected) && !bulletin.isVoid(token, demand.profile);
        const { minValidityMs } = demand.profile;
        const entry = remember(known, result, { now: clock.now(), minValidityMs, isGood });
        if (entry !== known) memory.set(key, entry);
        return result;
      })
      .finally(() => renewals.delete(key));
    // A bug in a renewal without waiting callers must not end the process; waiting callers still see it.
    promise.catch(() => undefined);
    const begun = createLending(clock, promise);
    renewals.set(key, begun);
    return begun;
  }

  const fallBackTo = (key: CacheKey, error: BrokerError, failure?: Failure) =>
    fallBack(entryOf(key), error, { now: clock.now(), failure });

  /** Whether a completed renewal gives a caller nothing to use. */
  function isOver(result: Renewed, { profile }: Demand, isMine: boolean): boolean {
    if (!result.ok) return false;
    // A notice may have voided the token of a renewal that another request started.
    if (!isMine && bulletin.isVoid(result.value.token, profile)) return true;
    return isOutdated(result.value, { now: clock.now(), minValidityMs: profile.minValidityMs });
  }

  async function awaitRenewal(
    demand: Demand,
    key: CacheKey,
    deadline: EpochMs,
  ): Promise<Result<Obtained, BrokerError>> {
    const since = clock.now();
    const result = await settleRenewal(demand, key, deadline);
    if (clock.now() - since >= WAIT_MS) waits.add();
    return result;
  }

  async function settleRenewal(
    demand: Demand,
    key: CacheKey,
    deadline: EpochMs,
  ): Promise<Result<Obtained, BrokerError>> {
    const leftMs = deadline - clock.now();
    if (leftMs < LEAST_TIME_MS) return fallBackTo(key, OUT_OF_TIME);
    const isMine = !renewals.has(key);
    const begun = beginRenewal(demand, key);
    const result = await within(clock, leftMs - ANSWER_MS, begun.promise);
    if (result === undefined) return fallBackTo(key, OUT_OF_TIME);
    if (isOver(result, demand, isMine)) return settleRenewal(demand, key, deadline);
    return settle(entryOf(key), result, { now: clock.now(), isMine });
  }

  /** Serves a token that is due, and starts its renewal unless one is in progress. */
  async function serveDue(
    demand: Demand,
    key: CacheKey,
    { deadline, failed }: { deadline: EpochMs; failed?: Failure | undefined },
  ): Promise<Result<Obtained, BrokerError>> {
    const isMine = !renewals.has(key);
    const renewed = await beginRenewal(demand, key).lend();
    if (renewed !== undefined && !isOver(renewed, demand, isMine))
      return settle(entryOf(key), renewed, { now: clock.now(), isMine });
    const { token } = entryOf(key);
    const { minValidityMs } = demand.profile;
    // After a freeze, the token may have expired.
    const state = token === undefined ? 'dead' : freshness(token, { now: clock.now(), minValidityMs });
    if (token === undefined || state === 'dead') return awaitRenewal(demand, key, deadline);
    if (state !== 'last_resort') return ok({ token, source: 'memory' });
    return failed === undefined
      ? awaitRenewal(demand, key, deadline)
      : ok({ token, source: 'memory', failure: failed });
  }

  /** Whether a failure has ended early: its secret has changed, or its subject's token can be obtained again. */
  async function isCured(failure: Failure, { profile }: Demand, deadline: EpochMs): Promise<boolean> {
    if (!failure.ofSubject) return isReplaced(deps, profile.secret, failure, deadline);
    const subject = subjectOf(profile, profiles);
    if (subject === undefined) return false;
    const waitMs = Math.min(SUBJECT_MS, (deadline - clock.now()) / 2);
    const obtained = await within(clock, waitMs, obtain({ profile: subject, scopes: subject.scopes }, deadline));
    return obtained?.ok === true;
  }

  async function obtain(demand: Demand, deadline: EpochMs): Promise<Result<Obtained, BrokerError>> {
    const { profile } = demand;
    const key = cacheKey(demand);
    let entry = entryOf(key);
    if (entry.token !== undefined && bulletin.isVoid(entry.token, profile)) {
      entry = entry.failure === undefined ? NOTHING : { failure: entry.failure };
      memory.set(key, entry);
    }
    const now = clock.now();
    const credential = credentials.known(profile.secret);
    const { minValidityMs } = profile;
    const action = decide(entry, { now, minValidityMs, leftMs: deadline - now, credential });
    switch (action.kind) {
      case 'serve':
        return ok({ token: action.token, source: 'memory' });
      case 'serve_due':
        return serveDue(demand, key, { deadline, failed: action.failed });
      case 'report': {
        const { failure } = action;
        const isOverNow = await isCured(failure, demand, deadline);
        if (!isOverNow) return fallBackTo(key, currentError(failure, clock.now()), failure);
        memory.set(key, entry.token === undefined ? NOTHING : { token: entry.token });
        return awaitRenewal(demand, key, deadline);
      }
      case 'renew':
        return awaitRenewal(demand, key, deadline);
    }
  }

  /** Drops a token that is dead or replaced, and notifies all sandboxes. */
  async function invalidate({ profile }: Demand, key: CacheKey, token: Token): Promise<void> {
    if (isSameToken(entryOf(key).token, token)) memory.set(key, NOTHING);
    const { accessToken, expiresAt } = token;
    await bulletin.post(tokenNotice(accessToken, { profile: profile.name, until: plus(expiresAt, MINUTE_MS) }));
  }

  /** Obtains a replacement for a token that may be dead, and only then notifies the other sandboxes. */
  async function replace(
    demand: Demand,
    key: CacheKey,
    { token, deadline }: { token: Token; deadline: EpochMs },
  ): Promise<Result<Obtained, BrokerError>> {
    const leftMs = deadline - clock.now();
    if (leftMs < LEAST_TIME_MS) return fail(OUT_OF_TIME);
    const isMine = !renewals.has(key);
    const { promise } = beginRenewal(demand, key, { rejected: token });
    const ended = await within(clock, leftMs - ANSWER_MS, whenStored(promise));
    if (ended === undefined) return fail(OUT_OF_TIME);
    const { result } = ended;
    // A renewal that was in progress may return the token to be replaced.
    if (!isMine && result.ok && isSameToken(result.value.token, token)) {
      return replace(demand, key, { token, deadline });
    }
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
    const outcome = outcomeOf(verdict);
    if (outcome === 'replaced') {
      // ZITADEL says that it is dead: it is no longer handed out, even if there is no replacement.
      if (verdict === 'dead') await invalidate(demand, key, token);
      const replaced = await replace(demand, key, { token, deadline });
      if (!replaced.ok) return replaced;
      // After a freeze, look again.
      if (!isDead(replaced.value.token, demand.profile)) return ok({ ...replaced.value, rejected: outcome });
    }
    // Time has passed: there may be a newer token, and this one may have expired.
    const current = await obtain(demand, deadline);
    if (!current.ok) return current;
    return ok({ ...current.value, rejected: outcome });
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
    const { until } = entryOf(key).failure ?? {};
    return fail({ error: obtained.error, ofSubject: true, ...(until === undefined ? {} : { until }) });
  }

  async function renew(demand: Demand, deadline: EpochMs, aheadMs: number): Promise<Result<Obtained, BrokerError>> {
    const leftMs = deadline - clock.now();
    if (leftMs <= 0) return fail(OUT_OF_TIME);
    const key = cacheKey(demand);
    // Without the table, a prewarmed token would reach no caller.
    const { promise } = beginRenewal(demand, key, { aheadMs, mayRequestAlone: false });
    const ended = await within(clock, leftMs, whenStored(promise));
    if (ended === undefined) return fail(OUT_OF_TIME);
    const { result, storeFault } = ended;
    if (!result.ok) return fail(currentError(result.error, clock.now()));
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
