import { createCanaries } from '../../support/canaries.ts';
import type { Case } from './case.ts';
import { type Cell, cellOf } from './cells.ts';
import type { Ask } from './place.ts';
import { CALLERS_TOKEN } from './places.ts';
import { CONFIDENTIAL } from './profiles.ts';
import type { Observation } from './stage.ts';

/** Where a case breaks a rule. */
export interface Violation {
  readonly rule: 'hang' | 'cell' | 'leak' | 'stray';
  readonly what: string;
}

type Members = Readonly<Record<string, unknown>>;

function parse(text: string): Members {
  try {
    return JSON.parse(text) as Members;
  } catch {
    return {};
  }
}

const LONGEST_RETRY_SECONDS = 30;
/** The most that a renewal may take. */
const LONGEST_WAIT_MS = 10_300;

/** What an error must be, whatever its cause (RFC 6749 §5.2). */
function judgeError(observed: Observation, cell: Cell): string[] {
  const { answer, lines } = observed;
  if (answer === 'hangs') return [];
  const body = parse(answer.body);
  const wrong: string[] = [];
  if (body.error !== cell.error) wrong.push(`error ${body.error} instead of ${cell.error}`);
  const members = Object.keys(body).sort().join();
  if (members !== 'error,error_description,request_id') wrong.push(`an error of ${members}`);
  const retryAfter = answer.headers['retry-after'];
  const isGood = /^[1-9]\d?$/.test(retryAfter ?? '') && Number(retryAfter) <= LONGEST_RETRY_SECONDS;
  if (answer.statusCode === 503 && !isGood) wrong.push(`Retry-After: ${retryAfter}`);
  const logged = (parse(lines[0] ?? '').error ?? {}) as Members;
  if (logged.kind !== cell.kind) wrong.push(`${logged.kind} in the log instead of ${cell.kind}`);
  return wrong;
}

/** What a token must be. */
function judgeToken(observed: Observation, cell: Cell): string[] {
  const { answer, lines, knownToken } = observed;
  if (answer === 'hangs' || cell.token === undefined) return [];
  const { access_token: token, token_type: type, expires_in: expiresIn } = parse(answer.body);
  const wrong: string[] = [];
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(token)) wrong.push('access_token is no token');
  if ((token === knownToken) !== (cell.token === 'known')) wrong.push(`not the ${cell.token} token`);
  if (!/^(?:bearer|n_a)$/i.test(String(type))) wrong.push('token_type is no type');
  const isLife = Number.isInteger(expiresIn) && Number(expiresIn) >= 1 && Number(expiresIn) <= 2_592_000;
  if (!isLife) wrong.push(`expires_in ${expiresIn}`);
  const renewal = (parse(lines[0] ?? '').renewal ?? {}) as Members;
  if (renewal.kind !== cell.kind) wrong.push(`renewal ${renewal.kind} in the log instead of ${cell.kind}`);
  return wrong;
}

/** What introspection says is said by ZITADEL (RFC 7662 §2.2); a revocation says nothing (RFC 7009 §2.2). */
function judgePlain({ endpoint }: Ask, { answer }: Observation): string[] {
  if (answer === 'hangs' || endpoint === 'token') return [];
  const isGood = endpoint === 'revoke' ? answer.body === '' : typeof parse(answer.body).active === 'boolean';
  return isGood ? [] : [`a body that is none of ${endpoint}`];
}

/** Whether the caller got what the table of errors says. */
function judgeCell(cell: Cell, ask: Ask, observed: Observation): string[] {
  const { answer, lines, struck } = observed;
  if (answer === 'hangs') return [];
  const wrong: string[] = [];
  if (struck === 0) wrong.push('hostility was never met');
  if (lines.length !== 1) wrong.push(`${lines.length} lines of log`);
  if (lines.some((line) => parse(line).bug !== undefined)) wrong.push(`a bug: ${lines[0]}`);
  if (answer.headers['cache-control'] !== 'no-store') wrong.push('an answer that may be cached');
  if (answer.statusCode !== cell.status)
    return [...wrong, `${answer.statusCode} instead of ${cell.status}: ${lines[0]}`];
  if (cell.status !== 200) return [...wrong, ...judgeError(observed, cell)];
  return [...wrong, ...judgePlain(ask, observed), ...judgeToken(observed, cell)];
}

/** The headers and form values in which the broker proves itself: made anew for each request. */
function proofs({ sent }: Observation): readonly string[] {
  return sent.zitadel.flatMap(({ head, body }) => {
    const basic = /^authorization: Basic (.+)$/im.exec(head)?.[1];
    const form = new URLSearchParams(body);
    const assertions = ['assertion', 'client_assertion'].flatMap((name) => form.get(name)?.split('.').slice(1) ?? []);
    return [...(basic === undefined ? [] : [basic]), ...assertions];
  });
}

const planted = createCanaries();
for (const [name, secret] of Object.entries(CONFIDENTIAL)) planted.plant(name, secret);
planted.plant("the caller's token", CALLERS_TOKEN);

/** Values that are long numbers are instants and ids: that one is a piece of a secret too is chance. */
const withoutNumbers = (text: string): string => text.replace(/(?<=[:"])\d{8,}(?=[.,"}])/g, '');

/** What came out, less the one thing that is meant to. */
function shown({ answer, lines, sent }: Observation, extra: string): string {
  const rows = sent.dynamodb.map(({ body }) => body);
  if (answer === 'hangs') return [...lines, ...rows, extra].join('\n');
  const token = answer.statusCode === 200 ? parse(answer.body).access_token : undefined;
  const body = token === undefined ? answer.body : answer.body.replace(JSON.stringify(token), '');
  return [...lines, ...rows, extra, body, JSON.stringify(answer.headers)].join('\n');
}

/** The names of the secrets that came out somewhere they must not. */
export function leaks(observed: Observation, extra: string): readonly string[] {
  const text = withoutNumbers(shown(observed, extra));
  const canaries = createCanaries();
  for (const token of observed.tokens) canaries.plant('a token', token);
  for (const [at, proof] of proofs(observed).entries()) canaries.plant(`proof ${at}`, proof);
  return [...planted.search(text), ...canaries.search(text)];
}

/**
 * Judges a case.
 * @param extra what the process has printed meanwhile
 */
export function judge(played: Case, observed: Observation, extra = ''): readonly Violation[] {
  const { answer, tookMs } = observed;
  const { kind, place, isKnown } = played;
  const cell = cellOf(place, kind.means[place.scope], isKnown);
  const limitMs = cell.isWaitedFor ? LONGEST_WAIT_MS : place.limitMs;
  return [
    ...(answer === 'hangs' ? [{ rule: 'hang', what: 'never answers' } as const] : []),
    ...(answer !== 'hangs' && tookMs > limitMs
      ? [{ rule: 'hang', what: `${tookMs} ms instead of ${limitMs} ms` } as const]
      : []),
    ...judgeCell(cell, place.ask, observed).map((what) => ({ rule: 'cell', what }) as const),
    ...leaks(observed, extra).map((name) => ({ rule: 'leak', what: name }) as const),
  ];
}
