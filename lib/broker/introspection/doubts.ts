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

/** How often the token of a key may be doubted without a proof, in the whole fleet. */
const DOUBT_EVERY_MS = MINUTE_MS;

/** A row that changes at this very moment is read once more. */
const ROUNDS = 2;

const REMEMBERED_KEYS = 10_000;

/** Who may look into a token that somebody says is dead. */
export interface Doubts {
  /** Whether it is this one's turn: of all sandboxes, at most one in a minute for each key. */
  readonly claim: (key: CacheKey) => Promise<boolean>;
  /** Looks into a token that a caller says was refused: by introspection where the profile has it, else it is believed. */
  readonly examine: (profile: Profile, key: CacheKey, token: Redacted<string>, deadline: EpochMs) => Promise<Verdict>;
}

/** `taken`: it is another one's turn; `dead` and `active` are ZITADEL's word; `believed`: nobody could be asked. */
export type Verdict = 'taken' | 'not_checked' | 'active' | 'dead' | 'believed';

export interface DoubtsDeps {
  readonly clock: Clock;
  readonly table: Table;
  readonly introspect: Introspect;
}

/** Whether an instant lies in the last minute; one from the future is nobody's. */
const isRecent = (at: EpochMs | undefined, now: EpochMs): boolean =>
  at !== undefined && now < at + DOUBT_EVERY_MS && at <= plus(now, CLOCK_SKEW_MS);

/** Creates the doubts of one sandbox; while the table is away, each sandbox counts for itself. */
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
