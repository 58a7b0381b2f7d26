import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answerJson, type GatewayAnswer } from '../../lib/http/answer.ts';
import { LARGEST_TOKEN_FORM_BYTES } from '../../lib/http/gateway-request.ts';
import { parseForm } from '../../lib/oauth/form.ts';
import type { TlsIdentity } from '../local/stand-in.ts';
import { refuse } from './answer.ts';
import { refuseForeign } from './guard.ts';
import { type LocalToken, readClientAuthentication } from './local-token.ts';
import type { Metadata } from './metadata.ts';
import { type Route, routeOf } from './route.ts';
import type { Upstream } from './upstream.ts';

export interface ServerOptions {
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: TlsIdentity | undefined;
  /** Answers for the role that may use the profile. */
  readonly upstreamOf: (profile: string) => Upstream;
  readonly metadata: Metadata;
  /** Absent: clients need no secret. */
  readonly localToken?: LocalToken | undefined;
  /** A client sent a client authentication that nobody checks; called once. */
  readonly onIgnored: () => void;
}

/** A proxy that listens on 127.0.0.1. */
export interface RunningProxy {
  /** Without a slash at the end. */
  readonly url: string;
  /** Stops listening, answers what is under way, and closes all connections. */
  readonly close: () => Promise<void>;
}

const HOST = '127.0.0.1';

/** A client has this long to send a request. */
const REQUEST_MS = 10_000;
/** Longer than clients and pools keep idle connections. */
const KEEP_ALIVE_MS = 120_000;

const FORM = /^application\/x-www-form-urlencoded(?:\s*;|$)/i;

/** The body of a request as text; `undefined` if it is too long. */
function readBody(req: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= LARGEST_TOKEN_FORM_BYTES) chunks.push(chunk);
      else resolve(undefined);
    });
    req.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    req.on('error', reject);
    req.on('close', () => reject(new Error('the client has gone')));
  });
}

function write(res: ServerResponse, { statusCode, headers, body }: GatewayAnswer, isHead = false): void {
  res.writeHead(statusCode, { ...headers, 'content-length': Buffer.byteLength(body) });
  res.end(isHead ? undefined : body);
}

/** Answers everything that has no body. */
const WITHOUT_BODY = ['GET', 'HEAD'];

/** Creates the proxy, and listens. @throws {Error} with `code: 'EADDRINUSE'` if the port is in use */
export async function createProxy({
  port,
  tls,
  upstreamOf,
  metadata,
  localToken,
  onIgnored,
}: ServerOptions): Promise<RunningProxy> {
  let bound = port;
  let isIgnoring = false;

  async function answerForm(
    { profile, endpoint }: Route & { kind: 'endpoint' },
    req: IncomingMessage,
  ): Promise<GatewayAnswer> {
    if (!FORM.test(req.headers['content-type'] ?? ''))
      return refuse(400, 'invalid_request', 'the body must be application/x-www-form-urlencoded');
    const body = await readBody(req);
    if (body === undefined) return refuse(413, 'invalid_request', 'the body is too long', { connection: 'close' });
    const form = parseForm(body);
    if (!form.ok) return refuse(400, 'invalid_request', form.error);
    const { isSent, secrets } = readClientAuthentication(req.headers, form.value);
    if (localToken !== undefined && !localToken.isKnown(secrets)) {
      return refuse(401, 'invalid_client', 'send the local token of this proxy as the client secret', {
        'www-authenticate': 'Basic realm="zitadel-token-broker proxy", charset="UTF-8"',
      });
    }
    if (localToken === undefined && isSent && !isIgnoring) {
      isIgnoring = true;
      onIgnored();
    }
    return upstreamOf(profile)({ profile, endpoint, form: form.value });
  }

  async function answer(req: IncomingMessage): Promise<GatewayAnswer> {
    const refusal = refuseForeign(req.headers, bound);
    if (refusal !== undefined) return refusal;
    const route = routeOf(req.url ?? '');
    if (route === undefined) {
      return refuse(
        404,
        'invalid_request',
        'the paths are those of ZITADEL under a profile: /{profile}/oauth/v2/token',
      );
    }
    const method = req.method ?? '';
    const allowed = route.kind === 'endpoint' ? ['POST'] : WITHOUT_BODY;
    if (!allowed.includes(method)) {
      return refuse(405, 'invalid_request', `use ${allowed.join(' or ')}`, { allow: allowed.join(', ') });
    }
    if (route.kind === 'health') return answerJson(200, { status: 'ok' });
    if (route.kind === 'metadata') return metadata(route, `${tls ? 'https' : 'http'}://${req.headers.host}`);
    return answerForm(route, req);
  }

  const listener: RequestListener = (req, res) => {
    answer(req).then(
      (answered) => write(res, answered, req.method === 'HEAD'),
      // The client has gone.
      () => res.destroy(),
    );
  };
  const limits = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: KEEP_ALIVE_MS };
  const server: Server = tls ? createSecureServer({ ...limits, ...tls }, listener) : createServer(limits, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  bound = (server.address() as AddressInfo).port;
  return {
    url: `${tls ? 'https' : 'http'}://${HOST}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}
