import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { faultsOfAnswer, type Played, parse, shown } from './answer-rules.ts';
import { isNameOfProfile, member, memberAt, nameInPath, provenRole } from './authoriser.ts';
import { FATES } from './callers.ts';
import type { Plan } from './plan.ts';
import { predict } from './prediction.ts';
import { clientOf, DOCUMENT, DOMAIN, type Endpoint, REVOCATION_SCOPE, ROUTES } from './setting.ts';
import type { Stage } from './stage.ts';
import { namesOf } from './variants.ts';

/** What must never happen. */
export const VIOLATIONS = ['uncaught', 'answers 5xx', 'differing decisions', 'other faults'] as const;

export type Violation = (typeof VIOLATIONS)[number];

/** Something that is wrong with the result of an event. */
export interface Finding {
  readonly kind: Violation;
  readonly what: string;
}

/** The result of one event. */
export interface Outcome {
  /** The status, and the error code if there is one. */
  readonly decision: string;
  /** What the answer says about its error; empty if it is none. */
  readonly description: string;
  readonly findings: readonly Finding[];
}

function decisionOf({ statusCode, body }: GatewayAnswer) {
  if (statusCode === 200) return { decision: '200', description: '' };
  const { error, error_description: description } = Object(parse(body)) as Record<string, unknown>;
  const decision = error === undefined ? String(statusCode) : `${statusCode} ${error}`;
  return { decision, description: String(description) };
}

/** Whether a kind of caller may get this decision, whatever the two authorisers say. */
function isFate({ endpoint, identity: [name], edits }: Plan, decision: string): boolean {
  if (endpoint === 'metadata' || edits.length > 0) return true;
  if (name in FATES.untrusted) return decision === '401 invalid_client';
  if (name in FATES.unlisted) return decision === '403 unauthorized_client';
  return !(name in FATES.listed) || decision !== '401 invalid_client';
}

/** A token that is handed out is of the profile's own client, with scopes of the profile. */
function* faultsOfToken(body: unknown, profile: string, stage: Stage): Generator<string> {
  const holder = stage.holderOf(String(member(body, 'access_token')));
  if (holder !== clientOf(profile)) yield `a token of ${String(holder)}, not of the profile`;
  // The stand-in of these events writes it so, and the broker changes nothing.
  if (!['Bearer', 'N_A'].includes(String(member(body, 'token_type')))) yield 'token_type is none';
  const scopes = memberAt(DOCUMENT.profiles, profile, 'scopes') as readonly string[] | undefined;
  // Its tokens carry the audience of the application that can revoke them.
  const extra = memberAt(DOCUMENT.profiles, profile, 'revocation') === undefined ? '' : REVOCATION_SCOPE;
  const words = String(member(body, 'scope')).split(' ');
  const isOfProfile = (word: string) => word === '' || word === extra || scopes?.includes(word) !== false;
  if (!words.every(isOfProfile)) yield 'scope outside the profile';
}

const ENDPOINT_FIELDS = {
  token: 'token_endpoint',
  introspect: 'introspection_endpoint',
  revoke: 'revocation_endpoint',
} as const;

/** Metadata sends clients only to the domain that API Gateway vouches for, over HTTPS. */
function* faultsOfMetadata(body: unknown, event: unknown): Generator<string> {
  const path = member(event, 'rawPath') ?? member(event, 'path');
  const isUsual =
    memberAt(event, 'requestContext', 'domainName') === DOMAIN && typeof path === 'string' && path.startsWith('/');
  const issuer = String(member(body, 'issuer'));
  if (isUsual && !issuer.startsWith(`https://${DOMAIN}/`)) yield 'the issuer is elsewhere';
  for (const name of namesOf(ENDPOINT_FIELDS))
    if (member(body, ENDPOINT_FIELDS[name]) !== `${issuer}${ROUTES[name]}`)
      yield `the endpoint ${name} is not the issuer's`;
}

/** The line of log is the audit record: it names who asked and for what, if they are proven and a name. */
function* faultsOfRecord(logged: unknown, endpoint: Endpoint, event: unknown): Generator<string> {
  const role = endpoint === 'metadata' ? undefined : provenRole(event);
  const name = endpoint === 'metadata' ? '' : nameInPath(event, ROUTES[endpoint]);
  if (member(logged, 'route') !== endpoint) yield 'the log names the endpoint otherwise';
  if (member(logged, 'caller') !== (role && `${role.account}:${role.name}`)) yield 'the log names the caller otherwise';
  if (member(logged, 'profile') !== (isNameOfProfile(name) ? name : '')) yield 'the log names the profile otherwise';
}

/** What is wrong with an answer and its line of log, whatever it decides. */
function* faultsOf(played: Played, endpoint: Endpoint, event: unknown, stage: Stage): Generator<string> {
  const { statusCode, body } = played.answer;
  yield* faultsOfAnswer(played, endpoint);
  yield* faultsOfRecord(parse(played.lines[0] ?? ''), endpoint, event);
  if (statusCode === 200 && endpoint === 'token')
    yield* faultsOfToken(parse(body), nameInPath(event, ROUTES.token), stage);
  if (statusCode === 200 && endpoint === 'metadata') yield* faultsOfMetadata(parse(body), event);
  for (const name of stage.canaries.search(shown(played))) yield `leaks: ${name}`;
}

/** Plays one event and judges its result. */
export async function judge(plan: Plan, event: unknown, stage: Stage): Promise<Outcome> {
  const { endpoint, identity } = plan;
  const findings: Finding[] = [];
  const find = (kind: Violation, what: string) => findings.push({ kind, what });
  let played: Played;
  try {
    played = await stage.play(endpoint, event);
  } catch (thrown) {
    find('uncaught', thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown);
    return { decision: 'uncaught', description: '', findings };
  }
  const { decision, description } = decisionOf(played.answer);
  const right = predict(event, endpoint);
  if (decision.startsWith('5')) find('answers 5xx', decision);
  if (!right.has(decision)) find('differing decisions', `${decision}, but should be ${[...right].join(' or ')}`);
  if (!isFate(plan, decision)) find('other faults', `${identity[0]} gets ${decision}`);
  for (const what of faultsOf(played, endpoint, event, stage)) find('other faults', what);
  return { decision, description, findings };
}
