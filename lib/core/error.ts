/** The services that the broker depends on. */
export type Dependency = 'zitadel' | 'secrets-manager' | 'dynamodb' | 'issuer';

/**
 * Every failure that the broker expects. `detail` is for the log: it may name profiles, secrets and fields, but never
 * contains a value. Callers see it only if the error is their own (`CallerError`).
 */
export type BrokerError =
  | CallerError
  /** The event contains no trustworthy identity. */
  | { readonly kind: 'untrusted_caller'; readonly detail: string }
  /** This caller sends more requests than it may. */
  | { readonly kind: 'caller_throttled'; readonly detail: string; readonly retryAfterMs: number }
  /** The caller's assertion is not valid (RFC 7521 §4.2.1). The caller reads `detail`, which repeats nothing of it. */
  | { readonly kind: 'assertion_refused'; readonly detail: string }
  /** The profile does not exist, or does not list this caller: the answer is the same for both. */
  | { readonly kind: 'not_allowed'; readonly detail: string }
  /** ZITADEL does not allow impersonation at all, or not by this actor. */
  | { readonly kind: 'impersonation_refused'; readonly detail: string }
  /** The secret is unusable: missing, unreadable, not JSON, lacking a field, or an expired key. */
  | { readonly kind: 'credential_unusable'; readonly detail: string; readonly retryAfterMs?: number }
  /** ZITADEL refused the broker's own credential, or what the profile requests. */
  | { readonly kind: 'credential_refused'; readonly detail: string; readonly retryAfterMs?: number }
  /** ZITADEL's answer is not one of a token endpoint. */
  | { readonly kind: 'unexpected_answer'; readonly detail: string; readonly retryAfterMs?: number }
  /** A dependency is down, slow or throttling. */
  | {
      readonly kind: 'unavailable';
      readonly dependency: Dependency;
      readonly detail: string;
      readonly retryAfterMs: number;
      /** The request was not sent: the dependency is known to be unavailable for this long. */
      readonly isHeldBack?: true;
    }
  /** Too little time is left in this invocation. */
  | { readonly kind: 'out_of_time'; readonly detail: string; readonly retryAfterMs: number };

/** What the caller can fix: the kinds are the error codes of RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 7009 §2.2.1. */
export interface CallerError {
  readonly kind:
    | 'invalid_request'
    | 'unsupported_grant_type'
    | 'unsupported_token_type'
    | 'invalid_scope'
    | 'invalid_target'
    | 'invalid_grant';
  /** Says what to do. Callers see it as `error_description`, so it contains nothing that the caller did not send. */
  readonly detail: string;
}
