import type { BrokerError, CallerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { canonicalScopes, namesAudience } from '../../zitadel/scope.ts';
import { matchesRole, type Principal, type RolePattern } from './caller.ts';
import type { ExchangeRules } from './exchange-rules.ts';
import type { Profile, Profiles } from './profile.ts';

/** What a caller wants to do with a profile. */
export const USES = ['token', 'introspection', 'revocation'] as const;
export type Use = (typeof USES)[number];

/** Who may do it: introspection is for the callers of the profile unless it names its own, revocation for those named. */
export function callersFor({ callers, introspection, revocation }: Profile, use: Use): readonly RolePattern[] {
  if (use === 'introspection') return introspection?.callers ?? callers;
  return use === 'revocation' ? (revocation?.callers ?? callers) : callers;
}

/** The profile, if it exists and the caller may use it so. The refusals differ in the log only. */
export function authorize(
  profiles: Profiles,
  name: string,
  principal: Principal,
  use: Use = 'token',
): Result<Profile, BrokerError> {
  const profile = profiles.get(name);
  if (profile === undefined) return fail({ kind: 'not_allowed', detail: 'no such profile' });
  if (callersFor(profile, use).some((pattern) => matchesRole(pattern, principal))) return ok(profile);
  const list = use === 'token' ? 'the profile' : `${use} of the profile`;
  return fail({ kind: 'not_allowed', detail: `${list} does not list this caller` });
}

const invalid = (detail: string) => fail<CallerError>({ kind: 'invalid_scope', detail });

/** Reads the `scope` parameter (RFC 6749 §3.3: separated by single spaces); none outside of what is granted. */
function narrow(granted: readonly string[], requested: string): Result<readonly string[], CallerError> {
  const scopes = requested.split(' ');
  if (scopes.includes('')) return invalid('scopes are separated by single spaces');
  return scopes.every((scope) => granted.includes(scope))
    ? ok(canonicalScopes(scopes))
    : invalid('a scope is not among those of the profile');
}

/** An exchanged token has no other audience than those that its scopes name: without one it would have all. */
const withAudience = (scopes: Result<readonly string[], CallerError>): Result<readonly string[], CallerError> =>
  scopes.ok && !namesAudience(scopes.value)
    ? invalid(
        'the scopes name no audience: ask for urn:zitadel:iam:org:project:id:{project}:aud as well, or for no scope',
      )
    : scopes;

/**
 * The scopes of a demand for a token of the profile's own: those asked for; all that it grants where none is asked for.
 * None at all, of a profile with a subject, means the subject's.
 */
export function grantScopes(
  { scopes, inherited }: Profile,
  requested: string | undefined,
): Result<readonly string[], CallerError> {
  if (requested === undefined) return ok(scopes);
  const narrowed = narrow(scopes, requested);
  return inherited === undefined ? narrowed : withAudience(narrowed);
}

/** The scopes of what a caller's own token is exchanged for. */
export const grantExchangeScopes = (
  { scopes }: ExchangeRules,
  requested: string | undefined,
): Result<readonly string[], CallerError> =>
  requested === undefined ? ok(scopes) : withAudience(narrow(scopes, requested));
