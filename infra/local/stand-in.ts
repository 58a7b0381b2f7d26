import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Simulates a fault by handling a request in place of the stand-in. Returns `true` if it handled the request (answered
 * it, destroyed its socket, or left it hanging on purpose), `false` to let the stand-in answer.
 */
export type Intercept = (req: IncomingMessage, res: ServerResponse) => boolean | Promise<boolean>;

/** A small real server on loopback that stands in for something the broker depends on. */
export interface StandIn {
  /** `http://127.0.0.1:{port}`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** The number of requests, including intercepted ones. */
  readonly calls: () => number;
  /** Simulates a fault from now on; `undefined` ends it. */
  readonly intercept: (fault: Intercept | undefined) => void;
  /** Stops listening and closes every open connection. */
  readonly close: () => Promise<void>;
}

/** Where a stand-in listens. Port 0 picks a free one; the host defaults to `127.0.0.1`. */
export interface ListenOptions {
  readonly port?: number;
  readonly host?: string;
}

/** The header limit of Go's servers, such as ZITADEL's; Node's own limit is 16 KiB. */
const LARGEST_HEADERS_BYTES = 1024 * 1024;

/**
 * Serves `answer` on loopback.
 * @throws {Error} with `code: 'EADDRINUSE'` if the port is in use.
 */
export async function listen(answer: RequestListener, { port = 0, host = '127.0.0.1' }: ListenOptions = {}) {
  let calls = 0;
  let fault: Intercept | undefined;
  const server: Server = createServer({ maxHeaderSize: LARGEST_HEADERS_BYTES }, (req, res) => {
    calls += 1;
    if (fault === undefined) return answer(req, res);
    Promise.resolve(fault(req, res)).then(
      (taken) => {
        if (!taken) answer(req, res);
      },
      () => req.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  const bound = (server.address() as AddressInfo).port;
  const standIn: StandIn = {
    url: `http://${host}:${bound}`,
    port: bound,
    calls: () => calls,
    intercept: (next) => {
      fault = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return standIn;
}

/** Reads a request's whole body as UTF-8 text. */
export async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
