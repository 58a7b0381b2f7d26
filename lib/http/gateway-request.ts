import { isUtf8 } from 'node:buffer';
import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { FORM_TYPE } from '../oauth/form.ts';
import { LONGEST_TOKEN } from '../oauth/token-response.ts';

/** What the broker reads from an API Gateway event of any format. */
export interface GatewayRequest {
  /** As in the path; not checked. */
  readonly profile: string;
  readonly contentType: string;
  /** Not yet decoded. */
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

type Members = Readonly<Record<string, unknown>>;

/** A value as an object, empty if it is not one. Events are not trusted to have any shape. */
export const members = (value: unknown): Members =>
  typeof value === 'object' && value !== null ? (value as Members) : {};

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The request id that API Gateway's access log uses. */
export const requestId = (event: unknown): string => {
  const id = text(members(members(event).requestContext).requestId);
  return /^[\w=+/.-]{1,128}$/.test(id) ? id : '';
};

const TRACE_HEADER = 'x-amzn-trace-id';
const TRACE_ROOT = /(?:^|[;,\s])Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?![^;,\s])/;

/** The root of the trace that a request belongs to, as AWS X-Ray and load balancers write it; empty if there is none. */
export function traceRoot(event: unknown): string {
  const request = members(event);
  const [, root = ''] = TRACE_ROOT.exec(header(request, TRACE_HEADER)) ?? [];
  return root;
}

/** A header by its name, case-insensitively: HTTP APIs convert names to lower case, REST APIs do not. */
export function header(event: unknown, name: string): string {
  const headers = members(members(event).headers);
  for (const key in headers) {
    if (key.length === name.length && key.toLowerCase() === name) return text(headers[key]);
  }
  return '';
}

/**
 * The profile in the path: the path parameter or, if the operator's own route has none, the segment before `route`. A
 * stage or base path may come before it.
 */
function profileOf(event: Members, route: string): string {
  const parameter = text(members(event.pathParameters).profile);
  if (parameter !== '') return parameter;
  const path = text(event.rawPath) || text(event.path);
  if (!path.endsWith(route)) return '';
  const before = path.slice(0, -route.length);
  return before.slice(before.lastIndexOf('/') + 1);
}

/**
 * Reads an HTTP API event (payload 2.0 or 1.0) or a REST API event.
 * @param route the path after the profile, with its leading slash
 */
export function readGatewayRequest(event: unknown, route: string): GatewayRequest {
  const fields = members(event);
  return {
    profile: profileOf(fields, route),
    contentType: header(fields, 'content-type'),
    body: text(fields.body),
    isBase64Encoded: fields.isBase64Encoded === true,
  };
}

/** The limit for a client credentials request. */
export const LARGEST_FORM_BYTES = 4 * 1024;

/** The limit for a form that contains tokens: two of the longest kind, a subject and an actor. */
export const LARGEST_TOKEN_FORM_BYTES = 2 * LONGEST_TOKEN + LARGEST_FORM_BYTES;

const invalid = (detail: string) => fail<BrokerError>({ kind: 'invalid_request', detail });

/** The text of a form-url-encoded body of at most `largestBytes`. */
export function readFormBody(
  { contentType, body, isBase64Encoded }: GatewayRequest,
  largestBytes: number,
): Result<string, BrokerError> {
  if (contentType.split(';', 1)[0]?.trim().toLowerCase() !== FORM_TYPE) {
    return invalid(`the content type must be ${FORM_TYPE}`);
  }
  const longest = isBase64Encoded ? Math.ceil(largestBytes / 3) * 4 : largestBytes;
  const bytes = body.length > longest ? undefined : Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  if (bytes === undefined || bytes.length > largestBytes)
    return invalid(`the body is larger than ${largestBytes / 1024} kB`);
  return isUtf8(bytes) ? ok(bytes.toString('utf8')) : invalid('the body is not UTF-8');
}
