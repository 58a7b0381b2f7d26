import type { Dispatcher } from 'undici';
import { replace, type TokenSource } from './token-source.ts';

/** Whether undici can send a body twice; all others are streams or iterators, the bodies of its `fetch` too. */
const isRepeatable = (body: unknown): boolean =>
  typeof (body ?? '') === 'string' ||
  ArrayBuffer.isView(body) ||
  /^(ArrayBuffer|Blob|File|FormData)$/.test(Object(body)[Symbol.toStringTag]);

/** A list of names and values, or an iterable or a record of pairs: undici takes all of them. */
function pairsOf(headers: unknown): readonly (readonly [string, unknown])[] {
  if (Array.isArray(headers) && !Array.isArray(headers[0]))
    return headers.flatMap((name, index) => (index % 2 === 0 ? [[String(name), headers[index + 1]]] : []));
  return Symbol.iterator in Object(headers)
    ? [...(headers as Iterable<[string, unknown]>)]
    : Object.entries(headers ?? {});
}

function withToken(options: Dispatcher.DispatchOptions, token: string): Dispatcher.DispatchOptions {
  const others = pairsOf(options.headers).filter(([name]) => name.toLowerCase() !== 'authorization');
  return { ...options, headers: [...others.flat(), 'authorization', `Bearer ${token}`] as string[] };
}

/** What an error before the request is reported with: undici's own interceptors have no controller then either. */
const NO_CONTROLLER = null as unknown as Dispatcher.DispatchController;

/**
 * An interceptor for an `Agent` of undici (7 or newer), and for `fetch` with it as `dispatcher`, which adds the token of a
 * profile to requests to these origins, and to no others, whatever redirects to them or from them. A 401 drops the token; the
 * request is sent once more with another one, unless its body is a stream or one of `fetch`.
 */
export function brokerInterceptor(
  profile: TokenSource,
  origins: readonly string[],
): Dispatcher.DispatcherComposeInterceptor {
  const allowed = new Set(origins.map((origin) => new URL(origin).origin));
  return (dispatch) => (options, handler) => {
    if (options.origin === undefined) throw new TypeError('no origin in the request: use an Agent');
    if (!allowed.has(new URL(options.origin).origin)) return dispatch(options, handler);
    const { signal: given } = options as { readonly signal?: unknown };
    const signal = given instanceof AbortSignal ? given : undefined;
    const fail = (error: unknown) => handler.onResponseError?.(NO_CONTROLLER, error as Error);

    const send = (token: string): void => {
      let isOver = false;
      /** Where a redirect interceptor within this one has been: the last one answers. */
      let history: readonly URL[] | undefined;
      let isReplaced = false;
      /** Holds the answer back until it is known whether there is another token. */
      const refused = async (controller: Dispatcher.DispatchController, pass: () => void): Promise<void> => {
        controller.pause();
        const other = await replace(profile, token, signal);
        if (isOver) return;
        isReplaced = other !== undefined;
        if (!isReplaced) pass();
        controller.resume();
        if (other !== undefined) dispatch(withToken(options, other), handler);
      };
      dispatch(withToken(options, token), {
        onRequestStart(controller, context) {
          history = context?.history;
          handler.onRequestStart?.(controller, context);
        },
        onRequestUpgrade: (...answer) => handler.onRequestUpgrade?.(...answer),
        onResponseStart(...answer) {
          const pass = () => handler.onResponseStart?.(...answer);
          const [controller, status] = answer;
          const { origin } = history?.at(-1) ?? {};
          if (status !== 401 || (origin !== undefined && !allowed.has(origin))) return pass();
          if (isRepeatable(options.body)) return void refused(controller, pass).catch(fail);
          profile.reject(token);
          pass();
        },
        onResponseData(controller, chunk) {
          if (!isReplaced) handler.onResponseData?.(controller, chunk);
        },
        onResponseEnd(controller, trailers) {
          if (!isReplaced) handler.onResponseEnd?.(controller, trailers);
        },
        onResponseError(controller, error) {
          isOver = true;
          if (!isReplaced) handler.onResponseError?.(controller, error);
        },
      });
    };
    profile
      .token({ signal })
      .then(({ token }) => send(token))
      .catch(fail);
    return true;
  };
}
