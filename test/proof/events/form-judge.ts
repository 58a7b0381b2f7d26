import { KILOBYTE, type ReadForm } from './form-reader.ts';
import { member } from './json.ts';

/** What is wrong with a form: the error codes of which the answer must be one. None: it is to be served. */
export type Faults = ReadonlySet<string>;

/** The endpoints that take a form. */
export type PostEndpoint = 'token' | 'introspect' | 'revoke';

const LARGEST_TOKEN_REQUEST = 4 * KILOBYTE;
/** RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TOKEN_TYPES: ReadonlyMap<string, string> = new Map([
  ['access_token', 'urn:ietf:params:oauth:token-type:access_token'],
  ['id_token', 'urn:ietf:params:oauth:token-type:id_token'],
  ['jwt', 'urn:ietf:params:oauth:token-type:jwt'],
  ['user_id', 'urn:zitadel:params:oauth:token-type:user_id'],
]);
const ACCESS_TOKEN = ['access_token'];
/** ZITADEL's own API: nobody gets a token for it. */
const FORBIDDEN_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

const one = (code: string): Faults => new Set([code]);

/** Strings that the profile lists under `name`; `otherwise` where it does not say. */
function listed(profile: unknown, name: string, otherwise: readonly string[] = []): readonly string[] {
  const value = member(profile, name);
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : otherwise;
}

const typesOf = (exchange: unknown, name: string): readonly string[] =>
  listed(exchange, name, ACCESS_TOKEN).map((type) => TOKEN_TYPES.get(type) ?? type);

/** Scopes of the profile, separated by single spaces. */
function isScopeFine(scope: string | undefined, profile: unknown): boolean {
  const allowed = listed(profile, 'scopes');
  return scope === undefined || scope.split(' ').every((word) => word !== FORBIDDEN_SCOPE && allowed.includes(word));
}

function judgeOwn(form: ReadonlyMap<string, string>, profile: unknown, size: number): Faults {
  // Such a profile has no tokens of its own.
  if (member(profile, 'exchange') !== undefined && member(profile, 'subject') === undefined) {
    return one('unsupported_grant_type');
  }
  const faults = new Set<string>();
  if (size > LARGEST_TOKEN_REQUEST) faults.add('invalid_request');
  if (!isScopeFine(form.get('scope'), profile)) faults.add('invalid_scope');
  if (form.has('audience') || form.has('resource')) faults.add('invalid_target');
  return faults;
}

function judgeExchange({ parameters: form, audiences }: ReadForm, profile: unknown): Faults {
  const exchange = member(profile, 'exchange');
  if (exchange === undefined) return one('unsupported_grant_type');
  const faults = new Set<string>();
  const subjectTypes = typesOf(exchange, 'subjectTokenTypes');
  const subjectType = form.get('subject_token_type');
  const isSubjectFine = form.has('subject_token') && subjectType !== undefined && subjectTypes.includes(subjectType);
  const actorType = form.get('actor_token_type');
  const hasActor = form.has('actor_token');
  const isActorKnown = actorType !== undefined && [...TOKEN_TYPES.values()].includes(actorType);
  const isActorFine = hasActor ? member(exchange, 'impersonation') === true && isActorKnown : actorType === undefined;
  const requested = form.get('requested_token_type');
  const isRequestFine = requested === undefined || typesOf(exchange, 'requestedTokenTypes').includes(requested);
  // Whoever is no access token is exchanged only where somebody acts for it.
  const isAccessToken = form.get('subject_token_type') === 'urn:ietf:params:oauth:token-type:access_token';
  if (!isSubjectFine || !isActorFine || !isRequestFine) faults.add('invalid_request');
  if (!isAccessToken && !hasActor) faults.add('invalid_request');
  if (!isScopeFine(form.get('scope'), profile)) faults.add('invalid_scope');
  const isAudienceFine = audiences.every((audience) => listed(exchange, 'audiences').includes(audience));
  if (!isAudienceFine || form.has('resource')) faults.add('invalid_target');
  return faults;
}

const judgeReference = (form: ReadonlyMap<string, string>, profile: unknown, endpoint: PostEndpoint): Faults => {
  const faults = new Set<string>();
  if (!form.has('token')) faults.add('invalid_request');
  if (endpoint === 'introspect' && member(profile, 'introspection') === undefined) faults.add('invalid_request');
  // RFC 7009 §2.2.1: tokens of this kind cannot be revoked here.
  if (endpoint === 'revoke' && member(profile, 'revocation') === undefined) faults.add('unsupported_token_type');
  return faults;
};

function judgeGrant(form: ReadForm, profile: unknown): Faults {
  const { parameters, size } = form;
  const grant = parameters.get('grant_type');
  if (grant === undefined) return one('invalid_request');
  if (grant === TOKEN_EXCHANGE) return judgeExchange(form, profile);
  return grant === 'client_credentials' ? judgeOwn(parameters, profile, size) : one('unsupported_grant_type');
}

/**
 * What is wrong with what a caller sent who may use the profile.
 * @param form absent where it cannot be read
 */
export function judgeForm(form: ReadForm | undefined, endpoint: PostEndpoint, name: string, profile: unknown): Faults {
  if (form === undefined) return one('invalid_request');
  const { parameters } = form;
  const clientId = parameters.get('client_id');
  const faults = endpoint === 'token' ? judgeGrant(form, profile) : judgeReference(parameters, profile, endpoint);
  return clientId === undefined || clientId === name ? faults : new Set([...faults, 'invalid_request']);
}
