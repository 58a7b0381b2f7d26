import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen, type StandIn, type TlsIdentity } from '../stand-in.ts';
import { parseAuthorization } from './authorization.ts';
import { type Api, type Delivery, mountOf, resourceArn, resourceOf } from './delivery.ts';
import { eventV1 } from './event-v1.ts';
import { eventV2 } from './event-v2.ts';
import { invoke, serializeEvent } from './lambda.ts';
import { type GatewayResponse, type PayloadFormat, parseLambdaResult } from './lambda-result.ts';
import { type Refusal, reasonOf, refusalResponse } from './refusal.ts';
import { hasTooLargeHeader, headerValues, percentDecode, receive, type WireRequest } from './request.ts';
import { belowMount, findRoute, type Route } from './route.ts';
import { signedAtMs } from './signing-date.ts';
import { type Principal, verifySignature } from './sigv4.ts';
import { createThrottle, type ThrottleOptions } from './throttle.ts';

/** API Gateway with IAM authorization in front of Lambda functions. */
export interface GatewayOptions {
  readonly routes: readonly Route[];
  readonly principals: readonly Principal[];
  /** Epoch milliseconds; signatures are checked against it. */
  readonly now: () => number;
  /** `v2`: an HTTP API with payload format 2.0. `v1`: a REST API with payload format 1.0. Default: `v2`. */
  readonly payload?: PayloadFormat;
  /** A named stage is the first segment of every path. Default: `$default`, which adds no segment. */
  readonly stage?: string;
  /** Simulates a custom domain: this, instead of a stage, is the first segment of every path. Without slashes. */
  readonly basePath?: string;
  readonly port?: number;
  readonly host?: string;
  readonly region?: string;
  readonly accountId?: string;
  readonly apiId?: string;
  readonly lambdaTimeoutMs?: number;
  /** Default: no limit. */
  readonly throttle?: ThrottleOptions;
  /** Speaks https with this certificate. Default: http. */
  readonly tls?: TlsIdentity;
  /** Receives a line for each request that the gateway itself answers: why. Default: none. */
  readonly onRefusal?: (line: string) => void;
  /** Receives what a handler threw, or that its response is invalid; callers see only a 500 or 502. Default: none. */
  readonly onError?: (error: unknown) => void;
}

/** The response to a request, and the request's id. */
interface Reply {
  readonly requestId: string;
  readonly response: GatewayResponse;
}

function write(res: ServerResponse, { requestId, response }: Reply, payload: PayloadFormat): void {
  res.statusCode = response.statusCode;
  for (const [name, value] of response.headers) res.appendHeader(name, value);
  if (payload === 'v1') res.setHeader('x-amzn-requestid', requestId);
  res.setHeader('apigw-requestid', requestId);
  res.end(response.body);
}

/** A path for a line of the log: printable, and of moderate length. */
const shown = (path: string): string => path.replace(/[^\x21-\x7e]/g, '?').slice(0, 200);

/**
 * What a REST API says to a request for a route that it does not have. One that has a header `Authorization` of another
 * kind is told about that instead.
 */
function noRoute(request: WireRequest, payload: PayloadFormat): Refusal {
  const [header] = headerValues(request, 'authorization');
  if (payload === 'v2' || header === undefined) return { kind: 'noRoute' };
  const parsed = parseAuthorization(header, signedAtMs(request) !== undefined);
  if (typeof parsed !== 'string') return { kind: 'noRoute' };
  const reason = reasonOf({ kind: 'noRoute' });
  return { kind: 'signature', fault: { kind: 'IncompleteSignatureException', message: parsed, reason } };
}

/**
 * Starts the gateway.
 * @throws {Error} with `code: 'EADDRINUSE'` if the port is in use.
 */
export async function createGateway(options: GatewayOptions): Promise<StandIn> {
  const { routes, principals, now, payload = 'v2', lambdaTimeoutMs = 15_000 } = options;
  const { region = 'eu-central-1', accountId = '123456789012', port = 0, host = '127.0.0.1' } = options;
  const { apiId = 'a1b2c3d4e5', stage = '$default', basePath } = options;
  const scheme = options.tls === undefined ? 'http' : 'https';
  const api: Api = { apiId, accountId, region, stage, basePath, scheme };
  const isTaken = options.throttle === undefined ? () => true : createThrottle(options.throttle, now);
  const createEvent: (delivery: Delivery) => unknown = payload === 'v2' ? eventV2 : eventV1;

  const respond = async (req: IncomingMessage, requestId: string): Promise<GatewayResponse> => {
    const receivedAtMs = now();
    const refuse = (refusal: Refusal): GatewayResponse => {
      const response = refusalResponse(refusal, payload);
      const [path = ''] = (req.url ?? '').split('?');
      options.onRefusal?.(
        `API Gateway answered ${response.statusCode} to ${req.method} ${shown(path)}: ${reasonOf(refusal)}.`,
      );
      return response;
    };
    const request = await receive(req);
    if (hasTooLargeHeader(req)) return refuse({ kind: 'headerTooLarge' });
    if (request === undefined) return refuse({ kind: 'bodyTooLarge' });
    if (percentDecode(request.path) === undefined) return refuse({ kind: 'badPath' });
    const path = belowMount(request.path, mountOf(api));
    const match = path === undefined ? undefined : findRoute(routes, request.method, path);
    if (path === undefined || match === undefined) return refuse(noRoute(request, payload));
    if (!isTaken()) return refuse({ kind: 'throttled' });
    const verification = match.route.isPublic
      ? undefined
      : verifySignature(request, { principals, region, nowMs: receivedAtMs });
    if (verification?.ok === false) return refuse({ kind: 'signature', fault: verification.fault });

    const principal = verification?.principal;
    const resource = resourceOf(request.method, percentDecode(path) ?? path);
    if (principal?.mayInvoke?.has(resource) === false) {
      return refuse({ kind: 'notAllowed', userArn: principal.userArn, resource: resourceArn(api, resource) });
    }
    const { handler, functionName: name = 'local' } = match.route;
    const event = serializeEvent(createEvent({ ...match, api, request, principal, requestId, receivedAtMs }));
    if (event === undefined) return refuse({ kind: 'payloadTooLarge' });
    const invocation = await invoke({ handler, name, region, accountId, timeoutMs: lambdaTimeoutMs }, event, now);
    if (invocation.kind === 'timedOut') return refuse({ kind: 'functionTimedOut' });
    const response = invocation.kind === 'returned' ? parseLambdaResult(invocation.value, payload) : undefined;
    if (response !== undefined) return response;
    options.onError?.(
      invocation.kind === 'threw' ? invocation.error : new Error('The function returned no valid response.'),
    );
    return refuse({ kind: 'functionFailed' });
  };

  return listen(
    (req, res) => {
      const requestId = payload === 'v2' ? randomBytes(11).toString('base64') : randomUUID();
      respond(req, requestId)
        .then((response) => write(res, { requestId, response }, payload))
        .catch((error: unknown) => {
          // A client that disconnects is not an error.
          if (req.complete) options.onError?.(error);
          res.destroy();
        });
    },
    { port, host, ...(options.tls && { tls: options.tls }) },
  );
}
