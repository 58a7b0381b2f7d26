import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/**
 * Simulates a fault by handling a request in place of the stand-in. Returns `true` if it handled the request (answered
 * it, destroyed its socket, or left it hanging on purpose), `false` to let the stand-in answer.
 */
export type Intercept = (req: IncomingMessage, res: ServerResponse) => boolean | Promise<boolean>;

/** A small real server on loopback that stands in for something the broker depends on. */
export interface StandIn {
  /** `http://127.0.0.1:{port}` (or `https:`), without a trailing slash. */
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
  /** Speaks https with this. Default: http. */
  readonly tls?: TlsIdentity;
}

/** A private key and its certificate, with those that lead to its root, in PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

/** The header limit of Go's servers, such as ZITADEL's; Node's own limit is 16 KiB. */
const LARGEST_HEADERS_BYTES = 1024 * 1024;

const ABSOLUTE_FORM = /^https?:\/\/(?:[^/?#@]*@)?([^/?#]+)/i;

/** RFC 9112 §3.2.2: a target with scheme and host, as proxies and some clients send it, replaces the header Host. */
function takeAbsoluteForm(req: IncomingMessage): void {
  const { url = '' } = req;
  const [start = '', host] = ABSOLUTE_FORM.exec(url) ?? [];
  if (host === undefined) return;
  const target = url.slice(start.length);
  req.url = target.startsWith('/') ? target : `/${target}`;
  const others = req.rawHeaders.flatMap((name, i, all) =>
    i % 2 === 0 && name.toLowerCase() !== 'host' ? [name, all[i + 1] ?? ''] : [],
  );
  req.rawHeaders = ['Host', host, ...others];
  req.headers.host = host;
}

/**
 * Serves `answer` on loopback.
 * @throws {Error} with `code: 'EADDRINUSE'` if the port is in use.
 */
export async function listen(answer: RequestListener, { port = 0, host = '127.0.0.1', tls }: ListenOptions = {}) {
  let calls = 0;
  let fault: Intercept | undefined;
  const receive: RequestListener = (req, res) => {
    calls += 1;
    takeAbsoluteForm(req);
    if (fault === undefined) return answer(req, res);
    Promise.resolve(fault(req, res)).then(
      (taken) => {
        if (!taken) answer(req, res);
      },
      () => req.destroy(),
    );
  };
  const limits = { maxHeaderSize: LARGEST_HEADERS_BYTES };
  const server: Server = tls ? createSecureServer({ ...limits, ...tls }, receive) : createServer(limits, receive);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  const bound = (server.address() as AddressInfo).port;
  const standIn: StandIn = {
    url: `${tls ? 'https' : 'http'}://${host}:${bound}`,
    port: bound,
    calls: () => calls,
    intercept: (next) => {
      fault = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Those of the server's own list have finished the handshake of TLS.
        for (const socket of sockets) socket.destroy();
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
