import type { BrokerError } from '../core/error.ts';
import { fail } from '../core/result.ts';
import { type EpochMs, plus, SECOND_MS } from '../core/time.ts';
import type { Profile, Profiles } from './profile.ts';
import type { Tokens } from './tokens.ts';

/** What became of one profile. */
export interface Prewarmed {
  readonly profile: string;
  /** `kept`: nothing was due, or another sandbox has renewed it. */
  readonly outcome: 'renewed' | 'kept' | 'failed';
  readonly error?: BrokerError;
}

/** How many tokens are renewed at the same time. */
export const PARALLEL_RENEWALS = 5;

/** What a throw counts as: the other profiles are renewed all the same. */
const BUG: BrokerError = { kind: 'unexpected_answer', detail: 'an error of the broker itself' };

/** Time that is kept for the summary. */
const SUMMARY_MS = SECOND_MS;

/**
 * Renews the tokens of the profiles with `prewarm` that are due, before callers notice. A failure of one profile is its
 * own; after the deadline what has not begun counts as failed.
 */
export async function prewarm(
  { profiles, tokens }: { profiles: Profiles; tokens: Tokens },
  deadline: EpochMs,
): Promise<readonly Prewarmed[]> {
  const wanted = [...profiles.values()].filter(({ prewarm: isWanted }) => isWanted);
  const waiting = wanted.values();
  const done = new Map<Profile, Prewarmed>();

  async function renewOne(profile: Profile): Promise<Prewarmed> {
    const { name, scopes } = profile;
    const result = await tokens.renew({ profile, scopes }, plus(deadline, -SUMMARY_MS)).catch(() => fail(BUG));
    if (!result.ok) return { profile: name, outcome: 'failed', error: result.error };
    const { source, failure } = result.value;
    if (failure !== undefined) return { profile: name, outcome: 'failed', error: failure.error };
    return { profile: name, outcome: source === 'exchange' ? 'renewed' : 'kept' };
  }

  async function work(): Promise<void> {
    for (const profile of waiting) done.set(profile, await renewOne(profile));
  }

  await Promise.all(Array.from({ length: PARALLEL_RENEWALS }, work));
  return wanted.flatMap((profile) => done.get(profile) ?? []);
}
