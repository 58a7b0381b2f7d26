import type { BrokerError, CallerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { canonicalScopes, namesAudience } from '../../zitadel/scope.ts';
import { matchesRole, type Principal, type RolePattern } from './caller.ts';
import type { ExchangeRules } from './exchange-rules.ts';
import type { Profile, Profiles } from './profile.ts';

/** What a caller wants to do with a profile. */
export const USES = ['token', 'introspection', 'revocation'] as const;
export type Use = (typeof USES)[number];

/** The callers for a use: introspection defaults to the callers of the profile, revocation always lists its own. */
export function callersFor({ callers, introspection, revocation }: Profile, use: Use): readonly RolePattern[] {
  if (use === 'introspection') return introspection?.callers ?? callers;
  return use === 'revocation' ? (revocation?.callers ?? callers) : callers;
}

/** The profile, if it exists and lists the caller for this use. The two refusals differ in the log only. */
export function authorize(
  profiles: Profiles,
  name: string,
  principal: Principal,
  use: Use = 'token',
): Result<Profile, BrokerError> {
  const profile = profiles.get(name);
  if (profile === undefined) return fail({ kind: 'not_allowed', detail: 'no such profile' });
  const listed = callersFor(profile, use);
  if (listed.some((pattern) => matchesRole(pattern, principal))) return ok(profile);
  const list = use === 'token' ? 'the profile' : `${use} of the profile`;
  return fail({ kind: 'not_allowed', detail: `${list} does not list this caller${partitionHint(listed, principal)}` });
}

/** The log names roles by account and name, so one of another partition would look like the listed one. */
function partitionHint(listed: readonly RolePattern[], principal: Principal): string {
  if (principal.kind !== 'iam_role') return '';
  const { partition } = principal;
  const elsewhere = listed.find((pattern) => matchesRole({ ...pattern, partition }, principal));
  if (elsewhere === undefined) return '';
  return `: the caller is in partition ${partition}, the list has its role in ${elsewhere.partition}`;
}

const invalid = (detail: string) => fail<CallerError>({ kind: 'invalid_scope', detail });

/** Parses the `scope` parameter (RFC 6749 §3.3: separated by single spaces); allows only granted scopes. */
function narrow(granted: readonly string[], requested: string): Result<readonly string[], CallerError> {
  const scopes = requested.split(' ');
  if (scopes.includes('')) return invalid('scopes must be separated by single spaces');
  return scopes.every((scope) => granted.includes(scope))
    ? ok(canonicalScopes(scopes))
    : invalid('this profile does not grant one of the scopes');
}

/** Requires scopes that name an audience: without one, the exchanged token would have every audience of its subject. */
const withAudience = (scopes: Result<readonly string[], CallerError>): Result<readonly string[], CallerError> =>
  scopes.ok && !namesAudience(scopes.value)
    ? invalid('the scopes name no audience: also request urn:zitadel:iam:org:project:id:{project}:aud, or omit scope')
    : scopes;

/**
 * The scopes of a demand for one of the profile's own tokens: those requested, or by default all that it grants. An
 * empty list, of a profile with a subject, means the subject's scopes.
 */
export function grantScopes(
  { scopes, inherited }: Profile,
  requested: string | undefined,
): Result<readonly string[], CallerError> {
  if (requested === undefined) return ok(scopes);
  const narrowed = narrow(scopes, requested);
  return inherited === undefined ? narrowed : withAudience(narrowed);
}

/** The scopes of the token that a caller's own token is exchanged for. */
export const grantExchangeScopes = (
  { scopes }: ExchangeRules,
  requested: string | undefined,
): Result<readonly string[], CallerError> =>
  requested === undefined ? ok(scopes) : withAudience(narrow(scopes, requested));
