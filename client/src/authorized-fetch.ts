import { replace, type TokenSource } from './token-source.ts';

/** Whether a body can be sent twice: a stream, which that of a `Request` is, cannot. */
const isRepeatable = (input: unknown, { body }: RequestInit): boolean =>
  !(Symbol.asyncIterator in Object(body ?? (input instanceof Request ? input.body : undefined)));

/**
 * A `fetch` that adds the token to requests to these origins. A 401 drops the token and sends the request again with another
 * one, once, and only where its body is no stream. By the Fetch standard, redirects to another origin lose the token.
 */
export function authorizedFetch(source: TokenSource, origins: readonly string[], fetch: typeof globalThis.fetch) {
  const originOf = (url: string | URL) => new URL(url).origin;
  const allowed = new Set(origins.map(originOf));
  return async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const isRequest = input instanceof Request;
    const url = isRequest ? input.url : input;
    if (!allowed.has(originOf(url))) return fetch(input, init);
    const signal = init.signal ?? (isRequest ? input.signal : undefined);
    const send = (token: string) => {
      const headers = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
      headers.set('authorization', `Bearer ${token}`);
      return fetch(input, { ...init, headers });
    };
    const { token } = await source.token({ signal });
    const response = await send(token);
    // Another origin, which a redirect led to, has not seen the token. A response that was made here has no URL.
    if (response.status !== 401 || !allowed.has(originOf(response.url || url))) return response;
    const other = isRepeatable(input, init) ? await replace(source, token, signal) : source.reject(token);
    signal?.throwIfAborted();
    if (!other) return response;
    await response.body?.cancel();
    return send(other);
  };
}
