import type { Answer } from './function.ts';

/** What is known of an answer besides itself. */
export interface Circumstances {
  /** Whether its process was killed meanwhile: then there may be none. */
  readonly isKilled: boolean;
  /** For how long its process was frozen meanwhile: also between making the answer and writing it down. */
  readonly frozenMs: number;
  /** Whether nothing has gone wrong for so long that there is no excuse for an error. */
  readonly isCalm: boolean;
  /** Epoch milliseconds at which the broker made it, by its own log. */
  readonly madeAtMs: number | undefined;
  /** Epoch milliseconds of the token's end by ZITADEL's own word; `undefined` where it is not good. */
  readonly endMs: number | undefined;
}

/** Nobody gets a token that has less left. */
const LEAST_LEFT_SECONDS = 5;

/** `Retry-After` never asks to wait for longer. */
const LONGEST_PAUSE_SECONDS = 30;

function judgeToken({ json }: Answer, { madeAtMs = 0, endMs, frozenMs }: Circumstances): string[] {
  const faults: string[] = [];
  const expiresIn = Number(json.expires_in);
  if (!Number.isInteger(expiresIn)) faults.push('expires_in is not a whole number');
  if (expiresIn < LEAST_LEFT_SECONDS) faults.push(`a token with ${expiresIn} s left`);
  if (madeAtMs === 0) faults.push('no line of log');
  if (endMs === undefined) faults.push('ZITADEL says that the token is not good');
  const excessMs = madeAtMs + expiresIn * 1000 - (endMs ?? Number.POSITIVE_INFINITY);
  if (excessMs > frozenMs) faults.push(`expires_in promises ${excessMs} ms more than ZITADEL gives`);
  return faults;
}

function judgeError({ status, headers, json, requestId }: Answer): string[] {
  const faults: string[] = [];
  const retryAfter = Number(headers['retry-after']);
  if (status !== 503 || json.error !== 'temporarily_unavailable') faults.push(`status ${status}, error ${json.error}`);
  if (!(retryAfter >= 1 && retryAfter <= LONGEST_PAUSE_SECONDS)) faults.push(`Retry-After ${retryAfter}`);
  if (json.request_id !== requestId) faults.push('another request id');
  return faults;
}

/**
 * What is wrong with an answer of the function `token` while only the network, processes and the clock go wrong: it is
 * a token that is good, or 503; and none where the process was killed.
 */
export function judge(answer: Answer, circumstances: Circumstances): readonly string[] {
  const { kind, status } = answer;
  if (kind === 'lost' && circumstances.isKilled) return [];
  if (kind !== 'response') return [`the invocation ended as ${kind}: ${answer.text}`];
  if (status === 200) return judgeToken(answer, circumstances);
  return [...judgeError(answer), ...(circumstances.isCalm ? [`status ${status} although all is well`] : [])];
}
