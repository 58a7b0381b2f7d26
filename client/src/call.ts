import { unlessAborted } from './abort.ts';
import type { CredentialProvider, Send } from './credentials.ts';
import type { Granted } from './decision.ts';
import { BrokerError, type BrokerErrorCode, isCode } from './errors.ts';
import type { Place } from './place.ts';
import { sign } from './sigv4.ts';

/** What a call to the broker needs. `now` is epoch milliseconds. */
export interface CallDeps extends Place {
  readonly credentials: CredentialProvider;
  readonly fetch: Send;
  readonly now: () => number;
  readonly timeoutMs: number;
}

/** An endpoint under `/{profile}/oauth/v2`, and its form. */
export interface Call {
  readonly profile: string;
  readonly endpoint: 'token' | 'introspect' | 'revoke';
  readonly form: URLSearchParams;
}

/** The members of a JSON object. */
export type Members = Readonly<Record<string, unknown>>;

/** Values of a form that are shorter than this are no tokens: grant types are longer, and no secret. */
const SHORTEST_TOKEN = 20;

/** API Gateway's answers, which have no `error`. */
const BY_STATUS: Readonly<Record<number, BrokerErrorCode>> = {
  403: 'forbidden',
  429: 'throttled',
  500: 'server_error',
  502: 'server_error',
  503: 'temporarily_unavailable',
  504: 'timeout',
};

/** `Retry-After` in seconds or as a date (RFC 9110 §10.2.3), in milliseconds. */
export function retryAfterMs(value: string | null, nowMs: number): number | undefined {
  const ms = Number(value) * 1000 || Date.parse(value ?? '') - nowMs;
  return ms > 0 ? ms : undefined;
}

/** The broker's text, unless it repeats what was sent. */
function description({ error_description: text }: Members, form: URLSearchParams): string | undefined {
  const isRepeated = (value: string) => value.length >= SHORTEST_TOKEN && String(text).includes(value);
  return typeof text === 'string' && ![...form.values()].some(isRepeated) ? text : undefined;
}

/**
 * Sends a signed request to the broker, and answers the members of its answer; none of an empty one.
 * @throws {BrokerError}
 */
export async function call({ profile, endpoint, form }: Call, deps: CallDeps): Promise<Members> {
  const url = new URL(`${deps.url}/${profile}/oauth/v2/${endpoint}`);
  const body = form.toString();
  const what = `${endpoint} of ${profile}`;
  const signal = AbortSignal.timeout(deps.timeoutMs);
  const timedOut = () => new BrokerError('timeout', { what });
  const credentials = await unlessAborted(deps.credentials(), signal, timedOut);
  const headers = await sign(
    { url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body },
    { credentials, region: deps.region, nowMs: deps.now() },
  );
  const send = () => deps.fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
  let response: Awaited<ReturnType<Send>>;
  let text: string;
  try {
    // A connection may be dead: a sandbox was frozen, or the other side closed it.
    response = await send().catch(send);
    text = await response.text();
  } catch {
    // The error itself may quote a header.
    throw signal.aborted ? timedOut() : new BrokerError('unreachable', { what });
  }
  const { status } = response;
  let members: Members | undefined;
  try {
    members = Object(JSON.parse(text || '{}'));
  } catch {}
  if (status === 200 && members) return members;
  const { error, request_id: id } = members ?? {};
  throw new BrokerError(isCode(error) ? error : (BY_STATUS[status] ?? 'unexpected_answer'), {
    what,
    status,
    requestId: typeof id === 'string' ? id : undefined,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), deps.now()),
    detail: description(members ?? {}, form),
  });
}

/** The broker answered 200, but not what was asked for. */
export const unexpected = (what: string) => new BrokerError('unexpected_answer', { what, status: 200 });

/** A grant (RFC 6749 §5.1). @throws {BrokerError} `unexpected_answer` */
export function grantedOf({ access_token: token, expires_in: seconds }: Members, what: string): Granted {
  const lifeMs = Number(seconds) * 1000;
  if (typeof token === 'string' && token && lifeMs > 0) return { token, lifeMs };
  throw unexpected(what);
}
