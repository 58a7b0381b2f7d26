import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { START } from '../runner/history.ts';
import type { Run } from '../runner/worlds.ts';
import { ALPHANUMERIC, isMadeOf, member } from './authoriser.ts';
import type { Endpoint } from './setting.ts';

/** What a request led to. */
export interface Played {
  readonly answer: GatewayAnswer;
  /** What was logged meanwhile. */
  readonly lines: readonly string[];
}

/** What JSON says; `undefined` if the text is not JSON. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The signs of ids of API Gateway's and of Lambda's: they have no meaning of their own where they are shown. */
const ID_SIGNS = `${ALPHANUMERIC}-_=+/.`;

/** The characters of `error_description` (RFC 6749 §5.2). */
const DESCRIPTION_SIGNS = `${ALPHANUMERIC} !#$%&'()*+,-./:;<=>?@[]^_\`{|}~`;

const REFUSALS = [
  'the profile does not exist, or this caller may not use it',
  'the authorization server does not allow this actor to impersonate others',
];

function* faultsOfError({ statusCode, headers }: GatewayAnswer, body: unknown, loggedId: unknown): Generator<string> {
  const { error_description: description, request_id: id } = Object(body) as Record<string, unknown>;
  if (Object.keys(Object(body)).join() !== 'error,error_description,request_id') yield 'the error has other members';
  if (!isMadeOf(description, DESCRIPTION_SIGNS, 1, Number.POSITIVE_INFINITY))
    yield 'error_description holds what it must not';
  if (!isMadeOf(id, ID_SIGNS, 1, 128) || id !== loggedId) yield 'request_id is not that of the log';
  if (headers['cache-control'] !== 'no-store') yield 'an error may be cached';
  if ((statusCode === 401) !== 'www-authenticate' in headers) yield 'www-authenticate is not where it belongs';
  if (statusCode === 403 && !REFUSALS.includes(String(description))) yield 'the refusal tells more than that it is one';
}

/** RFC 6749 §5.1, and the broker's limits: callers must have time to use a token, and no life is longer than 30 days. */
function* faultsOfToken(body: unknown): Generator<string> {
  const token = member(body, 'access_token');
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,49152}$/.test(token)) yield 'access_token is no token';
  const seconds = Number(member(body, 'expires_in'));
  if (!Number.isInteger(member(body, 'expires_in'))) yield 'expires_in is no number';
  if (seconds < 4 || seconds > 2_592_000) yield `expires_in is ${seconds}`;
  if (!/^(?:bearer|n_a)$/i.test(String(member(body, 'token_type')))) yield 'token_type is none';
}

/** What is wrong with an answer and its line of log, whatever they say. */
export function* faultsOfAnswer({ answer, lines }: Played, endpoint: Endpoint): Generator<string> {
  const { statusCode, headers } = answer;
  const [line = ''] = lines;
  const logged = parse(line);
  const body = parse(answer.body);
  if (lines.length !== 1) yield `${lines.length} lines of log`;
  if (typeof logged !== 'object' || line.includes('\n')) yield 'the line of log is no JSON object on a line';
  if (member(logged, 'status') !== statusCode) yield 'the log tells of another answer';
  if (!Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599) yield 'no status';
  if (!Object.values(headers).every((value) => typeof value === 'string')) yield 'a header is no text';
  if (headers['content-type'] !== 'application/json') yield 'the answer is not called JSON';
  const isEmpty = endpoint === 'revoke' && statusCode === 200;
  if (isEmpty ? answer.body !== '' : typeof body !== 'object' || body === null) yield 'the body is not a JSON object';
  if (endpoint !== 'metadata' && headers['cache-control'] !== 'no-store') yield 'the answer may be cached';
  if (statusCode >= 400) yield* faultsOfError(answer, body, member(logged, 'id'));
  if (statusCode === 200 && endpoint === 'token') yield* faultsOfToken(body);
}

const BELOW_500 = 'no request crashes the function, or is answered 5xx';
const SAME_DECISION = 'each decision is that of a second judge';
const SOUND_ANSWER = 'each answer keeps the rules of answers, and repeats no secret';

/** What is promised of each answer, whatever was asked. */
export const PROMISES = [BELOW_500, SAME_DECISION, SOUND_ANSWER] as const;

/** A promise that an answer breaks, and how. */
type Breach = readonly [promise: (typeof PROMISES)[number], what: string];

/** The status of an answer, and its error code if there is one. */
function decisionOf({ statusCode, body }: GatewayAnswer): string {
  const error = statusCode === 200 ? undefined : member(parse(body), 'error');
  return [statusCode, ...(error === undefined ? [] : [error])].join(' ');
}

/** What a request came to that should be decided in one of these ways. */
interface Judged {
  readonly endpoint: Endpoint;
  /** The decisions that a second judge allows. */
  readonly right: ReadonlySet<string>;
  /** What else is wrong with an answer. */
  readonly others: (played: Played, decision: string) => Iterable<string>;
}

/** How a request was decided, if it was answered, and the promises that this breaks. */
interface Judgement {
  readonly answer?: GatewayAnswer;
  readonly decision?: string;
  readonly breaches: readonly Breach[];
}

/** Judges what a request came to. `played` rejects if the function has thrown. */
export async function judgeAnswer(played: Promise<Played>, { endpoint, right, others }: Judged): Promise<Judgement> {
  const outcome = await played.catch(String);
  if (typeof outcome === 'string') return { breaches: [[BELOW_500, outcome]] };
  const { answer } = outcome;
  const decision = decisionOf(answer);
  const breaches: Breach[] = [];
  if (answer.statusCode >= 500) breaches.push([BELOW_500, decision]);
  if (!right.has(decision)) breaches.push([SAME_DECISION, `${decision}, but should be ${[...right].join(' or ')}`]);
  const faults = [...faultsOfAnswer(outcome, endpoint), ...others(outcome, decision)];
  for (const what of faults) breaches.push([SOUND_ANSWER, what]);
  return { answer, decision, breaches };
}

/** The run of one request, in which these kinds occurred. */
export function runOf(kinds: readonly string[], events: number, [breach]: readonly Breach[]): Run {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const violation = breach && { invariant: breach[0], what: breach[1], at: START };
  return { requests: 1, events, counts, violation };
}

/** What an answer and its lines of log show besides the token that was asked for. */
export function shown({ answer, lines }: Played): string {
  const token = answer.statusCode === 200 ? member(parse(answer.body), 'access_token') : undefined;
  const body = token === undefined ? answer.body : answer.body.replace(JSON.stringify(token), '');
  return [...lines, body, JSON.stringify(answer.headers)].join('\n');
}
