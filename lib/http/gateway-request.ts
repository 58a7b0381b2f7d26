import { isUtf8 } from 'node:buffer';
import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';

/** What the broker reads from an event of API Gateway, whatever its format. */
export interface GatewayRequest {
  /** As it stands in the path; not checked. */
  readonly profile: string;
  readonly contentType: string;
  /** Not yet decoded. */
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

type Members = Readonly<Record<string, unknown>>;

/** A value as an object with members: empty where it is none. Events are not trusted to have any shape. */
export const members = (value: unknown): Members =>
  typeof value === 'object' && value !== null ? (value as Members) : {};

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The id by which API Gateway's access log names the request. */
export const requestId = (event: unknown): string => {
  const id = text(members(members(event).requestContext).requestId);
  return /^[\w=+/.-]{1,128}$/.test(id) ? id : '';
};

/** A header by its name, in any letter case: HTTP APIs lower it, REST APIs leave it as it was sent. */
function header(event: Members, name: string): string {
  const headers = members(event.headers);
  const written = Object.keys(headers).find((key) => key.toLowerCase() === name);
  return written === undefined ? '' : text(headers[written]);
}

/**
 * The profile in the path. API Gateway has it as a path parameter; where a route of the operator's own has none, it is
 * what stands before the broker's path, whatever stage or base path comes first.
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
 * @param route what follows the profile in the path, with its first slash
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

/** A request for a token of one's own fits in this. */
export const LARGEST_FORM_BYTES = 4 * 1024;

/** A form that brings tokens along; a JWT with many roles is some kilobytes. */
export const LARGEST_TOKEN_FORM_BYTES = 48 * 1024;

const invalid = (detail: string) => fail<BrokerError>({ kind: 'invalid_request', detail });

/** The text of a form-url-encoded body of at most `largestBytes`. */
export function readFormBody(
  { contentType, body, isBase64Encoded }: GatewayRequest,
  largestBytes: number,
): Result<string, BrokerError> {
  if (contentType.split(';', 1)[0]?.trim().toLowerCase() !== 'application/x-www-form-urlencoded') {
    return invalid('the content type must be application/x-www-form-urlencoded');
  }
  const longest = isBase64Encoded ? Math.ceil(largestBytes / 3) * 4 : largestBytes;
  const bytes = body.length > longest ? undefined : Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  if (bytes === undefined || bytes.length > largestBytes)
    return invalid(`the body is larger than ${largestBytes / 1024} kB`);
  return isUtf8(bytes) ? ok(bytes.toString('utf8')) : invalid('the body is not UTF-8');
}
