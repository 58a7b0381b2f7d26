import http from 'node:http';
import https from 'node:https';
import { afterAwake, type Clock } from '../core/clock.ts';
import { REQUEST_MS } from '../core/limits.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { TransportFault } from '../oauth/transport.ts';

/** One HTTP POST. */
export interface PostRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An HTTP answer of any status. */
export interface PostAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Why a POST has no answer. */
export interface PostFault extends TransportFault {
  /** The connection was reset. One that was `reused` may have been dead before: the server had closed it. */
  readonly reset?: 'new' | 'reused';
}

/** Sends POSTs over kept connections. Does not follow redirects, and does not decompress bodies. Never throws. */
export interface Poster {
  /** @param totalMs the time limit, from connecting to the end of the body */
  readonly post: (request: PostRequest, totalMs: number) => Promise<Result<PostAnswer, PostFault>>;
  /** Closes all idle connections: if one is dead, the others may be too. */
  readonly dropIdle: () => void;
}

export interface PosterOptions {
  readonly clock: Clock;
  /** The size limit of a body. */
  readonly largestBytes: number;
}

/** Each key has one request at a time; this limits the requests of many keys at once. */
const MOST_SOCKETS = 64;

/**
 * How long one of several addresses may take to connect before the next is tried. Node's own 250 ms are less than one
 * round trip from Sydney to Frankfurt: no address would be reached.
 */
export const ADDRESS_MS = REQUEST_MS / 3;

const RESETS = ['ECONNRESET', 'EPIPE'];

function faultOf({ code = '' }: NodeJS.ErrnoException, isReused: boolean): PostFault {
  const detail = /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'ERROR';
  return {
    kind: detail.startsWith('HPE_') ? 'garbled' : 'unreachable',
    detail,
    ...(RESETS.includes(code) ? { reset: isReused ? 'reused' : 'new' } : {}),
  };
}

/** Creates the POSTs of one client, for `https:` and `http:` URLs. */
export function createPoster({ clock, largestBytes }: PosterOptions): Poster {
  const options = { keepAlive: true, maxSockets: MOST_SOCKETS, autoSelectFamilyAttemptTimeout: ADDRESS_MS };
  const secure = { client: https, agent: new https.Agent(options) };
  const plain = { client: http, agent: new http.Agent(options) };

  return {
    post: ({ url, headers, body }, totalMs) =>
      new Promise((resolve) => {
        const { client, agent } = url.protocol === 'https:' ? secure : plain;
        const length = { 'content-length': Buffer.byteLength(body) };
        const request = client.request(url, { method: 'POST', agent, headers: { ...headers, ...length } });
        const cancel = afterAwake(clock, totalMs, () => give(fail({ kind: 'timeout', detail: 'total' })));

        function give(result: Result<PostAnswer, PostFault>): void {
          cancel();
          if (!result.ok) request.destroy();
          resolve(result);
        }
        request.on('error', (error) => give(fail(faultOf(error, request.reusedSocket))));
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
    dropIdle() {
      for (const { agent } of [secure, plain])
        for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    },
  };
}
