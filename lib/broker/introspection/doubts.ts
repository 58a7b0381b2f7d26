import { createBoundedMap } from '../../core/bounded-map.ts';
import { type Clock, within } from '../../core/clock.ts';
import type { Redacted } from '../../core/redacted.ts';
import { type EpochMs, MINUTE_MS, plus } from '../../core/time.ts';
import { ANSWER_MS, LEAST_TIME_MS } from '../credentials/deadline.ts';
import type { Profile } from '../profiles/profile.ts';
import { CLOCK_SKEW_MS, doubt } from '../store/lease.ts';
import type { Row, Table } from '../store/table.ts';
import type { CacheKey } from '../token/demand.ts';
import type { Introspect } from './introspect.ts';

/** How often the token of a key may be doubted without proof, in the whole fleet. */
const DOUBT_EVERY_MS = MINUTE_MS;

/** If the row changes between read and write, it is read once more. */
const ROUNDS = 2;

const REMEMBERED_KEYS = 10_000;

/** Limits how often a token is examined because a caller claims that it is dead. */
export interface Doubts {
  /** Whether this call may examine the token: at most one per minute and key, in all sandboxes. */
  readonly claim: (key: CacheKey) => Promise<boolean>;
  /** Examines a token that an API refused: by introspection if the profile has it, else the caller is believed. */
  readonly examine: (profile: Profile, key: CacheKey, token: Redacted<string>, deadline: EpochMs) => Promise<Verdict>;
}

/** `taken`: another call examined it; `dead`, `active`: ZITADEL says so; `believed`: there is no introspection. */
export type Verdict = 'taken' | 'not_checked' | 'active' | 'dead' | 'believed';

/** The outcome for a token that a caller reported as refused. */
export type Rejected = 'replaced' | 'active' | 'not_current' | 'not_checked';

/** What follows from a verdict. */
export function outcomeOf(verdict: Verdict): Exclude<Rejected, 'not_current'> {
  if (verdict === 'dead' || verdict === 'believed') return 'replaced';
  return verdict === 'active' ? 'active' : 'not_checked';
}

export interface DoubtsDeps {
  readonly clock: Clock;
  readonly table: Table;
  readonly introspect: Introspect;
}

/** Whether an instant is in the last minute; instants in the future are ignored. */
const isRecent = (at: EpochMs | undefined, now: EpochMs): boolean =>
  at !== undefined && now < at + DOUBT_EVERY_MS && at <= plus(now, CLOCK_SKEW_MS);

/** Creates the doubts of one sandbox. While the table is down, each sandbox has its own limit. */
export function createDoubts({ clock, table, introspect }: DoubtsDeps): Doubts {
  const last = createBoundedMap<CacheKey, EpochMs>({ entries: REMEMBERED_KEYS });

  async function claim(key: CacheKey): Promise<boolean> {
    const now = clock.now();
    if (isRecent(last.get(key), now)) return false;
    last.set(key, now);
    for (let round = 0; round < ROUNDS; round += 1) {
      const row = await table.read(key);
      if (!row.ok) return true;
      const known: Row = row.value ?? {};
      if (isRecent(known.doubtedAt, now)) return false;
      const written = await table.update(key, doubt(known, now));
      if (!written.ok || written.value !== 'refused') return true;
    }
    return false;
  }

  return {
    claim,
    async examine(profile, key, token, deadline) {
      if (deadline - clock.now() < LEAST_TIME_MS) return 'not_checked';
      if (!(await claim(key))) return 'taken';
      if (profile.introspection === undefined) return 'believed';
      const asked = await within(clock, deadline - clock.now() - ANSWER_MS, introspect(profile, token));
      if (!asked?.ok) return 'not_checked';
      return asked.value.introspection.isActive ? 'active' : 'dead';
    },
  };
}
