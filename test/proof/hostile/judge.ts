import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { createCanaries } from '../../support/canaries.ts';
import type { Case } from './catalogue.ts';
import { type Cell, cellOf } from './cells.ts';
import { type Ask, CALLERS_TOKEN } from './places.ts';
import { CONFIDENTIAL } from './profiles.ts';
import type { Observation } from './stage.ts';

/** Where a case breaks a rule. */
export interface Violation {
  readonly rule: 'hang' | 'cell' | 'leak' | 'stray';
  readonly what: string;
}

/** An observation that ended with an answer. */
type Answered = Observation & { readonly answer: GatewayAnswer };
type Members = Readonly<Record<string, unknown>>;

function parse(text = ''): Members {
  try {
    return JSON.parse(text) as Members;
  } catch {
    return {};
  }
}

const LONGEST_RETRY_SECONDS = 30;
/** The longest that a renewal may take. */
const LONGEST_WAIT_MS = 10_300;

/** Texts of what is wrong: one for each condition that holds. */
const wrongs = (...conditions: readonly (readonly [isWrong: boolean, what: string])[]): readonly string[] =>
  conditions.flatMap(([isWrong, what]) => (isWrong ? [what] : []));

/** What every error must be (RFC 6749 §5.2). */
function judgeError({ answer, lines }: Answered, cell: Cell): readonly string[] {
  const body = parse(answer.body);
  const members = Object.keys(body).sort().join();
  const retryAfter = answer.headers['retry-after'];
  const isRetryAfter = /^[1-9]\d?$/.test(retryAfter ?? '') && Number(retryAfter) <= LONGEST_RETRY_SECONDS;
  const { kind } = (parse(lines[0]).error ?? {}) as Members;
  return wrongs(
    [body.error !== cell.error, `error ${body.error} instead of ${cell.error}`],
    [members !== 'error,error_description,request_id', `an error of ${members}`],
    [answer.statusCode === 503 && !isRetryAfter, `Retry-After: ${retryAfter}`],
    [kind !== cell.kind, `${kind} in the log instead of ${cell.kind}`],
  );
}

/** What a token must be. */
function judgeToken({ answer, lines, knownToken }: Answered, cell: Cell): readonly string[] {
  const { access_token: token, token_type: type, expires_in: life } = parse(answer.body);
  const { kind } = (parse(lines[0]).renewal ?? {}) as Members;
  return wrongs(
    [typeof token !== 'string' || !/^[\x21-\x7e]{1,49152}$/.test(token), 'access_token is no token'],
    [(token === knownToken) !== (cell.token === 'known'), `not the ${cell.token} token`],
    [!/^(?:bearer|n_a)$/i.test(String(type)), 'token_type is no type'],
    [!Number.isInteger(life) || Number(life) < 1 || Number(life) > 2_592_000, `expires_in ${life}`],
    [kind !== cell.kind, `renewal ${kind} in the log instead of ${cell.kind}`],
  );
}

/** The answer to an introspection says what ZITADEL said (RFC 7662 §2.2); to a revocation, nothing (RFC 7009 §2.2). */
function judgePlain({ endpoint }: Ask, { answer }: Answered): readonly string[] {
  const isGood = endpoint === 'revoke' ? answer.body === '' : typeof parse(answer.body).active === 'boolean';
  return wrongs([!isGood, `a body that is none of ${endpoint}`]);
}

function judgeBody(cell: Cell, ask: Ask, observed: Answered): readonly string[] {
  if (cell.status !== 200) return judgeError(observed, cell);
  return cell.token === undefined ? judgePlain(ask, observed) : judgeToken(observed, cell);
}

/** Whether the caller got what the table of errors says. */
function judgeCell(cell: Cell, ask: Ask, observed: Answered): readonly string[] {
  const { answer, lines, struck } = observed;
  const isStatus = answer.statusCode === cell.status;
  return [
    ...wrongs(
      [struck === 0, 'hostility was never met'],
      [lines.length !== 1, `${lines.length} lines of log`],
      [lines.some((line) => parse(line).bug !== undefined), `a bug: ${lines[0]}`],
      [answer.headers['cache-control'] !== 'no-store', 'an answer that may be cached'],
      [!isStatus, `${answer.statusCode} instead of ${cell.status}: ${lines[0]}`],
    ),
    ...(isStatus ? judgeBody(cell, ask, observed) : []),
  ];
}

/** The headers and form values in which the broker proves itself: new for each request. */
function proofs({ sent }: Observation): readonly string[] {
  return sent.zitadel.flatMap(({ head, body }) => {
    const [, basic] = /^authorization: Basic (.+)$/im.exec(head) ?? [];
    const form = new URLSearchParams(body);
    const assertions = ['assertion', 'client_assertion'].flatMap((name) => form.get(name)?.split('.').slice(1) ?? []);
    return [...(basic === undefined ? [] : [basic]), ...assertions];
  });
}

const planted = createCanaries();
for (const [name, secret] of Object.entries(CONFIDENTIAL)) planted.plant(name, secret);
planted.plant("the caller's token", CALLERS_TOKEN);

/** Values that are long numbers are instants and ids: if one is a piece of a secret too, that is chance. */
const withoutNumbers = (text: string): string => text.replace(/(?<=[:"])\d{8,}(?=[.,"}])/g, '');

/** What came out, without the token of a good answer. */
function shown({ answer, lines, sent }: Observation, printed: string): string {
  const texts = [...lines, ...sent.dynamodb.map(({ body }) => body), printed];
  if (answer === 'hangs') return texts.join('\n');
  const token = answer.statusCode === 200 ? parse(answer.body).access_token : undefined;
  const body = token === undefined ? answer.body : answer.body.replace(JSON.stringify(token), '');
  return [...texts, body, JSON.stringify(answer.headers)].join('\n');
}

/** The names of the secrets that came out where they must not. */
export function leaks(observed: Observation, printed: string): readonly string[] {
  const text = withoutNumbers(shown(observed, printed));
  const canaries = createCanaries();
  for (const token of observed.tokens) canaries.plant('a token', token);
  for (const [at, proof] of proofs(observed).entries()) canaries.plant(`proof ${at}`, proof);
  return [...planted.search(text), ...canaries.search(text)];
}

const isAnswered = (observed: Observation): observed is Answered => observed.answer !== 'hangs';

const breaking =
  (rule: Violation['rule']) =>
  (what: string): Violation => ({ rule, what });

/**
 * Judges a case.
 * @param printed what the process has printed meanwhile
 */
export function judge({ kind, place, isKnown }: Case, observed: Observation, printed: string): readonly Violation[] {
  const leaked = leaks(observed, printed).map(breaking('leak'));
  if (!isAnswered(observed)) return [{ rule: 'hang', what: 'never answers' }, ...leaked];
  const cell = cellOf(place, kind.means[place.scope], isKnown);
  const { tookMs } = observed;
  const limitMs = cell.isWaitedFor ? LONGEST_WAIT_MS : place.limitMs;
  return [
    ...wrongs([tookMs > limitMs, `${tookMs} ms instead of ${limitMs} ms`]).map(breaking('hang')),
    ...judgeCell(cell, place.ask, observed).map(breaking('cell')),
    ...leaked,
  ];
}
