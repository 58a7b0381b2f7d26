import type { BrokerError } from '../core/error.ts';
import { coveringSeconds } from '../core/time.ts';

/** An answer in the form that API Gateway accepts in every payload format. */
export interface GatewayAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Kind = BrokerError['kind'];

/** The only mapping from failures to HTTP statuses. */
const STATUS = {
  invalid_request: 400,
  unsupported_grant_type: 400,
  unsupported_token_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_grant: 400,
  untrusted_caller: 401,
  caller_throttled: 429,
  assertion_refused: 401,
  not_allowed: 403,
  impersonation_refused: 403,
  credential_unusable: 502,
  credential_refused: 502,
  unexpected_answer: 502,
  unavailable: 503,
  out_of_time: 503,
} as const satisfies Record<Kind, number>;

/** What the caller sees if the failure is not its own: an error code and what to do. */
const PUBLIC = {
  untrusted_caller: ['invalid_client', 'sign the request as an IAM role (AWS Signature Version 4)'],
  // No RFC has a code for 429 at a token endpoint; clients that know 503 wait for Retry-After with this one too.
  caller_throttled: [
    'temporarily_unavailable',
    'this caller sends too many requests; keep tokens, and try again later',
  ],
  not_allowed: ['unauthorized_client', 'the profile does not exist, or this caller may not use it'],
  impersonation_refused: [
    'unauthorized_client',
    'the authorization server does not allow this actor to impersonate others',
  ],
  credential_unusable: ['server_error', 'the credential of the profile is unusable; its operator must fix it'],
  credential_refused: ['server_error', 'the authorization server refuses the credential of the profile'],
  unexpected_answer: ['server_error', 'the authorization server returned an unusable answer'],
  unavailable: ['temporarily_unavailable', 'the broker cannot serve this request at the moment; try again later'],
  out_of_time: ['temporarily_unavailable', 'the broker could not serve this request in time; try again'],
} as const satisfies Partial<Record<Kind, readonly [error: string, description: string]>>;

const JSON_TYPE = { 'content-type': 'application/json' };

/** Neither tokens nor errors may be cached (RFC 6749 §5.1). */
const HEADERS = { ...JSON_TYPE, 'cache-control': 'no-store', pragma: 'no-cache' };

/** An answer for one caller, in JSON. */
export const answerJson = (
  statusCode: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): GatewayAnswer => ({
  statusCode,
  headers: { ...HEADERS, ...headers },
  body: JSON.stringify(body),
});

/** An answer that is the same for all callers and may be cached, in JSON. */
export const answerPublic = (body: object, maxAgeSeconds: number): GatewayAnswer => ({
  statusCode: 200,
  headers: { ...JSON_TYPE, 'cache-control': `public, max-age=${maxAgeSeconds}` },
  body: JSON.stringify(body),
});

/** An answer whose body is already JSON, or empty. */
export const answerText = (statusCode: number, body: string): GatewayAnswer => ({ statusCode, headers: HEADERS, body });

const publicText = (error: BrokerError): readonly [error: string, description: string] => {
  if (error.kind === 'assertion_refused') return ['invalid_client', error.detail];
  return error.kind in PUBLIC ? PUBLIC[error.kind as keyof typeof PUBLIC] : [error.kind, error.detail];
};

/** The answer for a failure (RFC 6749 §5.2), with the request id that finds the details in the log. */
export function answerError(error: BrokerError, requestId: string): GatewayAnswer {
  const [code, description] = publicText(error);
  return answerJson(
    STATUS[error.kind],
    { error: code, error_description: description, request_id: requestId },
    {
      ...('retryAfterMs' in error ? { 'retry-after': String(coveringSeconds(error.retryAfterMs)) } : {}),
      // RFC 9110 §11.6.1: a 401 must name an accepted scheme.
      ...(error.kind === 'untrusted_caller' ? { 'www-authenticate': 'AWS4-HMAC-SHA256' } : {}),
      ...(error.kind === 'assertion_refused' ? { 'www-authenticate': 'Bearer' } : {}),
    },
  );
}

/** The answer for a bug: only the request id that finds it in the log. */
export const answerBug = (requestId: string): GatewayAnswer =>
  answerJson(500, {
    error: 'server_error',
    error_description: 'an internal error of the broker',
    request_id: requestId,
  });
