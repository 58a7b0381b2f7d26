/** The member of a JSON object that it holds itself; `undefined` of everything that is no object, arrays included. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** The member at the end of a path of names. */
export const memberAt = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce((inner, name) => member(inner, name), value);

/**
 * The broker's rule of who may use which profile, written a second time from the documents alone: no regular expression,
 * no type and no line of the broker's. If the two differ, one of them is wrong.
 */

/** A role that API Gateway vouches for, without the name of the session, which never decides. */
export interface Role {
  readonly partition: string;
  readonly account: string;
  readonly name: string;
}

const DIGITS = '0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
export const ALPHANUMERIC = `${DIGITS}${LOWER}${UPPER}`;

/** What IAM allows in names of roles and of their sessions. */
const IAM_NAME = `${ALPHANUMERIC}_+=,.@-`;

/** Whether it is a text of `min` to `max` UTF-16 units of the alphabet. */
export const isMadeOf = (text: unknown, alphabet: string, min: number, max: number): text is string =>
  typeof text === 'string' &&
  text.length >= min &&
  text.length <= max &&
  text.split('').every((unit) => alphabet.includes(unit));

/** `aws`, and the partitions that AWS names after it: `aws-cn`, `aws-us-gov`. */
function isPartition(text: string): boolean {
  const [first, ...others] = text.split('-');
  return first === 'aws' && others.every((word) => isMadeOf(word, LOWER, 1, Number.POSITIVE_INFINITY));
}

/** `arn:{partition}:sts::{account}:assumed-role/{role}/{session}`: the ARN of every session of a role, without a path. */
function readSessionArn(arn: string) {
  const [, partition = '', , , account = '', resource = ''] = arn.split(':');
  const [, name = '', session = ''] = resource.split('/');
  const isArn =
    arn === `arn:${partition}:sts::${account}:assumed-role/${name}/${session}` &&
    isPartition(partition) &&
    isMadeOf(account, DIGITS, 12, 12) &&
    isMadeOf(name, IAM_NAME, 1, 64) &&
    isMadeOf(session, IAM_NAME, 2, 64);
  return isArn ? { partition, account, name, session } : undefined;
}

/** Whether it is `{id of the role}:{session}`; an id begins with four letters that tell its kind. */
function isCallerId(callerId: unknown, session: string): boolean {
  const [id = ''] = typeof callerId === 'string' ? callerId.split(':') : [];
  return callerId === `${id}:${session}` && isMadeOf(id, `${UPPER}${DIGITS}`, 4, 128);
}

/** Where each payload format has what API Gateway says about the signer. */
const PLACES = {
  v2: { path: ['requestContext', 'authorizer', 'iam'], callerId: 'callerId', userId: 'userId' },
  v1: { path: ['requestContext', 'identity'], callerId: 'caller', userId: 'user' },
} as const;

/** The role that the event proves; `undefined` if it proves none, or contradicts itself. */
export function provenRole(event: unknown): Role | undefined {
  const place = member(event, 'version') === '2.0' ? PLACES.v2 : PLACES.v1;
  const claims = memberAt(event, ...place.path);
  const arn = member(claims, 'userArn');
  const read = typeof arn === 'string' ? readSessionArn(arn) : undefined;
  if (read === undefined) return undefined;
  const { session, ...role } = read;
  const callerId = member(claims, place.callerId);
  const isOneAccount = member(claims, 'accountId') === role.account;
  const isOneUser = member(claims, place.userId) === callerId;
  return isOneAccount && isCallerId(callerId, session) && isOneUser ? role : undefined;
}

/** A name of a profile: a small letter, then small letters, digits and hyphens. */
export const isNameOfProfile = (text: string): boolean =>
  isMadeOf(text, `${LOWER}${DIGITS}-`, 1, 63) && LOWER.includes(text.charAt(0));

/** Whether a caller that a profile lists, `arn:{partition}:iam::{account}:role/{name or beginning*}`, means this role. */
function means(caller: unknown, role: Role): boolean {
  const prefix = `arn:${role.partition}:iam::${role.account}:role/`;
  if (typeof caller !== 'string' || !caller.startsWith(prefix)) return false;
  const wanted = caller.slice(prefix.length);
  return wanted.endsWith('*') ? role.name.startsWith(wanted.slice(0, -1)) : role.name === wanted;
}

/** The profile in the path: API Gateway's parameter, or else the last piece of the path before the broker's own. */
export function nameInPath(event: unknown, route: string): string {
  const parameter = memberAt(event, 'pathParameters', 'profile');
  if (typeof parameter === 'string' && parameter !== '') return parameter;
  const paths = [member(event, 'rawPath'), member(event, 'path')];
  const path = paths.find((text): text is string => typeof text === 'string' && text !== '') ?? '';
  const before = path.endsWith(route) ? path.slice(0, path.length - route.length) : '';
  return before.split('/').at(-1) ?? '';
}

/**
 * Whether the caller of this event is let in.
 * @param document the document of profiles
 * @param route what follows the profile in the path
 * @returns the profile of the document that the caller may use, or the status and the error code of the refusal
 */
export function admit(document: unknown, event: unknown, route: string) {
  const role = provenRole(event);
  if (role === undefined) return { refusal: '401 invalid_client' };
  const name = nameInPath(event, route);
  const profile = isNameOfProfile(name) ? memberAt(document, 'profiles', name) : undefined;
  const callers = member(profile, 'callers');
  const isListed = Array.isArray(callers) && callers.some((caller) => means(caller, role));
  return isListed ? { name, profile } : { refusal: '403 unauthorized_client' };
}
