import type { Health } from '../broker/credentials/health.ts';
import type { Principal } from '../broker/profiles/caller.ts';
import { authorize, type Use } from '../broker/profiles/policy.ts';
import { isProfileName, type Profile, type Profiles } from '../broker/profiles/profile.ts';
import type { Bulletin } from '../broker/store/bulletin.ts';
import type { Clock } from '../core/clock.ts';
import type { BrokerError, CallerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, plus } from '../core/time.ts';
import { type Form, parseForm } from '../oauth/form.ts';
import { answerBug, answerError, type GatewayAnswer } from './answer.ts';
import { describeBug } from './bug.ts';
import { readFormBody, readGatewayRequest, requestId } from './gateway-request.ts';
import { identify } from './identity.ts';
import type { Log, RequestRecord } from './log.ts';

/** The part of Lambda's context that is used. */
export interface InvocationContext {
  readonly getRemainingTimeInMillis: () => number;
  readonly awsRequestId?: string;
}

/** A Lambda function behind API Gateway. It never rejects. */
export type GatewayHandler = (event: unknown, context: InvocationContext) => Promise<GatewayAnswer>;

export interface EndpointDeps {
  readonly clock: Clock;
  readonly profiles: Profiles;
  readonly log: Log;
  readonly health: Pick<Health, 'degraded'>;
  readonly bulletin: Pick<Bulletin, 'look' | 'hasLooked' | 'isBlocked'>;
}

/** What is known of a request so far; the log gets it whatever becomes of the request. */
export type Facts = { -readonly [K in keyof RequestRecord]?: NonNullable<RequestRecord[K]> };

/** A request of a caller who may use the profile. */
export interface Asked {
  readonly caller: Principal;
  readonly profile: Profile;
  readonly form: Form;
  /** The size of the body that the form came in. */
  readonly bodyBytes: number;
  /** When the answer must be on its way. */
  readonly deadline: EpochMs;
  readonly facts: Facts;
}

/** What an endpoint does with a request that was let in. */
export type Serve = (asked: Asked) => Promise<Result<GatewayAnswer, BrokerError>>;

export const callerError = (kind: CallerError['kind'], detail: string) => fail<BrokerError>({ kind, detail });

const BLOCKED = fail<BrokerError>({ kind: 'not_allowed', detail: 'blocked by an operator' });

export interface EndpointOptions {
  /** As the log names it. */
  readonly name: string;
  readonly use: Use;
  /** What follows the profile in the path. */
  readonly route: string;
  /** Of the form. */
  readonly largestBytes: number;
}

/**
 * Creates `POST /{profile}{route}`: who asks, whether the profile is theirs, and what they sent, in this order; then an
 * answer and a line of log, whatever happens.
 */
export function createEndpoint(
  { clock, profiles, log, health, bulletin }: EndpointDeps,
  { name, use, route, largestBytes }: EndpointOptions,
  serve: Serve,
): GatewayHandler {
  async function letIn(
    event: unknown,
    context: InvocationContext,
    facts: Facts,
  ): Promise<Result<GatewayAnswer, BrokerError>> {
    const request = readGatewayRequest(event, route);
    if (isProfileName(request.profile)) facts.profile = request.profile;
    const caller = identify(event);
    if (!caller.ok) return caller;
    facts.caller = caller.value;
    const profile = authorize(profiles, request.profile, caller.value, use);
    if (!profile.ok) return profile;
    facts.issuer = profile.value.issuer;
    const remainingMs = context.getRemainingTimeInMillis();
    const deadline = plus(clock.now(), remainingMs);
    const isBlocked = () => bulletin.isBlocked(profile.value, caller.value);
    // In a new sandbox the look goes together with what else is read, if anything is; nothing is answered before it.
    const isFirst = !bulletin.hasLooked();
    if (!isFirst) await bulletin.look(remainingMs);
    if (isBlocked()) return BLOCKED;
    const body = readFormBody(request, largestBytes);
    if (!body.ok) return body;
    const form = parseForm(body.value);
    if (!form.ok) return callerError('invalid_request', form.error);
    const clientId = form.value.get('client_id');
    if (clientId !== undefined && clientId !== profile.value.name) {
      return callerError('invalid_request', 'client_id, if sent, must be the name of the profile');
    }
    const bodyBytes = Buffer.byteLength(body.value);
    const asked = { caller: caller.value, profile: profile.value, form: form.value, bodyBytes, deadline, facts };
    const served = await serve(asked);
    if (!isFirst || !isBlocked()) return served;
    delete facts.obtained;
    return BLOCKED;
  }

  return async (event, context) => {
    const at = clock.now();
    const id = requestId(event) || (context.awsRequestId ?? '');
    const facts: Facts = {};
    const served = await letIn(event, context, facts).catch((thrown: unknown) => {
      facts.bug = describeBug(thrown);
      return ok(answerBug(id));
    });
    if (!served.ok) facts.error = served.error;
    const answer = served.ok ? served.value : answerError(served.error, id);
    const durationMs = clock.now() - at;
    const degraded = health.degraded(facts.issuer);
    log.request({
      at,
      requestId: id,
      route: name,
      profile: '',
      status: answer.statusCode,
      durationMs,
      degraded,
      ...facts,
    });
    return answer;
  };
}
