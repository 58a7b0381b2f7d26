import { parseProfiles } from '../../lib/broker/profiles/parse.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';

/**
 * Parses a document of profiles; `http` on loopback is an issuer here.
 * @throws {Error} where it is not valid
 */
export function profilesOf(document: unknown): Profiles {
  const profiles = parseProfiles(document, { allowLoopbackHttp: true });
  if (!profiles.ok) throw new Error(`the profiles: ${JSON.stringify(profiles.error)}`);
  return profiles.value;
}
