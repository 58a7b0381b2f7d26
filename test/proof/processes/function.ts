import { randomUUID } from 'node:crypto';
import { tokenEvent } from '../../support/events.ts';
import { type SandboxOptions, startSandbox } from '../../support/runtime-api/sandbox.ts';
import type { Invoked } from '../../support/runtime-api/server.ts';
import { turn } from '../../support/turns.ts';
import { parse } from '../events/answer-rules.ts';

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** What a caller gets, how long it took, and what the log and ZITADEL say of it. */
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
  /** Its line of log; empty if there is none. */
  readonly line: Json;
  /** Epoch milliseconds of its token's end, as ZITADEL itself says; `undefined` if the token is not valid. */
  readonly endMs: number | undefined;
}

/** What a request may have besides its profile; by default it is a token request that may take 15 s. */
export interface Ask {
  readonly form?: string;
  readonly endpoint?: 'token' | 'introspect' | 'revoke';
  readonly timeoutMs?: number;
  /** Is called as soon as the answer is there. */
  readonly onAnswer?: () => void;
}

/** What to start, and whom to ask for the end of a token. */
export interface FunctionOptions extends SandboxOptions {
  readonly tokenEnd: (token: unknown) => Promise<number | undefined>;
}

const membersOf = (text: string): Json => Object(parse(text));

function read(invoked: Invoked): Pick<Answer, 'kind' | 'status' | 'headers' | 'text' | 'json'> {
  const { kind } = invoked;
  const { statusCode = 0, headers = {}, body = '' } = kind === 'response' ? membersOf(invoked.body) : {};
  const text = kind === 'error' ? `${invoked.errorType}: ${invoked.errorMessage}` : String(body);
  return { kind, status: Number(statusCode), headers: headers as Answer['headers'], text, json: membersOf(text) };
}

/** Starts a function's process. */
export async function createFunction({ tokenEnd, ...options }: FunctionOptions) {
  const sandbox = await startSandbox(options);
  const answers: Answer[] = [];
  const lines: Json[] = [];
  /** Up to here the output is in `lines`: there is much of it. */
  let readTo = 0;

  /** Its log so far: every line that is JSON. */
  function log(): readonly Json[] {
    const { stdout } = sandbox.output();
    const end = stdout.lastIndexOf('\n') + 1;
    const written = stdout.slice(readTo, end).split('\n');
    lines.push(...written.filter((line) => line.startsWith('{')).map(membersOf));
    readTo = end;
    return lines;
  }

  return {
    ...sandbox,
    /** Invokes the function as API Gateway does for a caller of this profile. */
    async ask(
      profile: string,
      { form = 'grant_type=client_credentials', endpoint = 'token', timeoutMs, onAnswer }: Ask = {},
    ): Promise<Answer> {
      const requestId = randomUUID();
      const startedMs = performance.now();
      const event = tokenEvent(profile, form, { rawPath: `/${profile}/oauth/v2/${endpoint}` });
      Object.assign(event.requestContext as object, { requestId });
      const invoked = read(await sandbox.invoke(event, timeoutMs));
      const tookMs = performance.now() - startedMs;
      onAnswer?.();
      const { access_token: token, ...json } = invoked.json;
      // Asked at once: later the token may no longer be valid.
      const endMs = token === undefined ? undefined : await tokenEnd(token);
      // It is written before the answer, but may be read after it.
      await turn();
      const line = log().findLast(({ id }) => id === requestId) ?? {};
      const answer = { ...invoked, requestId, tookMs, line, endMs };
      answers.push(token === undefined ? answer : { ...answer, text: '', json });
      return answer;
    },
    log,
    /** What `ask` has returned, without the tokens that callers asked for. */
    answers,
  };
}

/** A function's process with its runtime API. */
export type FunctionProcess = Awaited<ReturnType<typeof createFunction>>;
