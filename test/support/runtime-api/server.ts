import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readBody } from '../../../infra/local/stand-in.ts';

/** How an invocation ended. */
export type Invoked =
  /** The handler's answer, as JSON text. */
  | { readonly kind: 'response'; readonly body: string }
  /** The handler rejected, the function could not start, or the process said that nobody caught an error. */
  | { readonly kind: 'error'; readonly errorType: string; readonly errorMessage: string }
  /** The deadline passed without an answer: Lambda would kill the sandbox. */
  | { readonly kind: 'timed_out' }
  /** The process ended without a word. */
  | { readonly kind: 'lost' };

const PREFIX = '/2018-06-01/runtime/';
const FUNCTION_ARN = 'arn:aws:lambda:eu-central-1:123456789012:function:zitadel-token-broker-test';
const DEFAULT_TIMEOUT_MS = 15_000;

interface Work {
  readonly id: string;
  readonly body: string;
  readonly deadlineMs: number;
  readonly end: (invoked: Invoked) => void;
}

function parseError(body: string): Invoked {
  const { errorType = '', errorMessage = '' } = JSON.parse(body) as { errorType?: string; errorMessage?: string };
  return { kind: 'error', errorType, errorMessage };
}

/**
 * Starts the runtime API of one sandbox (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) on loopback:
 * what a function's process asks for work.
 * @param now epoch milliseconds, by which deadlines are told
 */
export async function createRuntimeApi(now: () => number) {
  const waiting: Work[] = [];
  const underWay = new Map<string, Work>();
  let asking: ServerResponse | undefined;
  /** Why the process does nothing any more. */
  let dead: Invoked | undefined;
  const idlers: PromiseWithResolvers<void>[] = [];

  function hand(): void {
    if (asking === undefined) return;
    const work = waiting.shift();
    if (work === undefined) {
      for (const { resolve } of idlers.splice(0)) resolve();
      return;
    }
    underWay.set(work.id, work);
    asking.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': work.id,
      'lambda-runtime-deadline-ms': String(work.deadlineMs),
      'lambda-runtime-invoked-function-arn': FUNCTION_ARN,
      'lambda-runtime-trace-id': 'Root=1-00000000-000000000000000000000000;Sampled=0',
    });
    asking.end(work.body);
    asking = undefined;
  }

  const notStarted = ({ kind }: Invoked) => new Error(`the sandbox does not wait for work: ${kind}`);

  function endAll(invoked: Invoked): void {
    dead ??= invoked;
    const all = [...waiting.splice(0), ...underWay.values()];
    underWay.clear();
    for (const { end } of all) end(invoked);
    for (const { reject } of idlers.splice(0)) reject(notStarted(invoked));
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '').slice(PREFIX.length);
    if (req.method === 'GET' && path === 'invocation/next') {
      asking = res;
      res.once('close', () => {
        if (asking === res) asking = undefined;
      });
      return hand();
    }
    const body = await readBody(req);
    const [, id = '', what = ''] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const work = underWay.get(id);
    underWay.delete(id);
    if (path === 'init/error') endAll(parseError(body));
    res.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    work?.end(what === 'error' ? parseError(body) : { kind: 'response', body });
  }

  const server = createServer((req, res) => {
    answer(req, res).catch(() => res.destroy());
  });
  // A frozen sandbox keeps its connection.
  server.keepAliveTimeout = 0;
  await once(server.listen(0, '127.0.0.1'), 'listening');

  return {
    /** `127.0.0.1:{port}`, as `AWS_LAMBDA_RUNTIME_API` has it. */
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Hands an event to the sandbox once it asks for one; several wait in line. Its deadline is `timeoutMs` from now. */
    invoke: (event: unknown, timeoutMs = DEFAULT_TIMEOUT_MS) =>
      new Promise<Invoked>((resolve) => {
        if (dead !== undefined) return resolve(dead);
        const timer = setTimeout(() => end({ kind: 'timed_out' }), timeoutMs);
        const end = (invoked: Invoked) => {
          clearTimeout(timer);
          resolve(invoked);
        };
        waiting.push({ id: randomUUID(), body: JSON.stringify(event), deadlineMs: now() + timeoutMs, end });
        hand();
      }),
    /** Resolves when the sandbox has started and waits for work; rejects when it said that it cannot start. */
    async idle(): Promise<void> {
      if (dead !== undefined) throw notStarted(dead);
      if (asking !== undefined && waiting.length === 0) return;
      const idler = Promise.withResolvers<void>();
      idlers.push(idler);
      await idler.promise;
    },
    /** Ends all that is under way as `lost`: the process is dead. */
    async close(): Promise<void> {
      endAll({ kind: 'lost' });
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}
