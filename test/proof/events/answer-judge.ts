import { isNameOfProfile, nameInPath, provenRole } from './authoriser.ts';
import { member, memberAt } from './json.ts';
import { DOMAIN, type Endpoint, ROUTES } from './plan.ts';
import { CLIENT_OF, DOCUMENT, type ProfileName, REVOCATION_SCOPE } from './profiles.ts';
import type { Played, Stage } from './stage.ts';

/** What an answer decides: its status, and its error code where it has one. */
export function decisionOf({ answer }: Played): string {
  const error = answer.statusCode === 200 ? undefined : member(parse(answer.body), 'error');
  return error === undefined ? String(answer.statusCode) : `${answer.statusCode} ${String(error)}`;
}

/** What an answer says of its error; empty where it is none. */
export const descriptionOf = ({ answer }: Played): string =>
  answer.statusCode === 200 ? '' : String(member(parse(answer.body), 'error_description'));

/** `undefined` where the text is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const ENDPOINT_FIELDS = {
  token: 'token_endpoint',
  introspect: 'introspection_endpoint',
  revoke: 'revocation_endpoint',
} as const;

const ID_SIGNS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+/.';

const FORBIDDEN_TEXT = 'the profile does not exist, or this caller may not use it';
const IMPERSONATION_TEXT = 'the authorization server does not allow this actor to impersonate others';

/** Characters of `error_description` (RFC 6749 §5.2). */
const isDescription = (text: unknown): boolean =>
  typeof text === 'string' &&
  text !== '' &&
  [...text].every((sign) => sign >= ' ' && sign <= '~' && sign !== '"' && sign !== '\\');

/** An id of API Gateway's or of Lambda's: nothing that could say something of its own where it is shown. */
const isRequestId = (text: unknown): boolean =>
  typeof text === 'string' && text !== '' && text.length <= 128 && [...text].every((sign) => ID_SIGNS.includes(sign));

function* faultsOfError({ answer }: Played, id: unknown): Generator<string> {
  const body = parse(answer.body);
  const { error_description: description, request_id: requestId } = (body ?? {}) as Record<string, unknown>;
  if (Object.keys(Object(body)).join() !== 'error,error_description,request_id') yield 'the error has other members';
  if (!isDescription(description)) yield 'error_description holds what it must not';
  if (!isRequestId(requestId) || requestId !== id) yield 'request_id is not that of the log';
  if (answer.headers['cache-control'] !== 'no-store') yield 'an error may be cached';
  if ((answer.statusCode === 401) !== 'www-authenticate' in answer.headers)
    yield 'www-authenticate is not where it belongs';
  if (answer.statusCode === 403 && description !== FORBIDDEN_TEXT && description !== IMPERSONATION_TEXT) {
    yield 'the refusal tells more than that it is one';
  }
}

/** A token that is handed out is of the profile's own client, with scopes of the profile. */
function* faultsOfToken(body: unknown, profile: string, stage: Stage): Generator<string> {
  const holder = stage.zitadel.holderOf(String(member(body, 'access_token')));
  if (holder !== CLIENT_OF[profile as ProfileName]) yield `a token of ${String(holder)}, not of the profile`;
  const seconds = member(body, 'expires_in');
  if (!Number.isInteger(seconds) || Number(seconds) < 4) yield 'expires_in is too small';
  if (!['Bearer', 'N_A'].includes(String(member(body, 'token_type')))) yield 'token_type is none';
  const scopes = member(member(DOCUMENT.profiles, profile), 'scopes') as readonly string[] | undefined;
  // Its tokens carry the audience of the application that can revoke them.
  const extra = member(member(DOCUMENT.profiles, profile), 'revocation') === undefined ? '' : REVOCATION_SCOPE;
  const words = String(member(body, 'scope'))
    .split(' ')
    .filter((word) => word !== '');
  if (scopes !== undefined && !words.every((word) => word === extra || scopes.includes(word)))
    yield 'scope outside the profile';
}

/** Metadata sends clients nowhere but to the domain that API Gateway has vouched for, over HTTPS. */
function* faultsOfMetadata(body: unknown, event: unknown): Generator<string> {
  const path = member(event, 'rawPath') ?? member(event, 'path');
  const isUsual =
    memberAt(event, 'requestContext', 'domainName') === DOMAIN && typeof path === 'string' && path.startsWith('/');
  const issuer = String(member(body, 'issuer'));
  const start = `https://${DOMAIN}/`;
  if (isUsual && !issuer.startsWith(start)) yield 'the issuer is elsewhere';
  for (const name of ['token', 'introspect', 'revoke'] as const) {
    const endpoint = member(body, ENDPOINT_FIELDS[name]);
    if (endpoint !== `${issuer}${ROUTES[name]}`) yield `the endpoint ${name} is not the issuer's`;
  }
}

/** The line of log is the audit record: it names who asked and for what, if they are proven and a name. */
function* faultsOfRecord(logged: unknown, endpoint: Endpoint, event: unknown): Generator<string> {
  const role = endpoint === 'metadata' ? undefined : provenRole(event);
  const name = endpoint === 'metadata' ? '' : nameInPath(event, ROUTES[endpoint]);
  if (member(logged, 'route') !== endpoint) yield 'the log names the endpoint otherwise';
  if (member(logged, 'caller') !== (role && `${role.account}:${role.name}`)) yield 'the log names the caller otherwise';
  if (member(logged, 'profile') !== (isNameOfProfile(name) ? name : '')) yield 'the log names the profile otherwise';
}

/** What of an answer must hold no secret: all but the token that was asked for. */
function shown({ answer }: Played, body: unknown): string {
  const { access_token: _, ...rest } = Object(body) as Record<string, unknown>;
  return JSON.stringify([answer.headers, answer.statusCode === 200 ? rest : answer.body]);
}

/** What is wrong with an answer and its line of log, whatever it decides. */
export function* faultsOf(played: Played, endpoint: Endpoint, event: unknown, stage: Stage): Generator<string> {
  const { answer, lines } = played;
  const { statusCode, headers } = answer;
  const [line = ''] = lines;
  const logged = parse(line);
  const body = parse(answer.body);
  if (lines.length !== 1) yield `${lines.length} lines of log`;
  if (typeof logged !== 'object' || line.includes('\n')) yield 'the line of log is no JSON object on a line';
  if (member(logged, 'status') !== statusCode) yield 'the log tells of another answer';
  yield* faultsOfRecord(logged, endpoint, event);
  if (!Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599) yield 'no status';
  if (!Object.values(headers).every((value) => typeof value === 'string')) yield 'a header is no text';
  if (headers['content-type'] !== 'application/json') yield 'the answer is not called JSON';
  const isEmpty = endpoint === 'revoke' && statusCode === 200;
  if (isEmpty ? answer.body !== '' : typeof body !== 'object' || body === null) yield 'the body is not a JSON object';
  if (endpoint !== 'metadata' && headers['cache-control'] !== 'no-store') yield 'the answer may be cached';
  if (statusCode >= 400) yield* faultsOfError(played, member(logged, 'id'));
  if (statusCode === 200 && endpoint === 'token') yield* faultsOfToken(body, nameInPath(event, ROUTES.token), stage);
  if (statusCode === 200 && endpoint === 'metadata') yield* faultsOfMetadata(body, event);
  for (const name of stage.canaries.search(`${lines.join('\n')}${shown(played, body)}`)) yield `leaks: ${name}`;
}
