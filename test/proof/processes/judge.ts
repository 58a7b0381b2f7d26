import { memberAt } from '../events/authoriser.ts';
import type { Answer } from './function.ts';

/** What is known of an answer besides itself: nothing has happened to its process unless it is said. */
export interface Circumstances {
  /** Whether its process was killed meanwhile: then there may be none. */
  readonly isKilled?: boolean;
  /** For how long its process was frozen meanwhile, perhaps between making the answer and writing it. */
  readonly frozenMs?: number;
  /** Whether nothing has gone wrong for so long that there is no excuse for an error. */
  readonly isCalm?: boolean;
}

/** No one gets a token that has less left. */
const LEAST_LEFT_SECONDS = 5;

/** `Retry-After` never asks to wait for longer. */
const LONGEST_PAUSE_SECONDS = 30;

/** The faults whose condition holds. */
const faultsOf = (...faults: readonly (readonly [isFault: boolean, fault: string])[]): readonly string[] =>
  faults.filter(([isFault]) => isFault).map(([, fault]) => fault);

function judgeToken({ json, line, endMs }: Answer, { frozenMs = 0 }: Circumstances): readonly string[] {
  const expiresIn = Number(json.expires_in);
  /** When the broker made it, by its own log. */
  const madeAtMs = Number(memberAt(line, '_aws', 'Timestamp') ?? line.time) + Number(line.ms);
  const excessMs = madeAtMs + expiresIn * 1000 - (endMs ?? Number.POSITIVE_INFINITY);
  return faultsOf(
    [!Number.isInteger(expiresIn), 'expires_in is not a whole number'],
    [expiresIn < LEAST_LEFT_SECONDS, `a token with ${expiresIn} s left`],
    [Number.isNaN(madeAtMs), 'no line of log'],
    [endMs === undefined, 'ZITADEL says that the token is not good'],
    [excessMs > frozenMs, `expires_in promises ${excessMs} ms more than ZITADEL gives`],
  );
}

function judgeError({ status, headers, json, requestId }: Answer, { isCalm }: Circumstances): readonly string[] {
  const retryAfter = Number(headers['retry-after']);
  return faultsOf(
    [status !== 503 || json.error !== 'temporarily_unavailable', `status ${status}, error ${json.error}`],
    [!(retryAfter >= 1 && retryAfter <= LONGEST_PAUSE_SECONDS), `Retry-After ${retryAfter}`],
    [json.request_id !== requestId, 'another request id'],
    [isCalm === true, `status ${status} although all is well`],
  );
}

/**
 * What is wrong with an answer of the function `token` while only the network, processes and the clock go wrong. Right
 * is a valid token or 503; or, if the process was killed, no answer.
 */
export function judge(answer: Answer, circumstances: Circumstances = {}): readonly string[] {
  const { kind, status, text } = answer;
  if (kind === 'lost' && circumstances.isKilled) return [];
  if (kind !== 'response') return [`the invocation ended as ${kind}: ${text}`];
  return status === 200 ? judgeToken(answer, circumstances) : judgeError(answer, circumstances);
}
