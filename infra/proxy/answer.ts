import { BrokerError, type BrokerErrorCode } from '../../client/src/errors.ts';
import { coveringSeconds } from '../../lib/core/time.ts';
import { answerJson, answerText, type GatewayAnswer } from '../../lib/http/answer.ts';
import type { Endpoint } from './route.ts';

/** RFC 6749 §5.2: what `error_description` may hold. */
const described = (text: string): string => text.replace(/"/g, "'").replace(/[^\x20-\x5b\x5d-\x7e]+/g, ' ');

/** A refusal of the proxy itself (RFC 6749 §5.2). */
export const refuse = (
  status: number,
  error: string,
  description: string,
  headers?: Readonly<Record<string, string>>,
): GatewayAnswer => answerJson(status, { error, error_description: described(description) }, headers);

/** An answer of the broker with status 200. A revocation has no body (RFC 7009 §2.2). */
export const answerBroker = (endpoint: Endpoint, members: object): GatewayAnswer =>
  endpoint === 'revoke' ? answerText(200, '') : answerJson(200, members);

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
export function answerFailure(error: unknown): GatewayAnswer {
  if (!(error instanceof BrokerError)) return refuse(500, 'server_error', 'an internal error of the proxy');
  const { code, requestId, retryAfterMs, message } = error;
  const [status, name] = OWN[code] ?? [error.status ?? 500, code];
  const seconds = retryAfterMs === undefined ? HOLD_SECONDS : coveringSeconds(retryAfterMs);
  const isTemporary = status === 429 || status === 503 || retryAfterMs !== undefined;
  const members = { error: name, error_description: described(message), request_id: requestId };
  return answerJson(status, members, isTemporary ? { 'retry-after': String(seconds) } : {});
}
