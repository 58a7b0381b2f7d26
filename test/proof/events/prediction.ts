import { admit, isNameOfProfile, member, nameInPath } from './authoriser.ts';
import type { Endpoint } from './setting.ts';
import { AUDIENCES, DOCUMENT, NEED_ACTOR, ROUTES, SENT, TOKEN_EXCHANGE, TOKEN_TYPES } from './setting.ts';

/** A form that could be read. */
export interface ReadForm {
  /** Without those that are sent empty: they are not sent (RFC 6749 §3.1). */
  readonly parameters: ReadonlyMap<string, string>;
  /** All values of `audience`, which may be repeated, as `resource` may (RFC 8693 §2.1). */
  readonly audiences: readonly string[];
  /** Bytes of the body. */
  readonly size: number;
}

const FORM = 'application/x-www-form-urlencoded';
const LARGEST_BYTES = 100 * 1024;
/** That many characters of base64 hold it. */
const LONGEST_BASE64 = Math.ceil(LARGEST_BYTES / 3) * 4;
const HEX = '0123456789abcdefABCDEF';

/** The media type that the headers name; header names know no case (RFC 9110 §5.1). */
function mediaType(headers: unknown): string | undefined {
  const [, type] = Object.entries(Object(headers)).find(([name]) => name.toLowerCase() === 'content-type') ?? [];
  return typeof type === 'string' ? type.split(';')[0]?.trim().toLowerCase() : undefined;
}

/** The body as bytes. What is no base64, although the event says so, is read as far as it can be. */
function bytesOf(event: unknown): Buffer {
  const body = member(event, 'body');
  if (typeof body !== 'string') return Buffer.alloc(0);
  return Buffer.from(body, member(event, 'isBase64Encoded') === true ? 'base64' : 'utf8');
}

/** The text that the bytes are in UTF-8; `undefined` if they are none. */
function fromUtf8(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

/** Undoes form-url-encoding, byte by byte; `undefined` if a percent sign starts no escape, or the bytes are no UTF-8. */
function unescaped(text: string): string | undefined {
  const [first = '', ...escapes] = text.replaceAll('+', ' ').split('%');
  const isEscape = (piece: string) =>
    piece.length >= 2 && HEX.includes(piece.charAt(0)) && HEX.includes(piece.charAt(1));
  if (!escapes.every(isEscape)) return undefined;
  const pieces = escapes.map((piece) => String.fromCharCode(Number.parseInt(piece.slice(0, 2), 16)) + piece.slice(2));
  return fromUtf8(Buffer.from(first + pieces.join(''), 'latin1'));
}

/** The parameters of a form; `undefined` if one is repeated that may not be, or cannot be read. */
function parametersOf(bytes: Buffer): Pick<ReadForm, 'parameters' | 'audiences'> | undefined {
  const read: [name: string, value: string][] = [];
  // One character for each byte: what is not ASCII must be UTF-8 in the end, however it was written.
  for (const piece of bytes.toString('latin1').split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const name = unescaped(equals < 0 ? piece : piece.slice(0, equals));
    const value = unescaped(equals < 0 ? '' : piece.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    const isRepeated = read.some(([earlier]) => earlier === name);
    if (isRepeated && name !== 'audience' && name !== 'resource') return undefined;
    read.push([name, value]);
  }
  const sent = read.filter(([, value]) => value !== '');
  const audiences = sent.filter(([name]) => name === 'audience').map(([, value]) => value);
  return { parameters: new Map(sent), audiences };
}

/** The form in the event of a POST; `undefined` if there is none, or none that may be read. */
export function readForm(event: unknown): ReadForm | undefined {
  const body = member(event, 'body');
  if (typeof body === 'string' && body.length > LONGEST_BASE64) return undefined;
  const bytes = bytesOf(event);
  const isForm = mediaType(member(event, 'headers')) === FORM;
  // The whole body is UTF-8, not only what its escapes and its other bytes make together.
  if (!isForm || bytes.length > LARGEST_BYTES || fromUtf8(bytes) === undefined) return undefined;
  const parameters = parametersOf(bytes);
  return parameters && { ...parameters, size: bytes.length };
}

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
  if (admission.refusal !== undefined) return new Set([admission.refusal]);
  const faults = judgeForm(event, endpoint, admission.name, admission.profile);
  if (faults.size === 0) return new Set(['200']);
  // A caller's own fault is answered with 400, but for this one.
  return new Set([...faults].map((code) => `${code === 'unauthorized_client' ? 403 : 400} ${code}`));
}
