import { randomBytes } from 'node:crypto';
import { matchesRole, type RolePattern } from '../../lib/broker/profiles/caller.ts';
import type { Profile } from '../../lib/broker/profiles/profile.ts';
import { resourceOf } from './gateway/delivery.ts';
import type { Principal } from './gateway/sigv4.ts';

const RANDOM_BYTES = 15;
const SESSION = 'local';

const random = (): string => randomBytes(RANDOM_BYTES).toString('hex').toUpperCase().slice(0, 17);

/** A role that the pattern matches. */
const roleOf = ({ role, isPrefix }: RolePattern): string => (isPrefix ? `${role}local` : role);

/** Who may call which endpoint of a profile. */
const endpointsOf = ({ callers, introspection, revocation }: Profile): readonly [string, readonly RolePattern[]][] => [
  ['token', callers],
  ['introspect', introspection === undefined ? [] : (introspection.callers ?? callers)],
  ['revoke', revocation?.callers ?? []],
];

/** The IAM policy that docs/deploy.md tells to give the role: `execute-api:Invoke` on what its profiles let it use. */
function policyFor(pattern: RolePattern, profiles: readonly Profile[]): ReadonlySet<string> {
  const role = { kind: 'iam_role', ...pattern, role: roleOf(pattern) } as const;
  return new Set(
    profiles.flatMap((profile) =>
      endpointsOf(profile)
        .filter(([, callers]) => callers.some((caller) => matchesRole(caller, role)))
        .map(([endpoint]) => resourceOf('POST', `/${profile.name}/oauth/v2/${endpoint}`)),
    ),
  );
}

function createPrincipal(pattern: RolePattern, profiles: readonly Profile[]): Principal {
  return {
    // As the credentials of a role: a signer that forgets the session token fails here as it does at AWS.
    accessKeyId: `ASIA${random()}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
    sessionToken: randomBytes(48).toString('base64url'),
    userArn: `arn:${pattern.partition}:sts::${pattern.account}:assumed-role/${roleOf(pattern)}/${SESSION}`,
    callerId: `AROA${random()}:${SESSION}`,
    mayInvoke: policyFor(pattern, profiles),
  };
}

/** The access keys of a profile's first caller, and an endpoint that it may call. */
export interface Key {
  readonly principal: Principal;
  readonly endpoint: string;
}

/** Access keys for the profiles' roles, by profile: those of its first caller. Profiles may share a role. */
export function createKeys(given: Iterable<Profile>): ReadonlyMap<string, Key> {
  const profiles = [...given];
  const byArn = new Map<string, Principal>();
  const byProfile = new Map<string, Key>();
  for (const profile of profiles) {
    const [endpoint, [pattern]] = endpointsOf(profile).find(([, callers]) => callers.length > 0) ?? ['', []];
    if (pattern === undefined) continue;
    const made = createPrincipal(pattern, profiles);
    const principal = byArn.get(made.userArn) ?? made;
    byArn.set(made.userArn, principal);
    byProfile.set(profile.name, { principal, endpoint });
  }
  return byProfile;
}
