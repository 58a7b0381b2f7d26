import { type Clock, within } from '../core/clock.ts';
import { digest } from '../core/digest.ts';
import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, MINUTE_MS, plus, SECOND_MS } from '../core/time.ts';
import type { Send } from '../oauth/transport.ts';
import { judgeTokenAnswer, type TokenOutcome } from '../zitadel/token-answer.ts';
import { buildExchangeRequest, type ExchangeParameters } from '../zitadel/token-request.ts';
import { toAttemptFailure } from './application.ts';
import { createBoundedMap } from './bounded-map.ts';
import type { Credentials, HeldCredential } from './credentials.ts';
import { type CacheKey, cacheKey, type Demand } from './demand.ts';
import { REQUEST_MS } from './exchange.ts';
import { createFailure, currentError, type Failure, stands } from './failure.ts';
import { LEAST_LEFT_MS, type Token, tokenLife } from './freshness.ts';
import type { AttemptFailure, WithCredential } from './refusals.ts';
import type { Revocations } from './revocations.ts';

/** A demand that comes with a token of the caller's own, to be exchanged for another (RFC 8693). */
export interface ExchangeDemand extends Demand {
  readonly exchanged: ExchangeParameters;
}

/** What the exchange gave. */
export interface ExchangedToken extends Token {
  readonly tokenType: string;
  readonly issuedTokenType: string;
}

export interface ObtainedOnBehalf {
  readonly token: ExchangedToken;
  readonly source: 'memory' | 'exchange';
}

/** Exchanges callers' tokens. */
export type ObtainOnBehalf = (
  demand: ExchangeDemand,
  deadline: EpochMs,
) => Promise<Result<ObtainedOnBehalf, BrokerError>>;

export interface OnBehalfDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly send: Send;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
  readonly revocations: Revocations;
}

/** The subject may be locked out at any time; its exchanged token must not be handed out long after. */
const KEPT_MS = 5 * MINUTE_MS;

const REMEMBERED_DEMANDS = 10_000;
const ANSWER_MS = SECOND_MS / 2;
const LEAST_TIME_MS = 1.5 * SECOND_MS;
const EXCHANGE_MS = 2 * REQUEST_MS + SECOND_MS;

/** ZITADEL calls the type of a token that opens nothing, an id token, `N_A`. */
const TOKEN_TYPES = ['bearer', 'n_a'];

const OUT_OF_TIME: BrokerError = {
  kind: 'out_of_time',
  detail: 'no time left to exchange a token',
  retryAfterMs: SECOND_MS,
};

/** The name of an exchange in memory: everything that decides what comes out, tokens by their digests. */
function exchangeKey(demand: ExchangeDemand): CacheKey {
  const { subjectToken, subjectTokenType, actor, audience, requestedTokenType } = demand.exchanged;
  const parts = [
    cacheKey(demand),
    digest(subjectToken.reveal()),
    subjectTokenType,
    actor && digest(actor.token.reveal()),
  ];
  return digest(JSON.stringify([...parts, actor?.tokenType, audience, requestedTokenType])) as CacheKey;
}

/** What a refusal means where the caller's own token is exchanged: mostly that the caller must send something else. */
function toFailure(outcome: Exclude<TokenOutcome, { kind: 'earned' }>, credential: string): AttemptFailure {
  switch (outcome.kind) {
    case 'subject_refused':
      return { error: { kind: 'invalid_grant', detail: 'the subject token, or the actor token, is not accepted' } };
    case 'scope_refused':
      return { error: { kind: outcome.error, detail: 'the subject token does not have what is asked for' } };
    case 'type_refused':
      return { error: { kind: 'invalid_request', detail: 'this type of token cannot be exchanged so' } };
    case 'impersonation_refused': {
      const detail = `${outcome.detail}; to allow it, switch impersonation on in ZITADEL's security settings and give the actor an impersonator role`;
      return { error: { kind: 'impersonation_refused', detail } };
    }
    default:
      return toAttemptFailure(outcome, credential);
  }
}

interface Entry {
  readonly token?: ExchangedToken;
  readonly keptUntil?: EpochMs;
  readonly failure?: Failure;
}

/** Creates the exchange of callers' tokens of one sandbox: in memory only, one request at a time for each key. */
export function createOnBehalf({
  clock,
  random,
  uuid,
  send,
  credentials,
  withCredential,
  revocations,
}: OnBehalfDeps): ObtainOnBehalf {
  const memory = createBoundedMap<CacheKey, Entry>(REMEMBERED_DEMANDS);
  const underWay = new Map<CacheKey, Promise<Result<ExchangedToken, BrokerError>>>();

  async function exchange({
    profile,
    scopes,
    exchanged,
  }: ExchangeDemand): Promise<Result<ExchangedToken, AttemptFailure>> {
    const held = await credentials.get(profile.secret);
    if (!held.ok) return fail({ error: held.error });
    const endsAt = plus(clock.now(), EXCHANGE_MS);
    const attempt = async ({ credential, id }: HeldCredential): Promise<Result<ExchangedToken, AttemptFailure>> => {
      const earnedAt = clock.now();
      const request = await buildExchangeRequest({ issuer: profile.issuer, credential, scopes }, exchanged, {
        now: earnedAt,
        jti: uuid,
      });
      const outcome = judgeTokenAnswer(request, await send(request), TOKEN_TYPES);
      if (outcome.kind !== 'earned') return fail(toFailure(outcome, id));
      const { accessToken, lifeMs, scope, tokenType, issuedTokenType } = outcome.response;
      if (issuedTokenType === undefined) {
        return fail({ error: { kind: 'unexpected_answer', detail: 'status 200: issued_token_type is missing' } });
      }
      if (lifeMs < LEAST_LEFT_MS) {
        return fail({
          error: { kind: 'unexpected_answer', detail: 'the token lives less than 5 s, which is of no use' },
        });
      }
      const life = tokenLife(earnedAt, { lifeMs, maxAgeMs: profile.maxAgeMs, random: random() });
      return ok({ accessToken, ...(scope === undefined ? {} : { scope }), ...life, tokenType, issuedTokenType });
    };
    const result = await withCredential(
      profile.secret,
      held.value,
      attempt,
      (delayMs) => clock.now() + delayMs + REQUEST_MS <= endsAt,
    );
    return result.ok ? ok(result.value.value) : result;
  }

  async function exchangeAndRemember(
    demand: ExchangeDemand,
    key: CacheKey,
  ): Promise<Result<ExchangedToken, BrokerError>> {
    const earlier = memory.get(key)?.failure?.count ?? 0;
    const result = await exchange(demand);
    const now = clock.now();
    if (result.ok) {
      const token = result.value;
      memory.set(key, {
        token,
        keptUntil: Math.min(plus(now, KEPT_MS), plus(token.expiresAt, -LEAST_LEFT_MS)) as EpochMs,
      });
      return ok(token);
    }
    const { error, credential, until: refusedUntil } = result.error;
    const failure = createFailure(error, { now, earlier, random: random(), credential, refusedUntil });
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

  return async (demand, deadline) => {
    const key = exchangeKey(demand);
    const { token, keptUntil, failure } = memory.get(key) ?? {};
    const isRevoked =
      token !== undefined &&
      demand.profile.revocation !== undefined &&
      (await revocations.isKnown(token, deadline - clock.now()));
    const now = clock.now();
    if (token !== undefined && keptUntil !== undefined && now < keptUntil && !isRevoked)
      return ok({ token, source: 'memory' });
    if (stands(failure, now, credentials.known(demand.profile.secret))) return fail(currentError(failure, now));
    const leftMs = deadline - now;
    if (leftMs < LEAST_TIME_MS) return fail(OUT_OF_TIME);
    const result = await within(clock, leftMs - ANSWER_MS, exchangeOnce(demand, key));
    if (result === undefined) return fail(OUT_OF_TIME);
    return result.ok ? ok({ token: result.value, source: 'exchange' }) : result;
  };
}
