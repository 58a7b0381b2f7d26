/** Why a call failed: the broker's codes (RFC 6749 §5.2), and from `forbidden` on those of this client. */
export type BrokerErrorCode =
  | 'invalid_request'
  | 'unsupported_grant_type'
  | 'unsupported_token_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_grant'
  | 'invalid_client'
  | 'unauthorized_client'
  | 'server_error'
  | 'temporarily_unavailable'
  | 'forbidden'
  | 'throttled'
  | 'unexpected_answer'
  | 'unreachable'
  | 'timeout'
  | 'no_credentials';

/** What to do, by code. For the others the broker's own text says it. */
const ADVICE: Readonly<Partial<Record<BrokerErrorCode, string>>> = {
  invalid_client: 'the caller must be an assumed IAM role',
  unauthorized_client: "the profile is unknown, or does not list this role; the broker's log says which",
  server_error: "the broker's log says which dependency failed",
  temporarily_unavailable: 'retry after `retryAfterMs`',
  forbidden:
    'the role lacks execute-api:Invoke on this profile, the keys or the region are wrong, or this clock is off',
  throttled: 'use one broker object per process',
  unexpected_answer: 'not an answer of the broker: check the URL',
  unreachable: 'check the URL, DNS and the security group',
  timeout: 'check DNS and the security group',
  no_credentials: 'use a role of Lambda, ECS or EKS, or give `credentials`',
};

/** Whether the broker says so. Of later versions of the broker, more codes. */
export const isCode = (value: unknown): value is BrokerErrorCode => /^[a-z_]{1,40}$/.test(String(value ?? ''));

/** What is known of a failure. */
export interface Failure {
  /** What was attempted: `token of orders`. */
  readonly what: string;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly detail?: string | undefined;
}

/** A call to the broker failed. The message says what to do, and holds no token and no secret. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  declare readonly code: BrokerErrorCode;
  /** The HTTP status; undefined where there was no answer. */
  declare readonly status: number | undefined;
  /** The broker's log line with this `id` has the details; undefined where the request did not reach the broker. */
  declare readonly requestId: string | undefined;
  /** Milliseconds until a repetition can succeed, where the broker says so. */
  declare readonly retryAfterMs: number | undefined;

  constructor(code: BrokerErrorCode, { what, status, requestId, retryAfterMs, detail }: Failure) {
    const facts = [code, status && `HTTP ${status}`, requestId && `request ${requestId}`].filter(Boolean).join(', ');
    const why = [detail, ADVICE[code]].filter(Boolean).join('; ');
    super(`${what}: ${why ? `${why} ` : ''}(${facts})`);
    Object.assign(this, { code, status, requestId, retryAfterMs });
  }
}
