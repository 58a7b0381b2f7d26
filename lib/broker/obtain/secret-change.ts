import { chainOf } from '../profiles/check.ts';
import { isMapping } from '../profiles/document.ts';
import type { Profile, Profiles } from '../profiles/profile.ts';
import { isSecretOf, placeOf } from '../profiles/secret-reference.ts';

/** How deep an event may name a secret. */
const MOST_LEVELS = 4;

/** The ARNs of secrets anywhere in a value: where they stand differs between the kinds of events. */
function arnsIn(value: unknown, levels = MOST_LEVELS): readonly string[] {
  if (typeof value === 'string') return placeOf(value) === undefined ? [] : [value];
  if (levels === 0 || typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((part) => arnsIn(part, levels - 1));
}

/**
 * The profiles whose tokens depend on a secret that an event of Secrets Manager names (EventBridge, source
 * `aws.secretsmanager`), or all profiles if it names none.
 * @returns `undefined` for any other event, such as that of a schedule
 */
export function profilesOfChange(event: unknown, profiles: Profiles): readonly Profile[] | undefined {
  if (!isMapping(event) || event.source !== 'aws.secretsmanager') return undefined;
  const arns = arnsIn(event);
  const isChanged = (name: string) => arns.some((arn) => isSecretOf(profiles.get(name)?.secret ?? '', arn));
  return [...profiles.values()].filter(
    (profile) => arns.length === 0 || chainOf(profile, profiles).some((name) => isChanged(name)),
  );
}
