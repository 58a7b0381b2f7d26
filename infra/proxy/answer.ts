import { BrokerError, type BrokerErrorCode } from '../../client/src/errors.ts';
import type { Endpoint } from './route.ts';

/** An answer to a client. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** RFC 6749 §5.1: neither tokens nor errors may be cached. */
const HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' };

/** An answer in JSON. */
export function json(status: number, members: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { ...HEADERS, ...headers }, body: JSON.stringify(members) };
}

/** RFC 6749 §5.2: what `error_description` may hold. */
const described = (text: string): string => text.replace(/"/g, "'").replace(/[^\x20-\x5b\x5d-\x7e]+/g, ' ');

/** A refusal of the proxy itself (RFC 6749 §5.2). */
export const refuse = (
  status: number,
  error: string,
  description: string,
  headers?: Readonly<Record<string, string>>,
): Answer => json(status, { error, error_description: described(description) }, headers);

/** An answer of the broker with status 200. A revocation has no body (RFC 7009 §2.2). */
export const answerBroker = (endpoint: Endpoint, members: object): Answer =>
  endpoint === 'revoke' ? { status: 200, headers: HEADERS, body: '' } : json(200, members);

/** What a client of OAuth understands, for the client's own codes. The others are the broker's, with its status. */
const OWN: Readonly<Partial<Record<BrokerErrorCode, readonly [status: number, error: string]>>> = {
  forbidden: [403, 'unauthorized_client'],
  throttled: [429, 'temporarily_unavailable'],
  unexpected_answer: [502, 'server_error'],
  unreachable: [503, 'temporarily_unavailable'],
  timeout: [503, 'temporarily_unavailable'],
  no_credentials: [500, 'server_error'],
};

/** What a client should wait if the broker names no time: after that long, the proxy asks the broker again. */
const HOLD_SECONDS = 1;

/** The answer for a failure. */
export function answerFailure(error: unknown): Answer {
  if (!(error instanceof BrokerError)) return refuse(500, 'server_error', 'an internal error of the proxy');
  const { code, requestId, retryAfterMs, message } = error;
  const [status, name] = OWN[code] ?? [error.status ?? 500, code];
  const seconds = retryAfterMs === undefined ? HOLD_SECONDS : Math.ceil(retryAfterMs / 1000);
  const isTemporary = status === 429 || status === 503 || retryAfterMs !== undefined;
  const members = { error: name, error_description: described(message), request_id: requestId };
  return json(status, members, isTemporary ? { 'retry-after': String(seconds) } : {});
}
