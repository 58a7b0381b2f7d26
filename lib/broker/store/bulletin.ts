import { type Clock, within } from '../../core/clock.ts';
import { digest } from '../../core/digest.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, SECOND_MS } from '../../core/time.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import type { Principal } from '../profiles/caller.ts';
import { chainOf } from '../profiles/check.ts';
import type { Profile, Profiles } from '../profiles/profile.ts';
import type { CacheKey } from '../token/demand.ts';
import type { Token } from '../token/freshness.ts';
import { compileNotices, isBlocked, isOver, isVoid, type Notice, readNotice, tidy, writeNotice } from './notices.ts';
import { otherFields, type Row, type RowUpdate, type Table, type TableFault } from './table.ts';

/** Every sandbox knows a notice within this time. */
export const NOTICE_KNOWN_MS = 60 * SECOND_MS;

/** How often a sandbox reads the notices; the rest of the minute covers the read itself. */
const LOOK_EVERY_MS = 50 * SECOND_MS;

/** If the table is down, a sandbox reads again after this; meanwhile the last notices apply. */
const LOOK_AGAIN_MS = 10 * SECOND_MS;

/** The longest that a request waits for a read. */
const LOOK_MS = SECOND_MS;

/** The one row that every sandbox reads. */
export const BULLETIN_KEY = digest('notices') as CacheKey;

/** What every sandbox must know. Read from the table at most once in 50 s, for all profiles together. */
export interface Bulletin {
  /**
   * Reads the table if it is due; `undefined` if it is not, which is the usual case.
   * @param leftMs the caller's remaining time: at most half of it is spent waiting
   * @param isUrgent reads in any case, because a notice may explain what has happened
   */
  readonly look: (leftMs: number, isUrgent?: boolean) => Promise<void> | undefined;
  /** Whether this sandbox has ever read the table: a request that is refused early needs no read. */
  readonly hasLooked: () => boolean;
  /** When the last successful read began. */
  readonly readAt: () => EpochMs | undefined;
  /** Whether a profile may no longer hand out a token. */
  readonly isVoid: (
    token: Pick<Token, 'accessToken' | 'obtainedAt' | 'madeFrom' | 'madeAt'>,
    profile: Profile,
  ) => boolean;
  /** Whether a token that a caller sent is known to be dead. */
  readonly isKnownDead: (token: Redacted<string>) => boolean;
  readonly isBlocked: (profile: Profile, caller: Principal) => boolean;
  /** Until when an issuer, by its digest, is known to be unavailable. */
  readonly awayUntil: (issuer: string) => EpochMs | undefined;
  /** Applies a notice in this sandbox at once, and in all others through the table. */
  readonly post: (notice: Notice) => Promise<Result<void, TableFault>>;
}

/** A notice that this sandbox posted itself. */
interface Own {
  readonly notice: Notice;
  /** When it was written to the table: a read that began later finds it there. */
  readonly toldAt?: EpochMs;
}

/** Adds notices to the row or deletes them, and leaves the rest unchanged. */
const changeNotices = (change: 'add' | 'delete', of: readonly string[]): RowUpdate => ({
  set: {},
  remove: [],
  notices: { change, of },
  condition: { kind: 'always' },
});

const EMPTY_ROW: RowUpdate = {
  set: {},
  remove: otherFields({}),
  condition: { kind: 'always' },
};

/**
 * Posts notices to the table and tidies the list. Rewrites a malformed row.
 * @returns the row with the notices
 */
export async function postNotices(
  table: Table,
  notices: readonly Notice[],
  now: EpochMs,
): Promise<Result<Row, TableFault>> {
  const write = changeNotices('add', notices.map(writeNotice));
  const add = async (): Promise<Result<Row, TableFault>> => {
    const written = await table.update(BULLETIN_KEY, write);
    if (!written.ok) return written;
    return written.value === 'refused' ? fail({ kind: 'unknown', detail: 'Refused' }) : ok(written.value);
  };
  let added = await add();
  if (!added.ok || added.value.malformed) {
    const read = await table.read(BULLETIN_KEY);
    if (read.ok && read.value?.malformed) {
      await table.update(BULLETIN_KEY, EMPTY_ROW);
      added = await add();
    }
  }
  if (!added.ok) return added;
  const tidying = tidy(added.value.notices ?? [], now);
  if (tidying.add.length > 0) await table.update(BULLETIN_KEY, changeNotices('add', tidying.add.map(writeNotice)));
  if (tidying.remove.length > 0) await table.update(BULLETIN_KEY, changeNotices('delete', tidying.remove));
  return added;
}

/** Withdraws notices. */
export async function withdrawNotices(table: Table, notices: readonly Notice[]): Promise<Result<void, TableFault>> {
  const written = await table.update(BULLETIN_KEY, changeNotices('delete', notices.map(writeNotice)));
  return written.ok ? ok(undefined) : written;
}

/** The notices in the table; a malformed row has none. */
export async function readNotices(table: Table): Promise<Result<readonly Notice[], TableFault>> {
  const row = await table.read(BULLETIN_KEY);
  if (!row.ok) return row;
  return ok((row.value?.notices ?? []).flatMap((text) => readNotice(text) ?? []));
}

/** Creates the bulletin of one sandbox. */
export function createBulletin({
  clock,
  table,
  profiles,
}: {
  clock: Clock;
  table: Table;
  profiles: Profiles;
}): Bulletin {
  let listed: readonly string[] = [];
  let notices = compileNotices([]);
  let readAt: EpochMs | undefined;
  let lookedAt: EpochMs | undefined;
  let pauseMs = 0;
  let looking: Promise<void> | undefined;
  /** Notices posted here that may not be in the table yet: they apply here anyway, and are posted again. */
  const own = new Map<string, Own>();

  function know(texts: readonly string[]): void {
    listed = texts;
    notices = compileNotices([...listed, ...own.keys()]);
  }

  async function lookNow(): Promise<void> {
    const startedAt = clock.now();
    lookedAt = startedAt;
    pauseMs = LOOK_AGAIN_MS;
    const row = await table.read(BULLETIN_KEY);
    if (!row.ok) return;
    if (row.value?.malformed) {
      // A malformed row has lost its notices: those that this sandbox knows still apply, and are posted again.
      for (const text of [...listed, ...own.keys()]) {
        const notice = readNotice(text);
        if (notice !== undefined) own.set(text, { notice });
      }
    } else {
      pauseMs = LOOK_EVERY_MS;
      readAt = startedAt;
      for (const [text, { notice, toldAt }] of own) {
        if (isOver(notice, clock.now()) || (toldAt !== undefined && toldAt < startedAt)) own.delete(text);
      }
      know(row.value?.notices ?? []);
    }
    if (untold().length > 0) await tell();
  }

  const untold = () => [...own.values()].flatMap(({ notice, toldAt }) => (toldAt === undefined ? [notice] : []));

  /** Posts the notices that are not known to be in the table. */
  async function tell(): Promise<Result<void, TableFault>> {
    const now = untold();
    const posted = await postNotices(table, now, clock.now());
    if (posted.ok) for (const notice of now) own.set(writeNotice(notice), { notice, toldAt: clock.now() });
    know(posted.ok ? (posted.value.notices ?? []) : listed);
    return posted.ok ? ok(undefined) : posted;
  }

  return {
    look(leftMs, isUrgent = false) {
      const now = clock.now();
      const isDue = lookedAt === undefined || now >= lookedAt + pauseMs || now < lookedAt;
      if (looking === undefined && !isDue && !isUrgent) return undefined;
      looking ??= lookNow().finally(() => {
        looking = undefined;
      });
      return within(clock, Math.min(LOOK_MS, leftMs / 2), looking);
    },
    hasLooked: () => lookedAt !== undefined,
    readAt: () => readAt,
    isVoid(token, profile) {
      if (notices.isEmpty) return false;
      const digests = [tokenDigest(token.accessToken), ...(token.madeFrom ?? [])];
      const obtainedAt = [token.obtainedAt, ...(token.madeAt ?? [])];
      const suspect = { digests, obtainedAt, profiles: chainOf(profile, profiles) };
      return isVoid(notices, suspect, clock.now());
    },
    isKnownDead: (token) => notices.tokens.size > 0 && notices.tokens.has(tokenDigest(token)),
    isBlocked: ({ name }, caller) => notices.blocks.size > 0 && isBlocked(notices, name, caller),
    awayUntil: (issuer) => notices.away.get(issuer),
    async post(notice) {
      own.set(writeNotice(notice), { notice });
      return tell();
    },
  };
}
