import { member, memberAt } from './json.ts';

/**
 * The broker's rule of who may use which profile, written a second time from the documents alone: no regular expression,
 * no type and no line of the broker's. Where the two differ, one of them is wrong.
 */

/** A role that API Gateway vouches for. The session's name is not among it: it never decides. */
export interface Role {
  readonly partition: string;
  readonly account: string;
  readonly name: string;
}

/** `profile` is the profile of the document that the caller may use. */
export type Admission =
  | { readonly admitted: true; readonly name: string; readonly profile: unknown }
  | { readonly admitted: false; readonly status: 401 | 403; readonly error: 'invalid_client' | 'unauthorized_client' };

const DIGITS = '0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();

/** What IAM allows in names of roles and of their sessions. */
const IAM_NAME = `${DIGITS}${LOWER}${UPPER}_+=,.@-`;

const ACCOUNT_LENGTH = 12;
const LONGEST_NAME = 64;
const SHORTEST_SESSION = 2;
const LONGEST_ID = 128;
const LONGEST_PROFILE_NAME = 63;

/** Whether every UTF-16 unit of the text is one of the alphabet's, and there are `min` to `max` of them. */
function isMadeOf(text: string, alphabet: string, min: number, max: number): boolean {
  if (text.length < min || text.length > max) return false;
  for (let at = 0; at < text.length; at += 1) if (!alphabet.includes(text.charAt(at))) return false;
  return true;
}

/** `aws`, and the partitions that AWS names after it: `aws-cn`, `aws-us-gov`. */
function isPartition(text: string): boolean {
  const [first, ...others] = text.split('-');
  return first === 'aws' && others.every((word) => isMadeOf(word, LOWER, 1, Number.POSITIVE_INFINITY));
}

/** `arn:{partition}:sts::{account}:assumed-role/{role}/{session}`: what every session of a role is called. */
function readSessionArn(arn: string): (Role & { readonly session: string }) | undefined {
  const parts = arn.split(':');
  if (parts.length !== 6) return undefined;
  const [scheme, partition = '', service, region, account = '', resource = ''] = parts;
  if (scheme !== 'arn' || service !== 'sts' || region !== '' || !isPartition(partition)) return undefined;
  if (!isMadeOf(account, DIGITS, ACCOUNT_LENGTH, ACCOUNT_LENGTH)) return undefined;
  const pieces = resource.split('/');
  // A path would be a fourth piece; ARNs of sessions never have one.
  if (pieces.length !== 3) return undefined;
  const [kind, name = '', session = ''] = pieces;
  if (kind !== 'assumed-role') return undefined;
  const isNamed =
    isMadeOf(name, IAM_NAME, 1, LONGEST_NAME) && isMadeOf(session, IAM_NAME, SHORTEST_SESSION, LONGEST_NAME);
  return isNamed ? { partition, account, name, session } : undefined;
}

/** The session in `{id of the role}:{session}`; an id begins with four letters that tell its kind. */
function sessionOf(callerId: unknown): string | undefined {
  const [id = '', session, ...others] = typeof callerId === 'string' ? callerId.split(':') : [];
  return others.length === 0 && isMadeOf(id, `${UPPER}${DIGITS}`, 4, LONGEST_ID) ? session : undefined;
}

/** Where each payload format keeps what API Gateway has found out about the signer. */
const PLACES = {
  v2: { path: ['requestContext', 'authorizer', 'iam'], callerId: 'callerId', userId: 'userId' },
  v1: { path: ['requestContext', 'identity'], callerId: 'caller', userId: 'user' },
} as const;

/** The role that the event proves; `undefined` where it proves none, or contradicts itself. */
export function provenRole(event: unknown): Role | undefined {
  const place = member(event, 'version') === '2.0' ? PLACES.v2 : PLACES.v1;
  const claims = memberAt(event, ...place.path);
  const arn = member(claims, 'userArn');
  const callerId = member(claims, place.callerId);
  const read = typeof arn === 'string' ? readSessionArn(arn) : undefined;
  if (read === undefined) return undefined;
  const { session, ...role } = read;
  const isOneAccount = member(claims, 'accountId') === role.account;
  const isOneSession = sessionOf(callerId) === session;
  const isOneUser = member(claims, place.userId) === callerId;
  return isOneAccount && isOneSession && isOneUser ? role : undefined;
}

/** A name of a profile: a small letter, then small letters, digits and hyphens. */
export const isNameOfProfile = (text: string): boolean =>
  isMadeOf(text, `${LOWER}${DIGITS}-`, 1, LONGEST_PROFILE_NAME) && LOWER.includes(text.charAt(0));

/** Whether `arn:{partition}:iam::{account}:role/{name}`, whose name may end in a star, means this role. */
function means(caller: unknown, role: Role): boolean {
  if (typeof caller !== 'string') return false;
  const prefix = `arn:${role.partition}:iam::${role.account}:role/`;
  if (!caller.startsWith(prefix)) return false;
  const wanted = caller.slice(prefix.length);
  return wanted.endsWith('*') ? role.name.startsWith(wanted.slice(0, -1)) : role.name === wanted;
}

/** The profile in the path: API Gateway's parameter, or else the last piece of the path before the broker's own. */
export function nameInPath(event: unknown, route: string): string {
  const parameter = memberAt(event, 'pathParameters', 'profile');
  if (typeof parameter === 'string' && parameter !== '') return parameter;
  const paths = [member(event, 'rawPath'), member(event, 'path')];
  const path = paths.find((text): text is string => typeof text === 'string' && text !== '') ?? '';
  return path.endsWith(route)
    ? (path
        .slice(0, path.length - route.length)
        .split('/')
        .at(-1) ?? '')
    : '';
}

/**
 * Whether the caller of this event is let in.
 * @param document the document of profiles
 * @param route what follows the profile in the path
 */
export function admit(document: unknown, event: unknown, route: string): Admission {
  const role = provenRole(event);
  if (role === undefined) return { admitted: false, status: 401, error: 'invalid_client' };
  const name = nameInPath(event, route);
  const profile = isNameOfProfile(name) ? memberAt(document, 'profiles', name) : undefined;
  const callers = member(profile, 'callers');
  const isListed = Array.isArray(callers) && callers.some((caller) => means(caller, role));
  if (!isListed) return { admitted: false, status: 403, error: 'unauthorized_client' };
  return { admitted: true, name, profile };
}
