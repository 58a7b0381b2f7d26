import type { BrokerError } from '../core/error.ts';
import { coveringSeconds } from '../core/time.ts';

/** An answer as API Gateway takes it, in every payload format. */
export interface GatewayAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Kind = BrokerError['kind'];

/** The one table from failures to HTTP. */
const STATUS = {
  invalid_request: 400,
  unsupported_grant_type: 400,
  unsupported_token_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_grant: 400,
  untrusted_caller: 401,
  not_allowed: 403,
  impersonation_refused: 403,
  credential_unusable: 502,
  credential_refused: 502,
  unexpected_answer: 502,
  unavailable: 503,
  out_of_time: 503,
} as const satisfies Record<Kind, number>;

/** What the caller reads where the failure is not its own: an error code, and what to do. */
const PUBLIC = {
  untrusted_caller: ['invalid_client', 'sign the request as an IAM role (AWS Signature Version 4)'],
  not_allowed: ['unauthorized_client', 'the profile does not exist, or this caller may not use it'],
  impersonation_refused: [
    'unauthorized_client',
    'the authorization server does not let this actor stand in for others',
  ],
  credential_unusable: ['server_error', 'the credential of the profile cannot be used; its operator must mend it'],
  credential_refused: ['server_error', 'the authorization server refuses the credential of the profile'],
  unexpected_answer: ['server_error', 'the authorization server gave no answer that can be used'],
  unavailable: ['temporarily_unavailable', 'no token can be had at the moment; try again later'],
  out_of_time: ['temporarily_unavailable', 'no token could be had in time; try again'],
} as const satisfies Partial<Record<Kind, readonly [error: string, description: string]>>;

const JSON_TYPE = { 'content-type': 'application/json' };

/** RFC 6749 §5.1: tokens and errors alike are not for caches. */
const HEADERS = { ...JSON_TYPE, 'cache-control': 'no-store', pragma: 'no-cache' };

/** Answers JSON that concerns one caller. */
export const answerJson = (
  statusCode: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): GatewayAnswer => ({
  statusCode,
  headers: { ...HEADERS, ...headers },
  body: JSON.stringify(body),
});

/** Answers JSON that is the same for everybody, and for caches. */
export const answerPublic = (body: object, maxAgeSeconds: number): GatewayAnswer => ({
  statusCode: 200,
  headers: { ...JSON_TYPE, 'cache-control': `public, max-age=${maxAgeSeconds}` },
  body: JSON.stringify(body),
});

/** Answers a text that is JSON already, or nothing. */
export const answerText = (statusCode: number, body: string): GatewayAnswer => ({ statusCode, headers: HEADERS, body });

const publicText = (error: BrokerError): readonly [error: string, description: string] =>
  error.kind in PUBLIC ? PUBLIC[error.kind as keyof typeof PUBLIC] : [error.kind, error.detail];

/** Answers a failure (RFC 6749 §5.2) with the id under which the log tells the rest. */
export function answerError(error: BrokerError, requestId: string): GatewayAnswer {
  const [code, description] = publicText(error);
  return answerJson(
    STATUS[error.kind],
    { error: code, error_description: description, request_id: requestId },
    {
      ...('retryAfterMs' in error ? { 'retry-after': String(coveringSeconds(error.retryAfterMs)) } : {}),
      // RFC 9110 §11.6.1: a 401 names the scheme that would do.
      ...(error.kind === 'untrusted_caller' ? { 'www-authenticate': 'AWS4-HMAC-SHA256' } : {}),
    },
  );
}

/** Answers a bug of ours: nothing but where to look for it. */
export const answerBug = (requestId: string): GatewayAnswer =>
  answerJson(500, {
    error: 'server_error',
    error_description: 'an internal error of the broker',
    request_id: requestId,
  });
