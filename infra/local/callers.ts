import { randomBytes } from 'node:crypto';
import type { RolePattern } from '../../lib/broker/profiles/caller.ts';
import type { Profile } from '../../lib/broker/profiles/profile.ts';
import type { Principal } from './gateway/sigv4.ts';

const RANDOM_BYTES = 15;
const SESSION = 'local';

const random = (): string => randomBytes(RANDOM_BYTES).toString('hex').toUpperCase().slice(0, 17);

/** A role that the pattern matches. */
const roleOf = ({ role, isPrefix }: RolePattern): string => (isPrefix ? `${role}local` : role);

function createPrincipal(pattern: RolePattern): Principal {
  return {
    // As the credentials of a role: a signer that forgets the session token fails here as it does at AWS.
    accessKeyId: `ASIA${random()}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
    sessionToken: randomBytes(48).toString('base64url'),
    userArn: `arn:${pattern.partition}:sts::${pattern.account}:assumed-role/${roleOf(pattern)}/${SESSION}`,
    callerId: `AROA${random()}:${SESSION}`,
  };
}

/** Access keys for the profiles' roles: one role for each profile; profiles may share it. */
export function createPrincipals(profiles: Iterable<Profile>): ReadonlyMap<string, Principal> {
  const byArn = new Map<string, Principal>();
  const byProfile = new Map<string, Principal>();
  for (const { name, callers } of profiles) {
    const [pattern] = callers;
    if (pattern === undefined) continue;
    const made = createPrincipal(pattern);
    const principal = byArn.get(made.userArn) ?? made;
    byArn.set(made.userArn, principal);
    byProfile.set(name, principal);
  }
  return byProfile;
}
