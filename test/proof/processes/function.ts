import { randomUUID } from 'node:crypto';
import { tokenEvent } from '../../support/events.ts';
import { type SandboxOptions, startSandbox } from '../../support/runtime-api/sandbox.ts';
import type { Invoked } from '../../support/runtime-api/server.ts';
import { parse } from '../events/answer-rules.ts';

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** What a caller gets, and how long it took. */
export interface Answer {
  /** How the invocation ended; only a `response` has a status. */
  readonly kind: Invoked['kind'];
  /** 0 if there is none. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The members of the body; empty if it is no JSON object. */
  readonly json: Json;
  readonly requestId: string;
  readonly tookMs: number;
  /** When it arrived, in epoch milliseconds of the world's clock: its durations count from here. */
  readonly answeredAt: number;
}

/** What a request may have besides its profile; by default it is a token request that may take 15 s. */
export interface Ask {
  readonly form?: string;
  readonly endpoint?: 'token' | 'introspect' | 'revoke';
  readonly timeoutMs?: number;
}

const membersOf = (text: string): Json => Object(parse(text));

function read(invoked: Invoked): Pick<Answer, 'kind' | 'status' | 'headers' | 'text' | 'json'> {
  const { kind } = invoked;
  const { statusCode = 0, headers = {}, body = '' } = kind === 'response' ? membersOf(invoked.body) : {};
  const text = kind === 'error' ? `${invoked.errorType}: ${invoked.errorMessage}` : String(body);
  return { kind, status: Number(statusCode), headers: headers as Answer['headers'], text, json: membersOf(text) };
}

/**
 * Starts a function's process. It has not loaded anything yet when this resolves: wait for `idle`, or just ask.
 * @param now epoch milliseconds, by which its deadlines are given
 */
export async function createFunction(now: () => number, options: SandboxOptions) {
  const sandbox = await startSandbox({ ...options, now });
  const answers: Answer[] = [];
  const log: Json[] = [];
  /** Up to here the output is in `log`: there is much of it. */
  let readTo = 0;
  return {
    ...sandbox,
    /** Invokes the function as API Gateway does for a caller of this profile. */
    async ask(
      profile: string,
      { form = 'grant_type=client_credentials', endpoint = 'token', timeoutMs }: Ask = {},
    ): Promise<Answer> {
      const requestId = randomUUID();
      const startedMs = performance.now();
      const event = tokenEvent(profile, form, { rawPath: `/${profile}/oauth/v2/${endpoint}` });
      Object.assign(event.requestContext as object, { requestId });
      const invoked = read(await sandbox.invoke(event, timeoutMs));
      const answer = { ...invoked, requestId, tookMs: performance.now() - startedMs, answeredAt: now() };
      const { access_token: token, ...json } = answer.json;
      answers.push(token === undefined ? answer : { ...answer, text: '', json });
      return answer;
    },
    /** Its log so far: every line that is JSON. */
    log(): readonly Json[] {
      const { stdout } = sandbox.output();
      const end = stdout.lastIndexOf('\n') + 1;
      const lines = stdout.slice(readTo, end).split('\n');
      log.push(...lines.filter((line) => line.startsWith('{')).map(membersOf));
      readTo = end;
      return log;
    },
    /** What `ask` has returned, without the tokens that callers asked for. */
    answers,
  };
}

/** A function's process with its runtime API. */
export type FunctionProcess = Awaited<ReturnType<typeof createFunction>>;
