import type { BrokerError } from '../../core/error.ts';
import { fail } from '../../core/result.ts';
import { type EpochMs, MINUTE_MS, plus, SECOND_MS } from '../../core/time.ts';
import type { Profile, Profiles } from '../profiles/profile.ts';
import type { Tokens } from './memory.ts';

/** The outcome for one profile. */
export interface Prewarmed {
  readonly profile: string;
  /**
   * `kept`: not due before the next run, or another sandbox has renewed it; `postponed`: this run had no time left, and
   * the token lasts until the next one, which renews the most urgent first.
   */
  readonly outcome: 'renewed' | 'kept' | 'postponed' | 'failed';
  readonly error?: BrokerError;
  /** What a bug threw. */
  readonly bug?: unknown;
}

/** The concurrent renewals. */
export const PARALLEL_RENEWALS = 5;

/** The concurrent reads of rows, to find the most urgent tokens. */
const PARALLEL_READS = 20;

/**
 * Tokens that become due within this time are renewed now. The next run comes in 5 minutes (the slowest schedule that
 * the alarms allow), so that callers do not start a renewal before it.
 */
export const AHEAD_MS = 6 * MINUTE_MS;

/** The error of a throw; the other profiles are renewed anyway. */
const BUG: BrokerError = { kind: 'unexpected_answer', detail: 'an internal error of the broker' };

/** Reserved for the summary. */
const SUMMARY_MS = SECOND_MS;

/** Runs `work` for each item, at most `most` at a time. */
async function inParallel<T>(items: Iterable<T>, most: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: most }, worker));
}

/**
 * Queues profiles: the next one is of the issuer with the fewest renewals in progress. So an issuer that hangs holds up
 * no more than its share while profiles of others wait.
 */
function createQueue(profiles: readonly Profile[]) {
  const waiting = Map.groupBy(profiles, ({ issuer }) => issuer);
  const busy = new Map<string, number>();
  const busyOf = (issuer: string) => busy.get(issuer) ?? 0;
  return {
    take(): Profile | undefined {
      const [next] = [...waiting].sort(([a], [b]) => busyOf(a) - busyOf(b));
      if (next === undefined) return undefined;
      const [issuer, rest] = next;
      busy.set(issuer, busyOf(issuer) + 1);
      const profile = rest.shift();
      if (rest.length === 0) waiting.delete(issuer);
      return profile;
    },
    done: ({ issuer }: Profile) => void busy.set(issuer, busyOf(issuer) - 1),
  };
}

/**
 * Renews the tokens of profiles with `prewarm` that become due before the next run, the most urgent first, with a fair
 * share for each issuer. A failure affects only its own profile. What has no time left is postponed if its token lasts,
 * else it counts as failed.
 */
export async function prewarm(
  { profiles, tokens }: { profiles: Profiles; tokens: Pick<Tokens, 'renew' | 'expiry'> },
  deadline: EpochMs,
): Promise<readonly Prewarmed[]> {
  const wanted = [...profiles.values()].filter(({ prewarm: isWanted }) => isWanted);
  const ends = new Map<Profile, EpochMs | undefined>();
  await inParallel(wanted, PARALLEL_READS, async (profile) => {
    ends.set(profile, await tokens.expiry({ profile, scopes: profile.scopes }));
  });
  // Profiles without a token come first.
  const queue = createQueue([...wanted].sort((a, b) => (ends.get(a) ?? 0) - (ends.get(b) ?? 0)));
  const done = new Map<Profile, Prewarmed>();
  /** Until the next run has ended, with what callers are promised. */
  const lasts = (end: EpochMs | undefined, { minValidityMs }: Profile): boolean =>
    end !== undefined && end >= plus(deadline, AHEAD_MS + minValidityMs);

  async function renewOne(profile: Profile): Promise<Prewarmed> {
    const { name, scopes } = profile;
    let bug: unknown;
    const result = await tokens.renew({ profile, scopes }, plus(deadline, -SUMMARY_MS), AHEAD_MS).catch((thrown) => {
      bug = thrown;
      return fail(BUG);
    });
    if (!result.ok && result.error.kind === 'out_of_time' && lasts(ends.get(profile), profile))
      return { profile: name, outcome: 'postponed' };
    if (!result.ok)
      return { profile: name, outcome: 'failed', error: result.error, ...(bug === undefined ? {} : { bug }) };
    const { source, failure } = result.value;
    if (failure !== undefined) return { profile: name, outcome: 'failed', error: failure.error };
    return { profile: name, outcome: source === 'issued' ? 'renewed' : 'kept' };
  }

  async function work(): Promise<void> {
    for (let profile = queue.take(); profile !== undefined; profile = queue.take()) {
      done.set(profile, await renewOne(profile));
      queue.done(profile);
    }
  }

  await Promise.all(Array.from({ length: PARALLEL_RENEWALS }, work));
  return wanted.flatMap((profile) => done.get(profile) ?? []);
}
