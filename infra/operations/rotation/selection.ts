import { type Profiles, secretUses } from '../../../lib/broker/profiles/profile.ts';
import { type RotatedSecret, rotatedSecrets } from '../../../lib/broker/profiles/rotation.ts';
import { isSameSecret } from '../../../lib/broker/profiles/secret-reference.ts';
import { UsageError } from '../../local/settings.ts';
import { checkProfile } from '../deployment.ts';

/** The secrets that a profile uses and that rotate. */
export function rotatedOf(profiles: Profiles, name: string): readonly RotatedSecret[] {
  const profile = profiles.get(name);
  const uses = profile === undefined ? [] : secretUses(profile);
  return rotatedSecrets(profiles).filter((rotated) => uses.some(({ secret }) => isSameSecret(secret, rotated.secret)));
}

/** The names of the profiles that use a secret. */
export const usersOf = (profiles: Profiles, secret: string): readonly string[] =>
  [...profiles.values()]
    .filter((profile) => secretUses(profile).some((use) => isSameSecret(use.secret, secret)))
    .map(({ name }) => name);

const listed = (secrets: readonly RotatedSecret[]): string => secrets.map(({ secret }) => secret).join(', ');

/**
 * The secrets that `--profile` and `--secret` mean.
 * @throws {UsageError} if there is none
 */
export function selectSecrets(profiles: Profiles, profile: string | undefined, secret: string | undefined) {
  if (profile !== undefined) checkProfile({ profiles }, profile);
  const all = rotatedSecrets(profiles);
  const mine = profile === undefined ? all : rotatedOf(profiles, profile);
  if (profile !== undefined && mine.length === 0) {
    const users = new Set(all.flatMap((rotated) => usersOf(profiles, rotated.secret)));
    const known = users.size === 0 ? '' : `; the profiles with rotation are ${[...users].join(', ')}`;
    throw new UsageError(`no secret of ${profile} rotates: docs/rotation.md says how to set it up${known}`);
  }
  if (secret === undefined) return mine;
  const chosen = mine.filter((rotated) => isSameSecret(rotated.secret, secret));
  if (chosen.length > 0) return chosen;
  throw new UsageError(`--secret ${JSON.stringify(secret)} does not rotate; those that do are ${listed(mine)}`);
}

/**
 * The one secret that an action changes.
 * @throws {UsageError} if several are meant
 */
export function selectSecret(profiles: Profiles, profile: string | undefined, secret: string | undefined) {
  if (profile === undefined) throw new UsageError('say which profile: --profile P');
  const mine = selectSecrets(profiles, profile, secret);
  const [only] = mine;
  if (only !== undefined && mine.length === 1) return only;
  throw new UsageError(`say which secret: --secret NAME; those of ${profile} that rotate are ${listed(mine)}`);
}
