import type { BrokerError } from '../../core/error.ts';
import { fail } from '../../core/result.ts';
import { type EpochMs, MINUTE_MS, plus, SECOND_MS } from '../../core/time.ts';
import type { Profile, Profiles } from '../profiles/profile.ts';
import type { Tokens } from './memory.ts';

/** The outcome for one profile. */
export interface Prewarmed {
  readonly profile: string;
  /** `kept`: not due before the next run, or another sandbox has renewed it. */
  readonly outcome: 'renewed' | 'kept' | 'failed';
  readonly error?: BrokerError;
  /** What a bug threw. */
  readonly bug?: unknown;
}

/** The concurrent renewals, and those of one issuer if there are several issuers. */
export const PARALLEL_RENEWALS = 5;
const PARALLEL_OF_ISSUER = 3;

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

/** Queues profiles: the next one is of the issuer with the fewest renewals in progress. */
function createQueue(profiles: readonly Profile[]) {
  const waiting = Map.groupBy(profiles, ({ issuer }) => issuer);
  const busy = new Map<string, number>();
  const most = waiting.size > 1 ? PARALLEL_OF_ISSUER : PARALLEL_RENEWALS;
  const busyOf = (issuer: string) => busy.get(issuer) ?? 0;
  return {
    take(): Profile | undefined {
      const [next] = [...waiting]
        .filter(([issuer, rest]) => rest.length > 0 && busyOf(issuer) < most)
        .sort(([a], [b]) => busyOf(a) - busyOf(b));
      const profile = next?.[1].shift();
      if (profile !== undefined) busy.set(profile.issuer, busyOf(profile.issuer) + 1);
      return profile;
    },
    done: ({ issuer }: Profile) => void busy.set(issuer, busyOf(issuer) - 1),
  };
}

/**
 * Renews the tokens of profiles with `prewarm` that become due before the next run, the most urgent first, with a fair
 * share for each issuer. A failure affects only its own profile. A renewal that has not started by the deadline counts
 * as failed.
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

  async function renewOne(profile: Profile): Promise<Prewarmed> {
    const { name, scopes } = profile;
    let bug: unknown;
    const result = await tokens.renew({ profile, scopes }, plus(deadline, -SUMMARY_MS), AHEAD_MS).catch((thrown) => {
      bug = thrown;
      return fail(BUG);
    });
    if (!result.ok)
      return { profile: name, outcome: 'failed', error: result.error, ...(bug === undefined ? {} : { bug }) };
    const { source, failure } = result.value;
    if (failure !== undefined) return { profile: name, outcome: 'failed', error: failure.error };
    return { profile: name, outcome: source === 'issued' ? 'renewed' : 'kept' };
  }

  /** A worker ends when every issuer is at its limit; the other workers take the rest. */
  async function work(): Promise<void> {
    for (let profile = queue.take(); profile !== undefined; profile = queue.take()) {
      done.set(profile, await renewOne(profile));
      queue.done(profile);
    }
  }

  await Promise.all(Array.from({ length: PARALLEL_RENEWALS }, work));
  return wanted.flatMap((profile) => done.get(profile) ?? []);
}
