import type { Profile, Profiles } from '../../../lib/broker/profiles/profile.ts';
import { minimumLeftMs, tokenLife } from '../../../lib/broker/token/freshness.ts';
import { plus } from '../../../lib/core/time.ts';
import type { ShiftedClock } from '../shifted-clock.ts';
import type { Feed } from './feed.ts';
import type { Switch } from './switches.ts';

/** All that the page shows besides the log. It contains no token, key or secret. */
export interface StateDeps {
  readonly feed: Pick<Feed, 'answersOf' | 'birthOf'>;
  readonly clock: ShiftedClock;
  readonly profiles: Profiles;
  readonly switches: readonly Switch[];
  /** The URL of the gateway. */
  readonly broker: string;
}

/** The instants of the life of the profile's last token. */
function lifeOf({ answersOf, birthOf }: StateDeps['feed'], { name, maxAgeMs, minValidityMs }: Profile) {
  const birth = birthOf(answersOf(name).token ?? '');
  if (birth === undefined) return undefined;
  const { obtainedAt, lifeMs } = birth;
  // Each token is renewed at an instant of its own, between these two.
  const [latest, earliest] = [0, 1].map((random) => tokenLife(obtainedAt, { lifeMs, maxAgeMs, random }));
  if (latest === undefined || earliest === undefined) return undefined;
  const { expiresAt } = latest;
  return {
    obtainedAt,
    renewedFrom: earliest.refreshAt,
    renewedBy: latest.refreshAt,
    minimumAt: plus(expiresAt, -minimumLeftMs(latest, minValidityMs)),
    expiresAt,
  };
}

const statesOf = (profile: Profile, switches: readonly Switch[]) =>
  Object.fromEntries(
    switches.map(({ id, isOn, obstacle }) => [id, { isOn: isOn?.(profile), obstacle: obstacle?.(profile) }]),
  );

/** The state of the stack, for the page. */
export const describeState = ({ feed, clock, profiles, switches, broker }: StateDeps) => ({
  now: clock.now(),
  aheadMs: clock.aheadMs(),
  broker,
  switches: switches.map(({ id, label, group, isOn }) => ({ id, label, group, isToggle: isOn !== undefined })),
  profiles: [...profiles.values()].map((profile) => ({
    name: profile.name,
    secret: profile.secret,
    subject: profile.subject,
    answers: feed.answersOf(profile.name),
    life: lifeOf(feed, profile),
    states: statesOf(profile, switches),
  })),
});
