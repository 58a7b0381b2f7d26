/** Where the tokens of a profile come from, and where they go when an API refuses them. */
export interface TokenSource {
  token(options?: { readonly signal?: AbortSignal | undefined }): Promise<{ readonly token: string }>;
  reject(token: string): void;
}

/** Whether a body can be sent twice: a stream, which that of a `Request` is, cannot. */
function isRepeatable(input: unknown, init: RequestInit): boolean {
  const body = init.body ?? (input instanceof Request ? input.body : undefined);
  return !(body instanceof ReadableStream) && !(Symbol.asyncIterator in Object(body));
}

/**
 * A `fetch` that adds the token to requests to these origins. A 401 drops the token and sends the request again with another
 * one, once, and only where its body is no stream. By the Fetch standard, redirects to another origin lose the token.
 */
export function authorizedFetch(source: TokenSource, origins: readonly string[], fetch: typeof globalThis.fetch) {
  const allowed = new Set(origins.map((origin) => new URL(origin).origin));
  return async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const isRequest = input instanceof Request;
    if (!allowed.has(new URL(isRequest ? input.url : input).origin)) return fetch(input, init);
    const signal = init.signal ?? (isRequest ? input.signal : undefined);
    const send = (token: string) => {
      const headers = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
      headers.set('authorization', `Bearer ${token}`);
      return fetch(input, { ...init, headers });
    };
    const { token } = await source.token({ signal });
    const response = await send(token);
    // Another origin, which a redirect led to, has not seen the token.
    const isForeign = response.redirected && !allowed.has(new URL(response.url).origin);
    if (response.status !== 401 || isForeign) return response;
    source.reject(token);
    if (!isRepeatable(input, init)) return response;
    // Where no other token can be had, the API's own answer says more.
    const other = await source.token({ signal }).catch(() => undefined);
    signal?.throwIfAborted();
    if (!other || other.token === token) return response;
    await response.body?.cancel();
    return send(other.token);
  };
}
