import { createCanaries } from '../../support/canaries.ts';
import { createSecretCanaries, secretsIn } from '../../support/secret-canaries.ts';
import { faultsOfAnswer, type Played, parse, shown } from '../events/answer-rules.ts';
import { member, memberAt } from '../events/authoriser.ts';
import type { Case } from './catalogue.ts';
import { type Ask, CALLERS_TOKEN, type Cell, cellOf } from './places.ts';
import type { Observation } from './stage.ts';

/** Where a case breaks a rule. */
export interface Violation {
  readonly rule: 'hang' | 'cell' | 'leak' | 'stray';
  readonly what: string;
}

/** An observation that ended with an answer. */
type Answered = Observation & Played;

const LONGEST_RETRY_SECONDS = 30;
/** The longest that a renewal may take. */
const LONGEST_WAIT_MS = 10_300;

/** What the caller got otherwise than the table of errors says, or than any answer may be. */
function* wrongs(cell: Cell, { endpoint }: Ask, observed: Answered): Generator<string> {
  const { answer, lines, struck, knownToken } = observed;
  const [line = ''] = lines;
  const logged = parse(line);
  const body = parse(answer.body);
  if (struck === 0) yield 'hostility was never met';
  if (member(logged, 'bug') !== undefined) yield `a bug: ${line}`;
  yield* faultsOfAnswer(observed, endpoint);
  if (answer.statusCode !== cell.status) return yield `${answer.statusCode} instead of ${cell.status}: ${line}`;
  const isGood = cell.status === 200;
  const kind = memberAt(logged, isGood ? 'renewal' : 'error', 'kind');
  if (member(body, 'error') !== cell.error) yield `error ${member(body, 'error')} instead of ${cell.error}`;
  if (kind !== cell.kind) yield `${kind} in the log instead of ${cell.kind}`;
  const retryAfter = answer.headers['retry-after'] ?? '';
  const isRetryAfter = /^[1-9]\d?$/.test(retryAfter) && Number(retryAfter) <= LONGEST_RETRY_SECONDS;
  if (cell.status === 503 && !isRetryAfter) yield `Retry-After: ${retryAfter}`;
  const isKnown = isGood && member(body, 'access_token') === knownToken;
  if (cell.token !== undefined && isKnown !== (cell.token === 'known')) yield `not the ${cell.token} token`;
  // RFC 7662 §2.2: it says what ZITADEL said.
  const isIntrospected = typeof member(body, 'active') === 'boolean';
  if (isGood && endpoint === 'introspect' && !isIntrospected) yield 'a body that is none of introspection';
}

const planted = createSecretCanaries();
planted.plant("the caller's token", CALLERS_TOKEN);

/** Values that are long numbers are instants and ids: if one is a piece of a secret too, that is chance. */
const withoutNumbers = (text: string): string => text.replace(/(?<=[:"])\d{8,}(?=[.,"}])/g, '');

const isAnswered = (observed: Observation): observed is Answered => observed.answer !== 'hangs';

/** The names of the secrets that came out where they must not. */
export function leaks(observed: Observation, printed: string): readonly string[] {
  const texts = [
    isAnswered(observed) ? shown(observed) : observed.lines,
    observed.sent.dynamodb.map(({ body }) => body),
  ];
  const text = withoutNumbers([...texts.flat(), printed].join('\n'));
  const canaries = createCanaries();
  for (const token of observed.tokens) canaries.plant('a token', token);
  for (const { head, body } of observed.sent.zitadel) {
    for (const secret of secretsIn(`${head}\n${body}`)) canaries.plant('what was sent to ZITADEL', secret);
  }
  return [...planted.search(text), ...canaries.search(text)];
}

/**
 * Judges a case.
 * @param printed what the process has printed meanwhile
 */
export function* judge({ kind, place, isKnown }: Case, observed: Observation, printed: string): Generator<Violation> {
  const { tookMs } = observed;
  const cell = cellOf(place, kind.means[place.scope], isKnown);
  const limitMs = cell.isWaitedFor ? LONGEST_WAIT_MS : place.limitMs;
  if (!isAnswered(observed)) yield { rule: 'hang', what: 'never answers' };
  else {
    if (tookMs > limitMs) yield { rule: 'hang', what: `${tookMs} ms instead of ${limitMs} ms` };
    for (const what of wrongs(cell, place.ask, observed)) yield { rule: 'cell', what };
  }
  for (const what of leaks(observed, printed)) yield { rule: 'leak', what };
}
