import { judgeAnswer, type Played, parse, shown } from './answer-rules.ts';
import { isNameOfProfile, member, memberAt, nameInPath, provenRole } from './authoriser.ts';
import { FATES } from './callers.ts';
import type { Plan } from './plan.ts';
import { predict } from './prediction.ts';
import { clientOf, DOCUMENT, DOMAIN, type Endpoint, REVOCATION_SCOPE, ROUTES } from './setting.ts';
import type { Stage } from './stage.ts';
import { namesOf } from './variants.ts';

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

/** What is wrong with an answer and its line of log, whatever the second authoriser says. */
function* faultsOf(
  played: Played,
  decision: string,
  { plan, event, stage }: { readonly plan: Plan; readonly event: unknown; readonly stage: Stage },
): Generator<string> {
  const { endpoint } = plan;
  const { answer } = played;
  const isServed = answer.statusCode === 200;
  if (!isFate(plan, decision)) yield `${plan.identity[0]} gets ${decision}`;
  yield* faultsOfRecord(parse(played.lines[0] ?? ''), endpoint, event);
  if (isServed && endpoint === 'token')
    yield* faultsOfToken(parse(answer.body), nameInPath(event, ROUTES.token), stage);
  if (isServed && endpoint === 'metadata') yield* faultsOfMetadata(parse(answer.body), event);
  for (const name of stage.canaries.search(shown(played))) yield `leaks: ${name}`;
}

/** Plays one event and judges its result. */
export const judge = (plan: Plan, event: unknown, stage: Stage) =>
  judgeAnswer(stage.play(plan.endpoint, event), {
    endpoint: plan.endpoint,
    right: predict(event, plan.endpoint),
    others: (played, decision) => faultsOf(played, decision, { plan, event, stage }),
  });
