import http from 'node:http';
import https from 'node:https';
import { isIP, Socket } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import { afterAwake, type Clock } from '../core/clock.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { TransportFault } from '../oauth/transport.ts';
import { agentOptions } from './agent.ts';

/** One HTTP request: a POST of a body, a GET without one, or another method. */
export interface HttpRequest {
  readonly url: URL;
  readonly method?: 'DELETE' | 'PUT' | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** An HTTP answer of any status. */
export interface HttpAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Why a request has no answer. */
export interface HttpFault extends TransportFault {
  /** The connection was reset. One that was `reused` may have been dead before: the server had closed it. */
  readonly reset?: 'new' | 'reused';
}

/** Sends requests over kept connections. Does not follow redirects, and does not decompress bodies. Never throws. */
export interface HttpClient {
  /**
   * @param totalMs the time limit, from connecting to the end of the body
   * @param onSent called once the whole request was handed to the operating system, which sends it even if this process
   *   is frozen then
   */
  readonly send: (request: HttpRequest, totalMs: number, onSent?: () => void) => Promise<Result<HttpAnswer, HttpFault>>;
  /** Opens a connection for the next request to an `https:` URL, unless one is idle or it takes a proxy. Never throws. */
  readonly connect: (url: URL) => void;
  /** Closes all idle connections: if one is dead, the others may be too. */
  readonly dropIdle: () => void;
}

export interface HttpClientOptions {
  readonly clock: Clock;
  /** The size limit of a body. */
  readonly largestBytes: number;
  /** Names the proxies, if any. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const RESETS = ['ECONNRESET', 'EPIPE'];

/** A proxy that refuses to connect adds its `statusCode`, such as 407. */
type RequestError = NodeJS.ErrnoException & { readonly statusCode?: number };

function faultOf({ code = '', statusCode }: RequestError, isReused: boolean): HttpFault {
  const name = /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'ERROR';
  const detail = Number.isInteger(statusCode) ? `${name} ${statusCode}` : name;
  return {
    kind: detail.startsWith('HPE_') ? 'garbled' : 'unreachable',
    detail,
    ...(RESETS.includes(code) ? { reset: isReused ? 'reused' : 'new' } : {}),
  };
}

/** An agent that opens connections ahead of their requests. */
class AheadAgent extends https.Agent {
  readonly #waiting = new Map<string, Socket>();
  readonly #wereOpen = new WeakSet<Socket>();

  /** Opens a connection, unless one is idle or waiting. */
  open(host: string, port: number | string): void {
    const origin = `${host}:${port}`;
    const isIdle = Object.keys(this.freeSockets).some((name) => name.startsWith(`${origin}:`));
    if (isIdle || this.#waiting.get(origin)?.destroyed === false) return;
    const socket = super.createConnection({
      ...this.options,
      host,
      port,
      ...(isIP(host) === 0 && { servername: host }),
    });
    if (!(socket instanceof Socket)) return;
    this.#waiting.set(origin, socket);
    socket.once('secureConnect', () => {
      if (this.#waiting.get(origin) === socket) this.#wereOpen.add(socket);
    });
    // The request that takes the connection reports its error; without one, nobody needs to know.
    socket.on('error', () => undefined);
  }

  override createConnection(...args: Parameters<https.Agent['createConnection']>) {
    const [{ host, port }] = args;
    const origin = `${host}:${port}`;
    const waiting = this.#waiting.get(origin);
    this.#waiting.delete(origin);
    return waiting?.destroyed === false ? waiting : super.createConnection(...args);
  }

  /** Whether a connection was open before its request. */
  wasOpen(socket: Socket | null): boolean {
    return socket !== null && this.#wereOpen.has(socket);
  }

  dropWaiting(): void {
    for (const socket of this.#waiting.values()) socket.destroy();
  }
}

/**
 * Creates an HTTP client for `https:` and `http:` URLs.
 * @throws {Error} if the environment names a proxy that is not a URL
 */
export function createHttpClient({ clock, largestBytes, env = process.env }: HttpClientOptions): HttpClient {
  const options = agentOptions(env);
  const ahead = new AheadAgent(options);
  const secure = { client: https, agent: ahead };
  const plain = { client: http, agent: new http.Agent(options) };

  return {
    send: ({ url, method, headers, body }, totalMs, onSent) =>
      new Promise((resolve) => {
        const { client, agent } = url.protocol === 'https:' ? secure : plain;
        const chosen = method ?? (body === undefined ? 'GET' : 'POST');
        const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
        const request = client.request(url, { method: chosen, agent, headers: { ...headers, ...length } });
        const cancel = afterAwake(clock, totalMs, () => give(fail({ kind: 'timeout', detail: 'total' })));

        function give(result: Result<HttpAnswer, HttpFault>): void {
          cancel();
          if (!result.ok) request.destroy();
          resolve(result);
        }
        if (onSent !== undefined) request.on('finish', onSent);
        request.on('error', (error) =>
          give(fail(faultOf(error, request.reusedSocket || ahead.wasOpen(request.socket)))),
        );
        request.on('response', (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > largestBytes) give(fail({ kind: 'oversized', detail: `more than ${largestBytes} bytes` }));
            else chunks.push(chunk);
          });
          response.on('error', (error) => give(fail(faultOf(error, false))));
          response.on('end', () => {
            const { statusCode: status = 0, headers: answered } = response;
            give(ok({ status, headers: answered, body: Buffer.concat(chunks).toString('utf8') }));
          });
        });
        request.end(body);
      }),
    connect(url) {
      const { protocol, hostname, port } = urlToHttpOptions(url);
      // A request through a proxy has a connection of its own.
      if (protocol === 'https:' && options.proxyEnv === undefined) {
        ahead.open(hostname ?? '', port ?? 443);
      }
    },
    dropIdle() {
      ahead.dropWaiting();
      for (const { agent } of [secure, plain])
        for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    },
  };
}
