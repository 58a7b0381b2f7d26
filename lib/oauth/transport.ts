import type { Result } from '../core/result.ts';
import { SECOND_MS } from '../core/time.ts';

/** One POST of a form to an authorization server. */
export interface OAuthRequest {
  readonly url: string;
  /** The `Authorization` header, where client authentication uses it. */
  readonly authorization?: string;
  /** The form-url-encoded body. */
  readonly body: string;
  /** What of the above must never be repeated in a log: secrets, assertions, tokens. */
  readonly secrets: readonly string[];
}

/** What came back, whatever its status. */
export interface OAuthAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Why no answer can be had. */
export interface TransportFault {
  /**
   * `unreachable`: no connection, or it broke; `timeout`: the time was up; `oversized`: more than the limit came;
   * `garbled`: what came is no HTTP.
   */
  readonly kind: 'unreachable' | 'timeout' | 'oversized' | 'garbled';
  /** A code such as `ECONNREFUSED`, fit for the log. */
  readonly detail: string;
  /** Where the request was not sent, since the server is known to be away: when it may be again. */
  readonly retryAfterMs?: number;
}

/** The most that one request may take, in milliseconds: whoever implements `Send` keeps to it. */
export const REQUEST_MS = 3 * SECOND_MS;

/** Sends a request and answers within `REQUEST_MS`; redirects are not followed. */
export type Send = (request: OAuthRequest) => Promise<Result<OAuthAnswer, TransportFault>>;
