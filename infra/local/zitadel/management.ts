import { type Caller, changeState, type Handler } from './calls.ts';
import { applicationCalls, userCalls } from './credential-calls.ts';
import { FORM, mediaTypeOf } from './form.ts';
import { bare, bearerOf, json, type RawRequest, type Reply, text } from './http.ts';
import { activeSession, type Instance } from './instance.ts';
import { goFault, JsonFault, parseJson } from './json-tree.ts';
import { listApplicationKeys, listKeys } from './key-lists.ts';
import { type ApiFault, apiFault, FAULTS, gatewayFault, type Protocol } from './management-faults.ts';
import { faultOf, type Input, type Message } from './messages.ts';
import { ProtoFault, readMessage } from './protojson.ts';
import { REQUESTS } from './requests.ts';
import { ZITADEL_PROJECT } from './scopes.ts';
import { withoutSpace } from './tokens.ts';

/** A call of the API: what it takes, and what it does. */
interface Operation {
  readonly message: Message;
  readonly handler: Handler;
}

interface Route extends Operation {
  readonly method: string;
  readonly path: RegExp;
}

const route = (method: string, path: string, message: Message, handler: Handler): Route => ({
  method,
  path: new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]*)')}$`),
  message,
  handler,
});

/** The methods that the gateway passes to gRPC. */
const GATEWAY = [
  route('POST', '/v2/users/keys/search', REQUESTS.listKeys, listKeys),
  route('POST', '/v2/users/{userId}/keys', REQUESTS.addKey, userCalls.addKey),
  route('DELETE', '/v2/users/{userId}/keys/{keyId}', REQUESTS.removeKey, userCalls.removeKey),
  route('POST', '/v2/users/{userId}/secret', REQUESTS.addSecret, userCalls.addSecret),
  route('DELETE', '/v2/users/{userId}/secret', REQUESTS.removeSecret, userCalls.removeSecret),
  route('POST', '/v2/users/{userId}/lock', REQUESTS.user, changeState('locked')),
  route('POST', '/v2/users/{userId}/unlock', REQUESTS.user, changeState('active')),
  route('POST', '/v2/users/{userId}/deactivate', REQUESTS.user, changeState('inactive')),
  route('POST', '/v2/users/{userId}/reactivate', REQUESTS.user, changeState('active')),
];

const APPLICATION_SERVICE = '/zitadel.application.v2.ApplicationService/';

/** The methods of the service that speaks Connect. */
const CONNECT: Readonly<Record<string, Operation>> = {
  CreateApplicationKey: { message: REQUESTS.createApplicationKey, handler: applicationCalls.addKey },
  ListApplicationKeys: { message: REQUESTS.listApplicationKeys, handler: listApplicationKeys },
  DeleteApplicationKey: { message: REQUESTS.deleteApplicationKey, handler: applicationCalls.removeKey },
  GenerateClientSecret: { message: REQUESTS.generateClientSecret, handler: applicationCalls.addSecret },
};

function authenticate(instance: Instance, { headers, issuer, nowMs }: RawRequest): Caller | ApiFault {
  const { org, adminToken } = instance.accounts;
  if (!headers.authorization) return FAULTS.noHeader;
  const token = bearerOf(headers.authorization);
  if (token === undefined) return FAULTS.badHeader;
  const isAdmin = adminToken !== undefined && withoutSpace(token) === adminToken;
  const session = isAdmin ? undefined : activeSession(instance, token, issuer, nowMs);
  if (!isAdmin && session?.audience.includes(ZITADEL_PROJECT) !== true) return FAULTS.badToken;
  const wantedOrg = headers['x-zitadel-orgid'] ?? '';
  if (wantedOrg !== '' && wantedOrg !== org) return FAULTS.noOrganization;
  const isOwner = instance.owners.has(session?.userId ?? '');
  return { userId: session?.userId, isAdmin, isOwner };
}

function call(instance: Instance, request: RawRequest, protocol: Protocol, operation: Operation, input: Input) {
  const caller = authenticate(instance, request);
  if ('kind' in caller) return apiFault(protocol, caller);
  const fault = faultOf(operation.message, input);
  if (fault !== undefined) return apiFault(protocol, { kind: 'invalid_argument', message: fault });
  return operation.handler({ instance, caller, nowMs: request.nowMs, protocol, input });
}

/** Parses a body, or says what is wrong with it. The gateway ignores everything after the first value. */
function read(body: string, message: Message, isWhole: boolean): Input | string {
  const text = isWhole ? body : body.trimStart();
  try {
    return readMessage(isWhole ? text : text.slice(0, parseJson(text).end), message);
  } catch (error) {
    if (error instanceof JsonFault) return goFault(text, error);
    if (error instanceof ProtoFault) return error.message;
    throw error;
  }
}

const isForm = ({ method, headers }: RawRequest) => method === 'POST' && mediaTypeOf(headers['content-type']) === FORM;

async function throughGateway(instance: Instance, request: RawRequest): Promise<Reply> {
  const { method, path, body } = request;
  if (path === '/healthz') {
    // The gateway treats a posted form as a long query.
    const isRead = method === 'GET' || isForm(request);
    return isRead
      ? { ...json({ status: 'SERVING' }), headers: {} }
      : gatewayFault('unimplemented', 'Method Not Allowed');
  }
  const routes = GATEWAY.filter((known) => known.path.test(path));
  if (routes.length === 0) return gatewayFault('not_found', 'Not Found');
  const found = routes.find((known) => known.method === method);
  if (found === undefined) return gatewayFault('unimplemented', 'Method Not Allowed');
  const hasBody = method !== 'DELETE' && body.trim() !== '';
  const input = hasBody ? read(body, found.message, false) : {};
  if (typeof input === 'string') return gatewayFault('invalid_argument', input);
  return call(instance, request, 'grpc', found, { ...input, ...found.path.exec(path)?.groups });
}

async function throughConnect(instance: Instance, request: RawRequest, name: string): Promise<Reply> {
  const operation = Object.hasOwn(CONNECT, name) ? CONNECT[name] : undefined;
  if (operation === undefined) return { ...text('404 page not found\n', 404), headers: {} };
  if (request.method !== 'POST') return bare(405, { allow: 'POST' });
  if (mediaTypeOf(request.headers['content-type']) !== 'application/json') return bare(415, {});
  const { message } = operation;
  const refuse = (said: string) =>
    apiFault('connect', { kind: 'invalid_argument', message: `unmarshal message: ${said}` });
  if (request.body === '') return refuse('zero-length payload is not a valid JSON object');
  const input = read(request.body, message, true);
  if (typeof input === 'string') return refuse(`unmarshal into *application.${message.name}: ${input}`);
  return call(instance, request, 'connect', operation, input);
}

/** ZITADEL's own API, as far as it rotates credentials and changes account states, and all unknown paths. */
export function manage(instance: Instance, request: RawRequest): Promise<Reply> {
  const { path } = request;
  if (!path.startsWith(APPLICATION_SERVICE)) return throughGateway(instance, request);
  return throughConnect(instance, request, path.slice(APPLICATION_SERVICE.length));
}
