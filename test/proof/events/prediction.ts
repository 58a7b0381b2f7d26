import { admit, isNameOfProfile, nameInPath } from './authoriser.ts';
import { type Endpoint, ROUTES } from './endpoints.ts';
import { type ReadForm, readForm } from './form-reader.ts';
import { member } from './json.ts';
import { AUDIENCES, DOCUMENT } from './profiles.ts';
import { NEED_ACTOR, SENT, TOKEN_EXCHANGE, TOKEN_TYPES } from './tokens.ts';

/** The endpoints that take a form. */
type PostEndpoint = Exclude<Endpoint, 'metadata'>;

/** Error codes of which the answer must be one; none: the request is in order. */
type Codes = ReadonlySet<string>;

const LARGEST_TOKEN_REQUEST_BYTES = 4 * 1024;
/** ZITADEL's own API: nobody gets a token for it. */
const FORBIDDEN_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** The codes of the faults that are there. */
const codes = (...faults: readonly (readonly [isThere: boolean, code: string])[]): Codes =>
  new Set(faults.filter(([isThere]) => isThere).map(([, code]) => code));

const INVALID_REQUEST = codes([true, 'invalid_request']);
const UNSUPPORTED_GRANT = codes([true, 'unsupported_grant_type']);

/** Strings that the profile lists under `name`; `otherwise` if it does not say. */
function listed(profile: unknown, name: string, otherwise: readonly string[] = []): readonly string[] {
  const value = member(profile, name);
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : otherwise;
}

/** Whether the rules of an exchange list this type of token, by its full or its short name. */
const allowsType = (exchange: unknown, name: string, type: string | undefined): boolean =>
  listed(exchange, name, ['access_token']).some((entry) => (member(TOKEN_TYPES, entry) ?? entry) === type);

/** Whether the scope, if any, is made of scopes of the profile, separated by single spaces. */
function isScopeFine({ parameters }: ReadForm, profile: unknown): boolean {
  const words = parameters.get('scope')?.split(' ') ?? [];
  return words.every((word) => word !== FORBIDDEN_SCOPE && listed(profile, 'scopes').includes(word));
}

function judgeOwn(form: ReadForm, profile: unknown): Codes {
  // Such a profile has no tokens of its own.
  if (member(profile, 'exchange') !== undefined && member(profile, 'subject') === undefined) return UNSUPPORTED_GRANT;
  return codes(
    [form.size > LARGEST_TOKEN_REQUEST_BYTES, 'invalid_request'],
    [!isScopeFine(form, profile), 'invalid_scope'],
    [form.parameters.has('audience') || form.parameters.has('resource'), 'invalid_target'],
  );
}

function judgeExchange(form: ReadForm, profile: unknown): Codes {
  const exchange = member(profile, 'exchange');
  if (exchange === undefined) return UNSUPPORTED_GRANT;
  const { parameters, audiences } = form;
  const subjectType = parameters.get('subject_token_type');
  const actorType = parameters.get('actor_token_type');
  const requested = parameters.get('requested_token_type');
  const hasActor = parameters.has('actor_token');
  const isActorKnown = actorType !== undefined && Object.values<string>(TOKEN_TYPES).includes(actorType);
  const isActorFine = hasActor ? member(exchange, 'impersonation') === true && isActorKnown : actorType === undefined;
  return codes(
    [!parameters.has('subject_token') || !allowsType(exchange, 'subjectTokenTypes', subjectType), 'invalid_request'],
    [!isActorFine, 'invalid_request'],
    [requested !== undefined && !allowsType(exchange, 'requestedTokenTypes', requested), 'invalid_request'],
    // Only an access token is exchanged without somebody who acts for its subject.
    [subjectType !== TOKEN_TYPES.access_token && !hasActor, 'invalid_request'],
    [!isScopeFine(form, profile), 'invalid_scope'],
    [!audiences.every((audience) => listed(exchange, 'audiences').includes(audience)), 'invalid_target'],
    [parameters.has('resource'), 'invalid_target'],
  );
}

function judgeGrant(form: ReadForm, profile: unknown): Codes {
  const grant = form.parameters.get('grant_type');
  if (grant === undefined) return INVALID_REQUEST;
  if (grant === TOKEN_EXCHANGE) return judgeExchange(form, profile);
  return grant === 'client_credentials' ? judgeOwn(form, profile) : UNSUPPORTED_GRANT;
}

/** What is wrong with a form that a caller sent who may use the profile. */
const JUDGES: Readonly<Record<PostEndpoint, (form: ReadForm, profile: unknown) => Codes>> = {
  token: judgeGrant,
  introspect: ({ parameters }, profile) =>
    codes([!parameters.has('token') || member(profile, 'introspection') === undefined, 'invalid_request']),
  revoke: ({ parameters }, profile) =>
    codes(
      [!parameters.has('token'), 'invalid_request'],
      // RFC 7009 §2.2.1: tokens of this kind cannot be revoked here.
      [member(profile, 'revocation') === undefined, 'unsupported_token_type'],
    ),
};

/** What ZITADEL has against an exchange that is in order, as the recordings tell. */
function refusalsOfExchange({ parameters, audiences }: ReadForm): Codes {
  const actor = parameters.get('actor_token');
  const needsActor = NEED_ACTOR.includes(parameters.get('subject_token_type') ?? '');
  const isActorKnown = actor === undefined || [...SENT.goodActors, ...SENT.powerlessActors].includes(actor);
  const isPowerless = actor === undefined ? needsActor : SENT.powerlessActors.includes(actor);
  return codes(
    [!SENT.goodSubjects.includes(parameters.get('subject_token') ?? '') || !isActorKnown, 'invalid_grant'],
    [isPowerless, 'unauthorized_client'],
    [audiences.includes(AUDIENCES.unknown), 'invalid_target'],
  );
}

/** What ZITADEL has against a form that is in order. */
const REFUSALS: Readonly<Record<PostEndpoint, (form: ReadForm) => Codes>> = {
  token: (form) => (form.parameters.get('grant_type') === TOKEN_EXCHANGE ? refusalsOfExchange(form) : codes()),
  introspect: () => codes(),
  revoke: ({ parameters }) =>
    codes([SENT.unrevocable.includes(parameters.get('token') ?? ''), 'unsupported_token_type']),
};

/** What must be wrong with the form of an event, for the profile of this name. */
function judgeForm(event: unknown, endpoint: PostEndpoint, name: string, profile: unknown): Codes {
  const form = readForm(event);
  if (form === undefined) return INVALID_REQUEST;
  const isOfOther = (form.parameters.get('client_id') ?? name) !== name;
  const faults = new Set([...JUDGES[endpoint](form, profile), ...(isOfOther ? INVALID_REQUEST : [])]);
  return faults.size > 0 ? faults : REFUSALS[endpoint](form);
}

/**
 * The right decisions about an event, by the documents: `200`, or a status and an error code. More than one if a form has
 * several faults.
 */
export function predict(event: unknown, endpoint: Endpoint): ReadonlySet<string> {
  const route = ROUTES[endpoint];
  if (endpoint === 'metadata')
    return new Set([isNameOfProfile(nameInPath(event, route)) ? '200' : '400 invalid_request']);
  const admission = admit(DOCUMENT, event, route);
  if (!admission.admitted) return new Set([`${admission.status} ${admission.error}`]);
  const faults = judgeForm(event, endpoint, admission.name, admission.profile);
  if (faults.size === 0) return new Set(['200']);
  // A caller's own fault is answered with 400, but for this one.
  return new Set([...faults].map((code) => `${code === 'unauthorized_client' ? 403 : 400} ${code}`));
}
