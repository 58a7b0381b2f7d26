import type { BrokerError, CallerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { canonicalScopes } from '../zitadel/scope.ts';
import { matchesRole, type Principal } from './caller.ts';
import type { Profile, Profiles } from './profile.ts';

/** The profile, if it exists and the caller may use it. The two refusals differ in the log only. */
export function authorize(profiles: Profiles, name: string, principal: Principal): Result<Profile, BrokerError> {
  const profile = profiles.get(name);
  if (profile === undefined) return fail({ kind: 'not_allowed', detail: 'no such profile' });
  if (profile.callers.some((pattern) => matchesRole(pattern, principal))) return ok(profile);
  return fail({ kind: 'not_allowed', detail: 'the profile does not list this caller' });
}

/**
 * The scopes of a demand: those asked for, none outside the profile; all of the profile's where none is asked for.
 * @param requested the `scope` parameter (RFC 6749 §3.3: separated by single spaces)
 */
export function grantScopes(profile: Profile, requested: string | undefined): Result<readonly string[], CallerError> {
  if (requested === undefined) return ok(profile.scopes);
  const scopes = requested.split(' ');
  if (scopes.includes('')) return fail({ kind: 'invalid_scope', detail: 'scopes are separated by single spaces' });
  if (scopes.every((scope) => profile.scopes.includes(scope))) return ok(canonicalScopes(scopes));
  return fail({ kind: 'invalid_scope', detail: 'a scope is not among those of the profile' });
}
