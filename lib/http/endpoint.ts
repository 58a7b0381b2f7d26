import type { Expiries } from '../broker/credentials/expiries.ts';
import type { Health } from '../broker/credentials/health.ts';
import type { Principal } from '../broker/profiles/caller.ts';
import type { LimitCaller } from '../broker/profiles/caller-rate.ts';
import { authorize, type Use } from '../broker/profiles/policy.ts';
import { isProfileName, type Profile, type Profiles } from '../broker/profiles/profile.ts';
import type { Bulletin } from '../broker/store/bulletin.ts';
import { createBoundedMap } from '../core/bounded-map.ts';
import type { Clock } from '../core/clock.ts';
import type { BrokerError, CallerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, plus } from '../core/time.ts';
import { FORM_TYPE, type Form, parseForm } from '../oauth/form.ts';
import { answerBug, answerError, type GatewayAnswer } from './answer.ts';
import { describeBug } from './bug.ts';
import { type GatewayRequest, readFormBody, readGatewayRequest, requestId, traceRoot } from './gateway-request.ts';
import { identify } from './identity.ts';
import type { Log, RequestRecord } from './log.ts';

/** The used part of Lambda's context. */
export interface InvocationContext {
  readonly getRemainingTimeInMillis: () => number;
  readonly awsRequestId?: string;
}

/** A Lambda function behind API Gateway. It never rejects. */
export type GatewayHandler = (event: unknown, context: InvocationContext) => Promise<GatewayAnswer>;

export interface EndpointDeps {
  readonly clock: Clock;
  readonly profiles: Profiles;
  readonly log: Pick<Log, 'request'>;
  readonly health: Pick<Health, 'degraded'>;
  readonly expiries: Pick<Expiries, 'take'>;
  readonly bulletin: Pick<Bulletin, 'look' | 'hasLooked' | 'isBlocked'>;
  /** Absent: callers may send any number of requests. */
  readonly limitCaller?: LimitCaller;
}

/** What is known about a request so far. It is logged whatever the outcome. */
export type Facts = { -readonly [K in keyof RequestRecord]: RequestRecord[K] };

/** A request of a caller that may use the profile. */
export interface Asked {
  readonly caller: Principal;
  readonly profile: Profile;
  readonly form: Form;
  /** The size of the body that contained the form. */
  readonly bodyBytes: number;
  /** When the answer must be sent. */
  readonly deadline: EpochMs;
  readonly facts: Facts;
}

/** How an endpoint serves an authorized request. */
export type Serve = (asked: Asked) => Promise<Result<GatewayAnswer, BrokerError>>;

export const callerError = (kind: CallerError['kind'], detail: string) => fail<BrokerError>({ kind, detail });

const BLOCKED = fail<BrokerError>({ kind: 'not_allowed', detail: 'blocked by an operator' });

/** The form of a request. */
interface SentForm {
  readonly form: Form;
  /** The size of the body that contained it. */
  readonly bodyBytes: number;
}

/** Reads the form, once for each request. */
export type ReadForm = () => Result<SentForm, BrokerError>;

function readForm(request: GatewayRequest, largestBytes: number): ReturnType<ReadForm> {
  const body = readFormBody(request, largestBytes);
  if (!body.ok) return body;
  const form = parseForm(body.value);
  if (!form.ok) return callerError('invalid_request', form.error);
  return ok({ form: form.value, bodyBytes: Buffer.byteLength(body.value) });
}

/** The forms that most requests repeat: they contain no secret, and are parsed once. */
const COMMON = { entries: 100, mostLength: 1_000, names: ['grant_type', 'scope', 'client_id'] };

/** Creates the reader of an endpoint's forms. */
function createReadForm(largestBytes: number): (request: GatewayRequest) => ReturnType<ReadForm> {
  const common = () => createBoundedMap<string, ReturnType<ReadForm>>(COMMON);
  const [plain, base64] = [common(), common()];
  return (request) => {
    const { contentType, body, isBase64Encoded } = request;
    if (contentType !== FORM_TYPE || body.length > COMMON.mostLength) return readForm(request, largestBytes);
    const known = isBase64Encoded ? base64 : plain;
    const repeated = known.get(body);
    if (repeated !== undefined) return repeated;
    const read = readForm(request, largestBytes);
    if (read.ok && read.value.form.names().every((name) => COMMON.names.includes(name))) known.set(body, read);
    return read;
  };
}

/** How callers say who they are, and which of them a profile lists. */
export interface Door {
  readonly identify: (
    event: unknown,
    request: GatewayRequest,
    readForm: ReadForm,
  ) => Result<Principal, BrokerError> | Promise<Result<Principal, BrokerError>>;
  readonly authorize: typeof authorize;
  /** Whether the form has the caller's identity; in any other request it would be a second one. */
  readonly takesAssertion: boolean;
}

/** API Gateway's IAM authorizer. */
const IAM_DOOR: Door = { identify, authorize, takesAssertion: false };

export interface EndpointOptions {
  /** Its name in the log. */
  readonly name: string;
  readonly use: Use;
  /** The path after the profile. */
  readonly route: string;
  /** The limit for the body. */
  readonly largestBytes: number;
  /** Default: IAM. */
  readonly door?: Door;
}

/**
 * Creates `POST /{profile}{route}`. It checks the caller and how much it sends, then its access to the profile, then the
 * form. It always answers and writes one log line.
 */
export function createEndpoint(
  { clock, profiles, log, health, expiries, bulletin, limitCaller }: EndpointDeps,
  { name, use, route, largestBytes, door = IAM_DOOR }: EndpointOptions,
  serve: Serve,
): GatewayHandler {
  const readFormOf = createReadForm(largestBytes);

  async function letIn(
    event: unknown,
    context: InvocationContext,
    facts: Facts,
  ): Promise<Result<GatewayAnswer, BrokerError>> {
    const request = readGatewayRequest(event, route);
    if (isProfileName(request.profile)) facts.profile = request.profile;
    let read: ReturnType<ReadForm> | undefined;
    const readOnce = () => {
      read ??= readFormOf(request);
      return read;
    };
    const identified = door.identify(event, request, readOnce);
    // A warm hit does not wait for what is known.
    const caller = identified instanceof Promise ? await identified : identified;
    if (!caller.ok) return caller;
    facts.caller = caller.value;
    const limited = limitCaller?.(caller.value);
    if (limited?.ok === false) return limited;
    const profile = door.authorize(profiles, request.profile, caller.value, use);
    if (!profile.ok) return profile;
    facts.issuer = profile.value.issuer;
    const remainingMs = context.getRemainingTimeInMillis();
    const deadline = plus(clock.now(), remainingMs);
    const isBlocked = () => bulletin.isBlocked(profile.value, caller.value);
    // A new sandbox reads the notices in parallel with the other reads of `serve`, if any; the check below covers it.
    const isFirst = !bulletin.hasLooked();
    const looking = isFirst ? undefined : bulletin.look(remainingMs);
    if (looking !== undefined) await looking;
    if (isBlocked()) return BLOCKED;
    const sent = readOnce();
    if (!sent.ok) return sent;
    const { form, bodyBytes } = sent.value;
    const clientId = form.get('client_id');
    if (clientId !== undefined && clientId !== profile.value.name) {
      return callerError('invalid_request', 'client_id, if sent, must be the name of the profile');
    }
    if (form.has('client_assertion') && !door.takesAssertion) {
      return callerError('invalid_request', 'the request is signed by an IAM role; omit client_assertion');
    }
    if (form.has('client_secret')) facts.isClientSecretSent = true;
    const asked = { caller: caller.value, profile: profile.value, form, bodyBytes, deadline, facts };
    const served = await serve(asked);
    if (!isFirst || !isBlocked()) return served;
    delete facts.obtained;
    return BLOCKED;
  }

  return async (event, context) => {
    const at = clock.now();
    const id = requestId(event) || (context.awsRequestId ?? '');
    const facts: Facts = { at, requestId: id, route: name, profile: '', status: 500, durationMs: 0 };
    let answer: GatewayAnswer;
    try {
      const served = await letIn(event, context, facts);
      if (!served.ok) facts.error = served.error;
      answer = served.ok ? served.value : answerError(served.error, id);
    } catch (thrown) {
      facts.bug = describeBug(thrown);
      answer = answerBug(id);
    }
    facts.status = answer.statusCode;
    facts.durationMs = clock.now() - at;
    facts.degraded = health.degraded(facts.issuer ?? '');
    const expiring = expiries.take();
    if (expiring !== undefined) facts.expiring = expiring;
    const trace = traceRoot(event);
    if (trace !== '') facts.trace = trace;
    log.request(facts);
    return answer;
  };
}
