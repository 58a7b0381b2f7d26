import http from 'node:http';
import https from 'node:https';
import { afterAwake, type Clock } from '../core/clock.ts';
import { dropIdle } from '../core/connections.ts';
import { isLoopback } from '../core/loopback.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { SECOND_MS } from '../core/time.ts';
import { type OAuthAnswer, type OAuthRequest, REQUEST_MS, type Send, type TransportFault } from '../oauth/transport.ts';

/** The time limit for connecting, including TLS. */
const CONNECT_MS = SECOND_MS;

/** Far above any answer of a token endpoint. */
export const LARGEST_BODY_BYTES = 64 * 1024;

/** Each key has one token request at a time; this limits the requests of many keys at once. */
const MOST_SOCKETS = 64;

export interface TransportDeps {
  readonly clock: Clock;
  /** Plain HTTP to loopback hosts, for the local stack. Nothing else is ever sent unencrypted. */
  readonly allowLoopbackHttp: boolean;
}

type Outcome = Result<OAuthAnswer, TransportFault>;

const faultOf = (error: NodeJS.ErrnoException): TransportFault => {
  const detail = /^[A-Z0-9_]{1,64}$/.test(error.code ?? '') ? String(error.code) : 'ERROR';
  return { kind: detail.startsWith('HPE_') ? 'garbled' : 'unreachable', detail };
};

/**
 * Creates the HTTPS client for authorization servers. It reuses connections, does not follow redirects, limits the size
 * of bodies and does not decompress them. It never throws.
 */
export function createTransport({ clock, allowLoopbackHttp }: TransportDeps): Send {
  const options = { keepAlive: true, maxSockets: MOST_SOCKETS };
  const secure = { client: https, agent: new https.Agent(options) };
  const plain = { client: http, agent: new http.Agent(options) };

  /** One attempt. `isStale`: the server had closed a reused connection before the request arrived. */
  function attempt(
    url: URL,
    { authorization, body }: OAuthRequest,
    totalMs: number,
  ): Promise<{ outcome: Outcome; isStale: boolean }> {
    const { client, agent } = url.protocol === 'https:' ? secure : plain;
    return new Promise((resolve) => {
      const headers = {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'zitadel-token-broker',
        ...(authorization === undefined ? {} : { authorization }),
      };
      const request = client.request(url, { method: 'POST', agent, headers });
      const timers = [afterAwake(clock, totalMs, () => give(fail({ kind: 'timeout', detail: 'total' })))];

      function give(outcome: Outcome, isStale = false): void {
        for (const cancel of timers) cancel();
        if (!outcome.ok) request.destroy();
        resolve({ outcome, isStale });
      }

      request.on('socket', (socket) => {
        if (!socket.connecting) return;
        const cancel = afterAwake(clock, CONNECT_MS, () => give(fail({ kind: 'timeout', detail: 'connect' })));
        timers.push(cancel);
        socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', cancel);
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        give(fail(faultOf(error)), isStale);
      });
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > LARGEST_BODY_BYTES)
            give(fail({ kind: 'oversized', detail: `more than ${LARGEST_BODY_BYTES} bytes` }));
          else chunks.push(chunk);
        });
        response.on('error', (error: NodeJS.ErrnoException) => give(fail(faultOf(error))));
        response.on('end', () => {
          const { statusCode: status = 0, headers: answered } = response;
          give(ok({ status, headers: answered, body: Buffer.concat(chunks).toString('utf8') }));
        });
      });
      request.end(body);
    });
  }

  return async (request) => {
    const url = new URL(request.url);
    const isAllowed =
      url.protocol === 'https:' || (allowLoopbackHttp && url.protocol === 'http:' && isLoopback(url.hostname));
    if (!isAllowed) return fail({ kind: 'unreachable', detail: 'PLAIN_HTTP_REFUSED' });
    const endsAt = clock.now() + REQUEST_MS;
    const first = await attempt(url, request, REQUEST_MS);
    const leftMs = endsAt - clock.now();
    // After a freeze, idle connections, perhaps all of them, may be closed; that is not a failure of the server.
    if (!first.isStale || leftMs <= 0) return first.outcome;
    dropIdle(url.protocol === 'https:' ? secure.agent : plain.agent);
    return (await attempt(url, request, leftMs)).outcome;
  };
}
