import type { Result } from '../core/result.ts';

/** One request to an authorization server: a POST of a form, a GET of its metadata, or a call of its management API. */
export interface OAuthRequest {
  readonly url: string;
  readonly method?: 'DELETE';
  /** Of the body: a form, unless it says otherwise. */
  readonly contentType?: 'application/json';
  /** The `Authorization` header, if client authentication uses it. */
  readonly authorization?: string;
  /** The body of a POST; absent for a GET and a DELETE. */
  readonly body?: string;
  /** The parts of the request that must never be logged: secrets, assertions, tokens. */
  readonly secrets: readonly string[];
}

/** An HTTP answer of any status. */
export interface OAuthAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Why there is no answer. */
export interface TransportFault {
  /**
   * `unreachable`: no connection, or it broke; `timeout`: no answer in time; `oversized`: the answer exceeds the limit;
   * `garbled`: the answer is not HTTP.
   */
  readonly kind: 'unreachable' | 'timeout' | 'oversized' | 'garbled';
  /** A code such as `ECONNREFUSED`, safe to log. */
  readonly detail: string;
  /** Set if the request was not sent because the server is known to be unavailable: when to retry. */
  readonly retryAfterMs?: number;
}

/** Sends requests to authorization servers. */
export interface Send {
  /** Sends a request and returns within `REQUEST_MS` (core/limits.ts). Does not follow redirects. */
  (request: OAuthRequest): Promise<Result<OAuthAnswer, TransportFault>>;
  /** Opens a connection for a request that is about to follow. Never throws. */
  readonly connect?: (url: string) => void;
}
