/** What stands behind the broker. */
export type Dependency = 'zitadel' | 'secrets-manager' | 'dynamodb';

/**
 * Every failure that the broker expects. `detail` is for the log: it may name profiles, secrets' names and fields,
 * never a value, and reaches a caller only for the kinds that are the caller's own fault (`CallerError`).
 */
export type BrokerError =
  | CallerError
  /** The event holds no identity that can be trusted. */
  | { readonly kind: 'untrusted_caller'; readonly detail: string }
  /** The profile is unknown, or not this caller's: one answer for both. */
  | { readonly kind: 'not_allowed'; readonly detail: string }
  /** ZITADEL lets nobody stand in for another user, or not this actor. */
  | { readonly kind: 'impersonation_refused'; readonly detail: string }
  /** The secret cannot serve: absent, not readable for the broker, no JSON, a field missing, a key expired. */
  | { readonly kind: 'credential_unusable'; readonly detail: string; readonly retryAfterMs?: number }
  /** ZITADEL refused the broker's own credential, or what the profile asks for. */
  | { readonly kind: 'credential_refused'; readonly detail: string; readonly retryAfterMs?: number }
  /** ZITADEL answered something that no token endpoint answers. */
  | { readonly kind: 'unexpected_answer'; readonly detail: string; readonly retryAfterMs?: number }
  /** A dependency is down, slow or throttling. */
  | {
      readonly kind: 'unavailable';
      readonly dependency: Dependency;
      readonly detail: string;
      readonly retryAfterMs: number;
      /** It was not asked: it is known to be away for so long. */
      readonly isHeldBack?: true;
    }
  /** The time of this invocation does not suffice. */
  | { readonly kind: 'out_of_time'; readonly detail: string; readonly retryAfterMs: number };

/** What the caller can mend: the kinds are the error codes of RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 7009 §2.2.1. */
export interface CallerError {
  readonly kind:
    | 'invalid_request'
    | 'unsupported_grant_type'
    | 'unsupported_token_type'
    | 'invalid_scope'
    | 'invalid_target'
    | 'invalid_grant';
  /** Says what to do; shown to the caller as `error_description`, so it holds nothing that the caller did not send. */
  readonly detail: string;
}
