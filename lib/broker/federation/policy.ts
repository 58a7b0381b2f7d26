import type { BrokerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { FederatedPrincipal } from '../profiles/caller.ts';
import type { ClaimRule, FederatedCaller } from '../profiles/federated-caller.ts';
import type { Profile, Profiles } from '../profiles/profile.ts';

/** A claim, by its members from the outermost in; only own members count. */
function claimAt(claims: unknown, path: readonly string[]): unknown {
  let at = claims;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

/** Whether claims satisfy a rule. After a prefix, a `/` or `:` would lead into another namespace. */
function satisfies(claims: unknown, { claim, value, isPrefix }: ClaimRule): boolean {
  const said = claimAt(claims, claim);
  if (typeof said !== 'string') return false;
  if (!isPrefix) return said === value;
  return said.startsWith(value) && /^[\x21-\x2e\x30-\x39\x3b-\x7e]*$/.test(said.slice(value.length));
}

/** Whether the matcher matches a verified workload: its issuer and every claim. */
export const matches = ({ issuer, rules }: FederatedCaller, principal: FederatedPrincipal): boolean =>
  issuer.name === principal.issuer && rules.length > 0 && rules.every((rule) => satisfies(principal.claims, rule));

/** The profile, if it exists and lists the workload. The two refusals differ in the log only. */
export function authorizeWorkload(
  profiles: Profiles,
  name: string,
  principal: FederatedPrincipal,
): Result<Profile, BrokerError> {
  const profile = profiles.get(name);
  if (profile === undefined) return fail({ kind: 'not_allowed', detail: 'no such profile' });
  return profile.federated?.some((caller) => matches(caller, principal))
    ? ok(profile)
    : fail({ kind: 'not_allowed', detail: 'the profile does not list this caller' });
}
