import type { Principal } from '../broker/caller.ts';
import type { Demand } from '../broker/demand.ts';
import { authorize, grantScopes } from '../broker/policy.ts';
import type { Profiles } from '../broker/profile.ts';
import type { Obtained } from '../broker/renewal.ts';
import type { Tokens } from '../broker/tokens.ts';
import type { Clock } from '../core/clock.ts';
import type { BrokerError, CallerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, plus, secondsUntil } from '../core/time.ts';
import { type Form, parseForm } from '../oauth/form.ts';
import { GRANT_TYPE } from '../oauth/grant.ts';
import { answerBug, answerError, answerJson, type GatewayAnswer } from './answer.ts';
import { readFormBody, readGatewayRequest, requestId } from './gateway-request.ts';
import { identify } from './identity.ts';
import type { Log, RequestRecord } from './log.ts';

/** What follows the profile in the path. */
export const TOKEN_ROUTE = '/oauth/v2/token';

export interface TokenEndpointDeps {
  readonly clock: Clock;
  readonly profiles: Profiles;
  readonly tokens: Tokens;
  readonly log: Log;
}

/** The part of Lambda's context that is used. */
export interface InvocationContext {
  readonly getRemainingTimeInMillis: () => number;
  readonly awsRequestId?: string;
}

/** A Lambda function behind API Gateway. It never rejects. */
export type GatewayHandler = (event: unknown, context: InvocationContext) => Promise<GatewayAnswer>;

const callerError = (kind: CallerError['kind'], detail: string) => fail<BrokerError>({ kind, detail });

/** Reads what a token request demands (RFC 6749 §4.4.2); parameters that are not known are ignored (§3.2). */
function readDemand(form: Form, profile: Demand['profile']): Result<Demand, BrokerError> {
  const grantType = form.get('grant_type');
  if (grantType === undefined) return callerError('invalid_request', 'grant_type is missing');
  if (grantType !== GRANT_TYPE.clientCredentials) {
    return callerError('unsupported_grant_type', `grant_type must be ${GRANT_TYPE.clientCredentials}`);
  }
  const clientId = form.get('client_id');
  if (clientId !== undefined && clientId !== profile.name) {
    return callerError('invalid_request', 'client_id, if sent, must be the name of the profile');
  }
  if (form.has('audience') || form.has('resource')) {
    return callerError('invalid_target', 'audiences are set by the profile; leave audience and resource out');
  }
  const scopes = grantScopes(profile, form.get('scope'));
  return scopes.ok ? ok({ profile, scopes: scopes.value }) : scopes;
}

/** RFC 6749 §5.1. */
function answerToken({ token }: Obtained, demand: Demand, now: EpochMs): GatewayAnswer {
  return answerJson(200, {
    access_token: token.accessToken.reveal(),
    token_type: 'Bearer',
    expires_in: secondsUntil(token.expiresAt, now),
    scope: token.scope ?? demand.scopes.join(' '),
  });
}

/** What is known of a request so far; the log gets it whatever becomes of the request. */
type Facts = { -readonly [K in 'caller' | 'obtained' | 'error' | 'bug']?: NonNullable<RequestRecord[K]> };

/** Creates `POST /{profile}/oauth/v2/token`. */
export function createTokenEndpoint({ clock, profiles, tokens, log }: TokenEndpointDeps): GatewayHandler {
  async function serve(
    event: unknown,
    context: InvocationContext,
    facts: Facts,
    name: string,
  ): Promise<Result<GatewayAnswer, BrokerError>> {
    const caller: Result<Principal, BrokerError> = identify(event);
    if (!caller.ok) return caller;
    facts.caller = caller.value;
    const profile = authorize(profiles, name, caller.value);
    if (!profile.ok) return profile;
    const body = readFormBody(readGatewayRequest(event, TOKEN_ROUTE));
    if (!body.ok) return body;
    const form = parseForm(body.value);
    if (!form.ok) return callerError('invalid_request', form.error);
    const demand = readDemand(form.value, profile.value);
    if (!demand.ok) return demand;
    const deadline = plus(clock.now(), context.getRemainingTimeInMillis());
    const obtained = await tokens.obtain(demand.value, deadline);
    if (!obtained.ok) return obtained;
    facts.obtained = obtained.value;
    return ok(answerToken(obtained.value, demand.value, clock.now()));
  }

  return async (event, context) => {
    const at = clock.now();
    const id = requestId(event) || (context.awsRequestId ?? '');
    const facts: Facts = {};
    const { profile } = readGatewayRequest(event, TOKEN_ROUTE);
    const served = await serve(event, context, facts, profile).catch((bug: unknown) => {
      facts.bug = bug instanceof Error ? bug.name : typeof bug;
      return ok(answerBug(id));
    });
    if (!served.ok) facts.error = served.error;
    const answer = served.ok ? served.value : answerError(served.error, id);
    const shown = /^[a-z][a-z0-9-]{0,62}$/.test(profile) ? profile : '';
    const durationMs = clock.now() - at;
    log.request({ at, requestId: id, route: 'token', profile: shown, status: answer.statusCode, durationMs, ...facts });
    return answer;
  };
}
