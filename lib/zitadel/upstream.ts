import { loggable } from '../core/redacted.ts';
import type { Result } from '../core/result.ts';
import { SECOND_MS } from '../core/time.ts';
import type { ClientAuthentication } from '../oauth/client-authentication.ts';
import { encodeForm, type Parameters } from '../oauth/form.ts';
import { parseErrorResponse } from '../oauth/token-response.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';

/** Failures that every endpoint shares. `detail` is safe to log. */
export type UpstreamTrouble =
  | {
      readonly kind: 'unavailable';
      readonly detail: string;
      readonly retryAfterMs?: number;
      /** The request was not sent. */
      readonly isHeldBack?: true;
    }
  | { readonly kind: 'unexpected'; readonly detail: string };

/** A success, a refusal with its OAuth error, or a failure. */
export type UpstreamAnswer =
  | { readonly kind: 'answer'; readonly answer: OAuthAnswer; readonly detail: string }
  | {
      readonly kind: 'refusal';
      readonly status: number;
      readonly error: string;
      readonly description: string;
      readonly detail: string;
    }
  | UpstreamTrouble;

/** One POST of a form with client authentication. */
export function createRequest(
  url: string,
  client: ClientAuthentication,
  parameters: Parameters,
  secrets: readonly string[],
): OAuthRequest {
  return {
    url,
    ...(client.authorization === undefined ? {} : { authorization: client.authorization }),
    body: encodeForm({ ...parameters, ...client.parameters }),
    secrets: [...client.secrets, ...secrets],
  };
}

/** Temporary failures of ZITADEL, or of a proxy in front of it. */
const isLater = (status: number): boolean => status >= 500 || status === 429 || status === 408;

/** The cap on `Retry-After`, whatever a server sends. */
const LONGEST_RETRY_AFTER_MS = 30 * SECOND_MS;

/**
 * `Retry-After` as delay-seconds or as a date (RFC 9110 §10.2.3), at most 30 s; ZITADEL sends none, a proxy in front of
 * it may. A date counts from the server's own `Date`.
 */
function retryAfter({ headers }: OAuthAnswer): { retryAfterMs?: number } {
  const value = String(headers['retry-after'] ?? '').trim();
  const ms = /^\d+$/.test(value) ? Number(value) * SECOND_MS : Date.parse(value) - Date.parse(String(headers.date));
  return Number.isNaN(ms) ? {} : { retryAfterMs: Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS) };
}

/** Statuses by which ZITADEL, or a proxy in front of it, says that it cannot serve any request. */
const NOBODY_STATUSES = [408, 429, 500, 502, 503, 504];

/**
 * Why the issuer is unavailable to all requests, or `undefined` if it is not: no answer, or a status that does not
 * depend on the request. A 500 with an OAuth error concerns this request only: released versions of ZITADEL answer a
 * bad assertion so.
 */
export function awayDetail(
  result: Result<OAuthAnswer, TransportFault>,
): { readonly detail: string; readonly retryAfterMs?: number } | undefined {
  if (!result.ok) {
    const { kind, detail } = result.error;
    return kind === 'unreachable' || kind === 'timeout' ? { detail: `${kind}: ${detail}` } : undefined;
  }
  const answer = result.value;
  if (!NOBODY_STATUSES.includes(answer.status)) return undefined;
  if (answer.status === 500 && parseErrorResponse(answer) !== undefined) return undefined;
  return { detail: `status ${answer.status}`, ...retryAfter(answer) };
}

/**
 * What an answer says in words: its OAuth error, or its plain text. ZITADEL answers in plain text if no instance has
 * the host of the request (`Instance not found`), or if the instance is blocked. HTML is a proxy's.
 */
function textOf(answer: OAuthAnswer): string {
  const refusal = parseErrorResponse(answer);
  if (refusal !== undefined) return `${refusal.error} ${refusal.description}`.trim();
  if (!/^text\/plain\b/i.test(String(answer.headers['content-type'] ?? ''))) return '';
  // The reason comes last in a sentence that begins with the host.
  if (/\bInstance not found\b/.test(answer.body)) return 'Instance not found: no instance has the host of the issuer';
  return answer.body;
}

/** Classifies an answer. Total: every answer is exactly one of four kinds. */
export function sortAnswer({ secrets }: OAuthRequest, result: Result<OAuthAnswer, TransportFault>): UpstreamAnswer {
  if (!result.ok) {
    const { kind, detail, retryAfterMs } = result.error;
    const isNonsense = kind === 'oversized' || kind === 'garbled';
    if (isNonsense) return { kind: 'unexpected', detail: `${kind}: ${detail}` };
    return {
      kind: 'unavailable',
      detail: `${kind}: ${detail}`,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs, isHeldBack: true }),
    };
  }
  const answer = result.value;
  const { status } = answer;
  if (status === 200) return { kind: 'answer', answer, detail: `status ${status}` };
  const refusal = parseErrorResponse(answer);
  const text = textOf(answer);
  const detail = text === '' ? `status ${status}` : `status ${status}: ${loggable(text, secrets)}`;
  if (isLater(status)) return { kind: 'unavailable', detail, ...retryAfter(answer) };
  if (refusal !== undefined && status >= 400) return { kind: 'refusal', status, ...refusal, detail };
  return { kind: 'unexpected', detail };
}
