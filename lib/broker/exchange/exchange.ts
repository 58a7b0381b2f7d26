import { createBoundedMap } from '../../core/bounded-map.ts';
import { within } from '../../core/clock.ts';
import { digest } from '../../core/digest.ts';
import type { BrokerError } from '../../core/error.ts';
import { REQUEST_MS } from '../../core/limits.ts';
import { onItsWay } from '../../core/on-its-way.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, MINUTE_MS, plus } from '../../core/time.ts';
import { TOKEN_TYPE } from '../../oauth/grant.ts';
import type { Send } from '../../oauth/transport.ts';
import { audiencesOf, scopesWithin } from '../../zitadel/scope.ts';
import { judgeTokenAnswer, type TokenOutcome } from '../../zitadel/token-answer.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import { buildExchangeRequest } from '../../zitadel/token-request.ts';
import { type AttemptDeps, toAttemptFailure, withSecret } from '../credentials/application.ts';
import { isReplaced } from '../credentials/attempt.ts';
import { ANSWER_MS, attemptEnd, LEAST_TIME_MS, mayRepeatUntil, OUT_OF_TIME } from '../credentials/deadline.ts';
import { type Doubts, outcomeOf, type Rejected } from '../introspection/doubts.ts';
import type { Inquiry } from '../introspection/inquiry.ts';
import type { Introspect } from '../introspection/introspect.ts';
import type { Counter, KeyIds } from '../obtain/counter.ts';
import { receiveToken } from '../obtain/receive.ts';
import { findRevoker } from '../obtain/subject.ts';
import type { Bulletin } from '../store/bulletin.ts';
import { type AttemptFailure, createFailure, currentError, type Failure, stands } from '../store/failure.ts';
import type { Holdings } from '../store/holdings.ts';
import { tokenNotice } from '../store/notices.ts';
import { type CacheKey, cacheKey, type Demand } from '../token/demand.ts';
import { LEAST_LEFT_MS, type Token } from '../token/freshness.ts';
import type { ExchangeWish } from './policy.ts';

/** A demand with a token of the caller's own, to be exchanged for another (RFC 8693). */
export interface ExchangeDemand extends Demand {
  readonly exchanged: ExchangeWish;
  /** Whether the caller named the scopes: then it gets exactly these, or an error; else those that its token has. */
  readonly isExact: boolean;
}

/** The result of an exchange. */
export interface ExchangedToken extends Token {
  readonly tokenType: string;
  readonly issuedTokenType: string;
  /** The requested scopes, used if the server sends no scope. */
  readonly granted: readonly string[];
}

export interface ObtainedOnBehalf {
  readonly token: ExchangedToken;
  readonly source: 'memory' | 'issued';
  readonly rejected?: Rejected;
}

/** Exchanges callers' tokens. `rejected`: an exchanged token that an API refused. */
export type ObtainOnBehalf = (
  demand: ExchangeDemand,
  deadline: EpochMs,
  rejected?: Redacted<string>,
) => Promise<Result<ObtainedOnBehalf, BrokerError>>;

export interface OnBehalfDeps extends AttemptDeps {
  readonly random: () => number;
  readonly uuid: () => string;
  readonly send: Send;
  readonly bulletin: Pick<Bulletin, 'isVoid' | 'isKnownDead' | 'post'>;
  readonly holdings: Pick<Holdings, 'note'>;
  readonly inquiry: Inquiry;
  readonly introspect: Introspect;
  readonly doubts: Doubts;
  readonly issued: Counter;
  /** Learns of the key of each exchange. */
  readonly keyIds: Pick<KeyIds, 'note'>;
}

/** The subject may be locked at any time; its exchanged token must not be handed out long after that. */
const KEPT_MS = 5 * MINUTE_MS;

const REMEMBERED = { entries: 10_000, bytes: 32 * 1024 * 1024 };
const ENTRY_BYTES = 700;

/** `N_A` is the `token_type` of an id token (RFC 8693 §2.2.1). */
const TOKEN_TYPES = ['bearer', 'n_a'];

/** The key of an exchange in memory: everything that determines its result, with tokens as digests. */
function exchangeKey(demand: ExchangeDemand): CacheKey {
  const { subjectToken, subjectTokenType, actor, audiences, requestedTokenType } = demand.exchanged;
  const parts = [
    cacheKey(demand),
    demand.isExact,
    digest(subjectToken.reveal()),
    subjectTokenType,
    actor && digest(actor.token.reveal()),
  ];
  return digest(JSON.stringify([...parts, actor?.tokenType, audiences, requestedTokenType])) as CacheKey;
}

/** Errors by which ZITADEL refuses the application itself; any other refusal concerns what the caller sent. */
const CLIENT_ERRORS = ['invalid_client', 'unauthorized_client'];

/** Maps a refusal of an exchange of the caller's token: mostly, the caller must send something else. */
function toFailure(
  outcome: Exclude<TokenOutcome, { kind: 'issued' }>,
  credential: string,
  whose: string,
): AttemptFailure {
  switch (outcome.kind) {
    case 'subject_refused':
      return { error: { kind: 'invalid_grant', detail: 'the subject token, or the actor token, is not accepted' } };
    case 'scope_refused':
      return { error: { kind: outcome.error, detail: 'the subject token lacks the requested scopes or audience' } };
    case 'type_refused':
      return { error: { kind: 'invalid_request', detail: 'this type of token does not support this exchange' } };
    case 'impersonation_refused': {
      const detail = `${outcome.detail}; to allow it, switch impersonation on in ZITADEL's security settings and give the actor an impersonator role`;
      return { error: { kind: 'impersonation_refused', detail } };
    }
    case 'credential_refused':
      if (!CLIENT_ERRORS.includes(outcome.error))
        return { error: { kind: 'invalid_grant', detail: 'the authorization server does not accept the subject' } };
      return toAttemptFailure(outcome, credential, whose);
    case 'unexpected':
      if (!outcome.isRefusal) return toAttemptFailure(outcome, credential, whose);
      return { error: { kind: 'invalid_request', detail: 'the authorization server does not accept this exchange' } };
    default:
      return toAttemptFailure(outcome, credential, whose);
  }
}

interface Entry {
  readonly token?: ExchangedToken;
  readonly keptUntil?: EpochMs;
  readonly failure?: Failure;
}

/** What an exchange requests: scopes, the audiences that they and the caller name, and the revoking application's. */
interface Extent {
  readonly scopes: readonly string[];
  readonly audiences: readonly string[];
  readonly revoker?: string;
}

const audienceOf = ({ audiences, revoker }: Extent): readonly string[] =>
  [...new Set([...audiences, ...(revoker === undefined ? [] : [revoker])])].sort();

/** The part of an extent that the subject has; `undefined` if it lacks all audiences, or one that the caller named. */
function narrowTo(
  { scopes, audiences, revoker }: Extent,
  subject: { readonly scopes?: readonly string[]; readonly audience?: readonly string[] },
  named: readonly string[],
): Extent | undefined {
  const has = subject.audience ?? [];
  const left = audiences.filter((audience) => has.includes(audience));
  // An audience that the caller named must not be dropped silently.
  if (left.length === 0 || !named.every((audience) => left.includes(audience))) return undefined;
  const common = scopes.filter((scope) => subject.scopes?.includes(scope));
  return {
    scopes: scopesWithin(common, left),
    audiences: left,
    ...(revoker !== undefined && has.includes(revoker) ? { revoker } : {}),
  };
}

/** Creates the exchange of callers' tokens of one sandbox: cached in memory only, one request at a time per key. */
export function createOnBehalf(deps: OnBehalfDeps): ObtainOnBehalf {
  const { clock, random, uuid, send, credentials, bulletin, holdings } = deps;
  const { inquiry, doubts, issued, keyIds } = deps;
  const memory = createBoundedMap<CacheKey, Entry>({
    ...REMEMBERED,
    sizeOf: ({ token }) => ENTRY_BYTES + (token?.accessToken.reveal().length ?? 0),
  });
  const underWay = new Map<CacheKey, Promise<Result<ExchangedToken, BrokerError>>>();

  /** One exchange with exactly this extent. */
  async function exchange(
    { profile, exchanged }: ExchangeDemand,
    extent: Extent,
    endsAt: EpochMs,
  ): Promise<Result<ExchangedToken, AttemptFailure>> {
    const { issuer, name, secret } = profile;
    const audiences = audienceOf(extent);
    const mayRepeat = mayRepeatUntil(clock, endsAt);
    return withSecret<ExchangedToken>(deps, { secret, issuer, endsAt }, async ({ credential, id }) => {
      const askedAt = clock.now();
      const asked = { issuer, credential, scopes: extent.scopes };
      const request = await buildExchangeRequest(asked, { ...exchanged, audiences }, { now: askedAt, jti: uuid });
      keyIds.note(credential);
      const outcome = judgeTokenAnswer(request, await send(request), TOKEN_TYPES);
      if (outcome.kind !== 'issued') return fail(toFailure(outcome, id, `profile ${name}, secret ${secret}`));
      const { tokenType, issuedTokenType } = outcome.response;
      if (issuedTokenType === undefined) {
        return fail({ error: { kind: 'unexpected_answer', detail: 'status 200: issued_token_type is missing' } });
      }
      // The audience of an id token also contains the requesting application.
      const isIdToken = issuedTokenType === TOKEN_TYPE.idToken && credential.kind !== 'service_account_key';
      const allowed = isIdToken ? [...audiences, credential.clientId] : audiences;
      const check = { audiences: allowed, mayAsk: !isIdToken && mayRepeat(0) };
      const token = await receiveToken(outcome.response, { profile, askedAt, check }, deps);
      if (!token.ok) return fail({ error: token.error });
      const isIrrevocable = profile.revocation !== undefined && extent.revoker === undefined;
      return ok({
        ...token.value,
        granted: extent.scopes,
        tokenType,
        issuedTokenType,
        ...(isIrrevocable ? { isIrrevocable } : {}),
      });
    });
  }

  /**
   * An exchange with all that the profile grants or that the caller named. ZITADEL refuses it if the subject has less,
   * so then the subject token is introspected and the request narrowed.
   */
  async function exchangeFitting(demand: ExchangeDemand): Promise<Result<ExchangedToken, AttemptFailure>> {
    const { profile, scopes, exchanged, isExact } = demand;
    const endsAt = plus(attemptEnd(clock), REQUEST_MS);
    const audiences = [...new Set([...audiencesOf(scopes), ...exchanged.audiences])];
    const whole: Extent = { scopes, audiences, ...(await findRevoker(profile, credentials)) };
    const first = await exchange(demand, whole, endsAt);
    if (first.ok || !['invalid_scope', 'invalid_target'].includes(first.error.error.kind)) return first;
    // Unless the caller named an audience, it follows from the scopes.
    const kind = exchanged.audiences.length === 0 ? 'invalid_scope' : 'invalid_target';
    const tooMuch = fail<AttemptFailure>({
      error: { kind, detail: 'the subject token lacks the requested scopes or audience' },
    });
    const isReadable = exchanged.subjectTokenType === TOKEN_TYPE.accessToken && exchanged.actor === undefined;
    const mayHaveLess = isReadable && (!isExact || whole.revoker !== undefined);
    if (!mayHaveLess) return tooMuch;
    const { issuer, secret } = profile;
    const asked = await inquiry.ask({ issuer, secret, endsAt }, exchanged.subjectToken);
    if (!asked.ok) return fail({ error: asked.error });
    if (!asked.value.isActive) {
      return fail({ error: { kind: 'invalid_grant', detail: 'the subject token is not accepted' } });
    }
    const fitting = narrowTo(whole, asked.value, exchanged.audiences);
    if (fitting === undefined || (isExact && fitting.scopes.length < scopes.length)) return tooMuch;
    return clock.now() + REQUEST_MS <= endsAt ? exchange(demand, fitting, endsAt) : fail({ error: OUT_OF_TIME });
  }

  async function exchangeAndRemember(
    demand: ExchangeDemand,
    key: CacheKey,
  ): Promise<Result<ExchangedToken, BrokerError>> {
    const earlier = memory.get(key)?.failure?.count ?? 0;
    const result = await exchangeFitting(demand);
    const now = clock.now();
    if (result.ok) {
      issued.add();
      const token = result.value;
      const keptUntil = Math.min(plus(now, KEPT_MS), plus(token.expiresAt, -LEAST_LEFT_MS)) as EpochMs;
      memory.set(key, { token, keptUntil });
      // It may be the subject of another exchange, whose token is cached for as long again.
      const holding = { profile: demand.profile.name, until: plus(keptUntil, KEPT_MS) };
      await onItsWay((onSent) => holdings.note(token.accessToken, holding, onSent));
      return ok(token);
    }
    const failure = createFailure(result.error, { now, earlier, random: random() });
    memory.set(key, { failure });
    return fail(currentError(failure, now));
  }

  function exchangeOnce(demand: ExchangeDemand, key: CacheKey): Promise<Result<ExchangedToken, BrokerError>> {
    const known = underWay.get(key);
    if (known !== undefined) return known;
    const begun = exchangeAndRemember(demand, key).finally(() => underWay.delete(key));
    begun.catch(() => undefined);
    underWay.set(key, begun);
    return begun;
  }

  /** Judges an exchanged token that an API refused; the rules are those of a profile's own tokens (memory.ts). */
  async function judgeRejected(
    { profile }: ExchangeDemand,
    key: CacheKey,
    { token, rejected, deadline }: { token: ExchangedToken; rejected: Redacted<string>; deadline: EpochMs },
  ): Promise<Rejected> {
    const { accessToken } = token;
    if (tokenDigest(accessToken) !== tokenDigest(rejected)) return 'not_current';
    const verdict = await doubts.examine(profile, key, accessToken, deadline);
    const outcome = outcomeOf(verdict);
    if (outcome !== 'replaced') return outcome;
    const until = plus(clock.now(), 2 * KEPT_MS);
    await bulletin.post(tokenNotice(accessToken, { profile: profile.name, until }));
    return outcome;
  }

  return async (demand, deadline, rejected) => {
    const key = exchangeKey(demand);
    const { profile, exchanged } = demand;
    const { token, keptUntil, failure } = memory.get(key) ?? {};
    const isKept =
      token !== undefined &&
      keptUntil !== undefined &&
      clock.now() < keptUntil &&
      !bulletin.isVoid(token, profile) &&
      // A dead subject token gets no cached token.
      !bulletin.isKnownDead(exchanged.subjectToken);
    let judged: { readonly rejected?: Rejected } = {};
    if (isKept) {
      if (rejected !== undefined)
        judged = { rejected: await judgeRejected(demand, key, { token, rejected, deadline }) };
      const isOver = clock.now() >= keptUntil;
      if (judged.rejected !== 'replaced' && !isOver) return ok({ token, source: 'memory', ...judged });
    }
    const now = clock.now();
    if (stands(failure, now, credentials.known(profile.secret))) {
      const isOver = await isReplaced(deps, profile.secret, failure, deadline);
      if (!isOver) return fail(currentError(failure, clock.now()));
    }
    for (;;) {
      const leftMs = deadline - clock.now();
      if (leftMs < LEAST_TIME_MS) return fail(OUT_OF_TIME);
      const isMine = !underWay.has(key);
      const result = await within(clock, leftMs - ANSWER_MS, exchangeOnce(demand, key));
      if (result === undefined) return fail(OUT_OF_TIME);
      if (!result.ok) return result;
      // A sandbox that was frozen meanwhile finds its token over.
      const isOver = result.value.expiresAt - clock.now() < LEAST_LEFT_MS;
      if (!isOver) return ok({ token: result.value, source: isMine ? 'issued' : 'memory', ...judged });
    }
  };
}
