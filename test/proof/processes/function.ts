import { randomUUID } from 'node:crypto';
import { tokenEvent } from '../../support/events.ts';
import { type SandboxOptions, type SandboxProcess, startSandbox } from '../../support/runtime-api/sandbox.ts';
import { createRuntimeApi, type Invoked } from '../../support/runtime-api/server.ts';

/** What a caller gets, and how long it took. */
export interface Answer {
  /** How the invocation ended; only a `response` has a status. */
  readonly kind: Invoked['kind'];
  /** 0 where there is none. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body's members; empty where it is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  readonly tookMs: number;
  /** When it came, in epoch milliseconds of the world's clock: what it says of time counts from here. */
  readonly answeredAt: number;
}

/** A request for a function behind API Gateway. */
export interface Ask {
  readonly profile: string;
  readonly form?: string;
  readonly endpoint?: 'token' | 'introspect' | 'revoke';
  readonly timeoutMs?: number;
}

/** A function's process with its runtime API. */
export interface FunctionProcess extends Pick<SandboxProcess, 'freeze' | 'thaw' | 'output' | 'exited'> {
  /** Invokes the function as API Gateway does for a caller. */
  readonly ask: (request: Ask) => Promise<Answer>;
  /** Invokes the function with any event. */
  readonly invoke: (event: unknown, timeoutMs?: number) => Promise<Invoked>;
  /** Resolves when it waits for work: then Lambda would freeze it. */
  readonly idle: () => Promise<void>;
  /** Its log so far, a member for each line that is JSON. */
  readonly log: () => readonly Readonly<Record<string, unknown>>[];
  /** Kills it, if it still lives, and ends its runtime API. */
  readonly kill: () => Promise<void>;
}

const TIMEOUT_MS = 15_000;

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function gatewayEvent({ profile, form = 'grant_type=client_credentials', endpoint = 'token' }: Ask, requestId: string) {
  const event = tokenEvent(profile, form, { rawPath: `/${profile}/oauth/v2/${endpoint}` });
  return { ...event, requestContext: { ...(event.requestContext as object), requestId } };
}

function toAnswer(invoked: Invoked): Omit<Answer, 'requestId' | 'tookMs' | 'answeredAt'> {
  const nothing = { kind: invoked.kind, status: 0, headers: {}, text: '', json: {} };
  if (invoked.kind === 'error') return { ...nothing, text: `${invoked.errorType}: ${invoked.errorMessage}` };
  if (invoked.kind !== 'response') return nothing;
  const { statusCode, headers, body } = parse(invoked.body);
  const text = typeof body === 'string' ? body : '';
  return {
    kind: 'response',
    status: Number(statusCode),
    headers: (headers ?? {}) as Record<string, string>,
    text,
    json: parse(text),
  };
}

/**
 * Starts a function's process. It has not loaded anything yet when this resolves: wait for `idle`, or just ask.
 * @param options.now epoch milliseconds, by which its deadlines are told
 */
export async function createFunction({
  now,
  ...options
}: Omit<SandboxOptions, 'api'> & { readonly now: () => number }): Promise<FunctionProcess> {
  const api = await createRuntimeApi({ now });
  const sandbox = startSandbox({ ...options, api });
  const log: Readonly<Record<string, unknown>>[] = [];
  /** Up to here the log is in `log`: there is much of it. */
  let readTo = 0;
  const invoke = (event: unknown, timeoutMs = TIMEOUT_MS) => api.invoke(event, { deadlineMs: now() + timeoutMs });
  return {
    ...sandbox,
    invoke,
    async ask(request) {
      const requestId = randomUUID();
      const startedMs = performance.now();
      const invoked = await invoke(gatewayEvent(request, requestId), request.timeoutMs);
      return { ...toAnswer(invoked), requestId, tookMs: performance.now() - startedMs, answeredAt: now() };
    },
    idle: api.idle,
    log() {
      const { stdout } = sandbox.output();
      const end = stdout.lastIndexOf('\n') + 1;
      if (end > readTo) {
        const lines = stdout.slice(readTo, end - 1).split('\n');
        log.push(...lines.filter((line) => line.startsWith('{')).map(parse));
        readTo = end;
      }
      return log;
    },
    async kill() {
      await sandbox.kill();
      await api.close();
    },
  };
}
