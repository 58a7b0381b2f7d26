import { fail, ok, type Result } from '../../core/result.ts';

/** A verified identity: by API Gateway, or by its issuer's signature. */
export type Principal = RolePrincipal | FederatedPrincipal;

/** An IAM role. The session name is not part of it: the caller chooses it, so it must not affect any decision. */
export interface RolePrincipal {
  readonly kind: 'iam_role';
  readonly partition: string;
  /** 12 digits. */
  readonly account: string;
  /** The role's name without its path, which an assumed-role ARN does not contain. */
  readonly role: string;
}

/** A workload whose assertion was verified. */
export interface FederatedPrincipal {
  readonly kind: 'federated';
  /** The name of its issuer in the profiles. */
  readonly issuer: string;
  /** `sub`: printable ASCII. */
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A principal as the log names it. */
export const nameOf = (caller: Principal): string =>
  caller.kind === 'iam_role' ? `${caller.account}:${caller.role}` : `${caller.issuer}:${caller.subject}`;

/** Roles that may use a profile. */
export interface RolePattern {
  readonly partition: string;
  readonly account: string;
  /** The role's name, or a prefix of names. */
  readonly role: string;
  readonly isPrefix: boolean;
}

const ROLE_ARN = /^arn:(aws(?:-[a-z]+)*):iam::(\d{12}):role\/(.+)$/;
const ROLE_NAME = /^[\w+=,.@-]{1,64}$/;

/**
 * Parses `arn:aws:iam::{account}:role/{name}`, where the name may end in `*`.
 * @returns the pattern, or a sentence that says what to write instead
 */
export function parseRolePattern(text: string): Result<RolePattern, string> {
  const match = ROLE_ARN.exec(text);
  if (match === null) return fail('must be the ARN of an IAM role: arn:aws:iam::123456789012:role/name');
  const [, partition = '', account = '', name = ''] = match;
  if (name.includes('/')) {
    const bare = name.slice(name.lastIndexOf('/') + 1);
    return fail(
      "must not contain the role's path: API Gateway names callers by assumed-role ARNs, which contain no path; " +
        `write arn:${partition}:iam::${account}:role/${bare}`,
    );
  }
  const isPrefix = name.endsWith('*');
  const role = isPrefix ? name.slice(0, -1) : name;
  if (role.includes('*')) return fail('may contain * only at the end of the role name');
  if (role === '') return fail('must have at least one character of a role name before the *');
  if (!ROLE_NAME.test(role)) return fail('contains a role name that IAM does not allow');
  return ok({ partition, account, role, isPrefix });
}

/** Whether the pattern matches this caller. */
export const matchesRole = (pattern: RolePattern, caller: Principal): boolean =>
  caller.kind === 'iam_role' &&
  pattern.partition === caller.partition &&
  pattern.account === caller.account &&
  (pattern.isPrefix ? caller.role.startsWith(pattern.role) : caller.role === pattern.role);

/** Workloads as an operator names them, to shut them out: those of an issuer, by their subjects. */
export interface WorkloadPattern {
  /** The name of the issuer in the profiles. */
  readonly issuer: string;
  /** The subject, or a prefix of subjects. */
  readonly subject: string;
  readonly isPrefix: boolean;
}

/** Callers as an operator names them: roles by their ARNs, workloads as the log names them. */
export type CallerPattern = RolePattern | WorkloadPattern;

const WORKLOAD = /^(?!arn:)([a-z][a-z0-9-]{0,62}):([\x21-\x7e]{1,255})$/;

/**
 * Parses the ARN of a role, or `{issuer}:{subject}`, where the subject may end in `*`.
 * @returns the pattern, or a sentence that says what to write instead
 */
export function parseCallerPattern(text: string): Result<CallerPattern, string> {
  const [, issuer, subject = ''] = WORKLOAD.exec(text) ?? [];
  if (issuer === undefined) return parseRolePattern(text);
  const isPrefix = subject.endsWith('*');
  return ok({ issuer, subject: isPrefix ? subject.slice(0, -1) : subject, isPrefix });
}

/** Whether the pattern matches this caller. A prefix also matches across `/` and `:`: it only shuts out. */
export function matchesCaller(pattern: CallerPattern, caller: Principal): boolean {
  if ('role' in pattern) return matchesRole(pattern, caller);
  const { issuer, subject, isPrefix } = pattern;
  if (caller.kind !== 'federated' || caller.issuer !== issuer) return false;
  return isPrefix ? caller.subject.startsWith(subject) : caller.subject === subject;
}
