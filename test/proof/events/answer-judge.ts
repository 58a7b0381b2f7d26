import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { ALPHANUMERIC, isMadeOf, isNameOfProfile, nameInPath, provenRole } from './authoriser.ts';
import { DOMAIN, type Endpoint, ROUTES } from './endpoints.ts';
import { member, memberAt } from './json.ts';
import { clientOf, DOCUMENT, REVOCATION_SCOPE } from './profiles.ts';
import type { Played, Stage } from './stage.ts';
import { namesOf } from './variants.ts';

/** `undefined` if the text is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The code of an error and what it says; no code and an empty text if the answer is none. */
export function errorOf({ statusCode, body }: GatewayAnswer): { readonly code?: string; readonly description: string } {
  if (statusCode === 200) return { description: '' };
  const { error, error_description: description } = Object(parse(body)) as Record<string, unknown>;
  return { ...(error === undefined ? {} : { code: String(error) }), description: String(description) };
}

const ENDPOINT_FIELDS = {
  token: 'token_endpoint',
  introspect: 'introspection_endpoint',
  revoke: 'revocation_endpoint',
} as const;

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

/** A token that is handed out is of the profile's own client, with scopes of the profile. */
function* faultsOfToken(body: unknown, profile: string, stage: Stage): Generator<string> {
  const holder = stage.zitadel.holderOf(String(member(body, 'access_token')));
  if (holder !== clientOf(profile)) yield `a token of ${String(holder)}, not of the profile`;
  const seconds = member(body, 'expires_in');
  if (!Number.isInteger(seconds) || Number(seconds) < 4) yield 'expires_in is too small';
  if (!['Bearer', 'N_A'].includes(String(member(body, 'token_type')))) yield 'token_type is none';
  const scopes = memberAt(DOCUMENT.profiles, profile, 'scopes') as readonly string[] | undefined;
  // Its tokens carry the audience of the application that can revoke them.
  const extra = memberAt(DOCUMENT.profiles, profile, 'revocation') === undefined ? '' : REVOCATION_SCOPE;
  const words = String(member(body, 'scope')).split(' ');
  const isOfProfile = (word: string) => word === '' || word === extra || scopes?.includes(word) !== false;
  if (!words.every(isOfProfile)) yield 'scope outside the profile';
}

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
export function* faultsOf(
  { answer, lines }: Played,
  endpoint: Endpoint,
  event: unknown,
  stage: Stage,
): Generator<string> {
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
  if (statusCode >= 400) yield* faultsOfError(answer, body, member(logged, 'id'));
  if (statusCode === 200 && endpoint === 'token') yield* faultsOfToken(body, nameInPath(event, ROUTES.token), stage);
  if (statusCode === 200 && endpoint === 'metadata') yield* faultsOfMetadata(body, event);
  // All but the token that was asked for.
  const { access_token: _, ...rest } = Object(body) as Record<string, unknown>;
  const shown = JSON.stringify([headers, statusCode === 200 ? rest : answer.body]);
  for (const name of stage.canaries.search(`${lines.join('\n')}${shown}`)) yield `leaks: ${name}`;
}
