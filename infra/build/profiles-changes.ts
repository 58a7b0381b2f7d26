import type { Profile, Profiles } from '../../lib/broker/profiles/profile.ts';

/** A field that is still valid, and no longer means the same. What is no longer valid is a fault, which needs no warning. */
interface Change {
  /** The last version with the earlier meaning. */
  readonly after: string;
  readonly field: string;
  readonly isUsed: (profile: Profile) => boolean;
  readonly says: string;
}

const NARROWER =
  'exchanged tokens have the audiences of the scopes alone; before, also every other audience of the subject token';

const CHANGES: readonly Change[] = [
  { after: '0.1.0', field: 'subject', isUsed: ({ subject }) => subject !== undefined, says: NARROWER },
  { after: '0.1.0', field: 'exchange', isUsed: ({ exchange }) => exchange !== undefined, says: NARROWER },
  {
    after: '0.1.0',
    field: 'revocation',
    isUsed: ({ revocation }) => revocation !== undefined,
    says: "revokes tokens of the profile's own account alone; before, every token that ZITADEL let its application revoke",
  },
  {
    after: '0.1.0',
    field: 'maxAgeSeconds',
    isUsed: ({ maxAgeMs }) => maxAgeMs !== undefined,
    says: 'a lower value counts for stored tokens at once; before, for tokens obtained later',
  },
];

const VERSION = /^\d{1,6}\.\d{1,6}\.\d{1,6}$/;

/** Whether it is a version: `0.1.0`. */
export const isVersion = (text: string): boolean => VERSION.test(text);

/** Whether a version is another one or before it. */
export const isUpTo = (version: string, last: string): boolean =>
  version.localeCompare(last, 'en', { numeric: true }) <= 0;

/** What means something else in these profiles than in the version that is deployed, one per line. */
export const findChanges = (profiles: Profiles, deployed: string): readonly string[] =>
  CHANGES.filter(({ after }) => isUpTo(deployed, after)).flatMap(({ after, field, isUsed, says }) =>
    [...profiles.values()]
      .filter(isUsed)
      .map(({ name }) => `profile ${name}: ${field} has changed since ${after}: ${says}`),
  );
