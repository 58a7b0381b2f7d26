import { beforeEach, describe, expect, test } from 'vitest';
import { createDoubts, type Doubts } from '../../../../lib/broker/introspection/doubts.ts';
import type { Introspect } from '../../../../lib/broker/introspection/introspect.ts';
import type { Profile } from '../../../../lib/broker/profiles/profile.ts';
import type { Table, TableFault } from '../../../../lib/broker/store/table.ts';
import { cacheKey } from '../../../../lib/broker/token/demand.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../../lib/core/result.ts';
import { instant, plus } from '../../../../lib/core/time.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { createMemoryTable } from '../../../support/memory-table.ts';

const NOW = instant(1_795_438_700_000);
const PROFILE: Profile = {
  name: 'orders',
  issuer: 'https://a.example',
  secret: 'orders',
  scopes: ['a'],
  callers: [],
  introspection: { secret: 'api' },
  introspectionCacheMs: 0,
  prewarm: false,
  minValidityMs: 60_000,
};
const KEY = cacheKey({ profile: PROFILE, scopes: PROFILE.scopes });
const OTHER = cacheKey({ profile: PROFILE, scopes: [] });
const fault: Result<never, TableFault> = fail({ kind: 'unavailable', detail: 'X' });

let clock: FakeClock;
let table: Table;
let isActive: boolean | undefined;
let asked: number;
const introspect: Introspect = async () => {
  asked += 1;
  if (isActive === undefined) return fail({ kind: 'unexpected_answer', detail: 'x' });
  return ok({ source: 'zitadel', introspection: { body: '', isActive } });
};
const start = (over: Table = table): Doubts => createDoubts({ clock, table: over, introspect });
beforeEach(() => {
  clock = createFakeClock(NOW);
  table = createMemoryTable();
  [isActive, asked] = [true, 0];
});

describe('whose turn it is', () => {
  test('once a minute, in one sandbox and in all', async () => {
    const [one, other] = [start(), start()];
    expect([await one.claim(KEY), await one.claim(KEY), await other.claim(KEY)]).toEqual([true, false, false]);
    expect([await one.claim(OTHER), await start().claim(KEY)]).toEqual([true, false]);
    await clock.advance(59_999);
    expect([await one.claim(KEY), await start().claim(KEY)]).toEqual([false, false]);
    await clock.advance(1);
    expect([await one.claim(KEY), await start().claim(KEY)]).toEqual([true, false]);
  });

  test('nothing else of the row is lost, and it stays for a day', async () => {
    await table.update(KEY, { set: { sealed: 's', ttl: 1 }, remove: [], condition: { kind: 'always' } });
    await start().claim(KEY);
    expect(await table.read(KEY)).toEqual(
      ok({ sealed: 's', doubtedAt: NOW, generation: 1, ttl: Math.floor(NOW / 1_000) + 86_400 }),
    );
  });

  test.each([
    [1_000, false],
    [1_001, true],
  ])('a doubt from %i ms ahead is somebody’s: it is one’s turn: %s', async (aheadMs, expected) => {
    const set = { doubtedAt: plus(NOW, aheadMs) };
    await table.update(KEY, { set, remove: [], condition: { kind: 'always' } });
    expect(await start().claim(KEY)).toBe(expected);
  });

  test('with the table away each sandbox counts for itself', async () => {
    const away: Table = { aheadMs: () => 0, read: async () => fault, update: async () => fault };
    const one = start(away);
    expect([await one.claim(KEY), await one.claim(KEY), await start(away).claim(KEY)]).toEqual([true, false, true]);
    expect(await start({ ...table, update: async () => fault }).claim(KEY)).toBe(true);
  });

  test('a row that changes is read once more, and no more', async () => {
    let refusals = 1;
    let reads = 0;
    const busy: Table = {
      aheadMs: () => 0,
      read: (key) => {
        reads += 1;
        return table.read(key);
      },
      update: async (key, update) => {
        refusals -= 1;
        return refusals >= 0 ? ok('refused') : table.update(key, update);
      },
    };
    expect([await start(busy).claim(KEY), reads]).toEqual([true, 2]);
    [refusals, reads] = [9, 0];
    await clock.advance(60_000);
    expect([await start(busy).claim(KEY), reads]).toEqual([false, 2]);
  });
});

describe('a token that a caller says is dead', () => {
  const { introspection: _none, ...without } = PROFILE;
  test.each<[name: string, active: boolean | undefined, profile: Profile, verdict: string, count: number]>([
    ['is active', true, PROFILE, 'active', 1],
    ['is dead', false, PROFILE, 'dead', 1],
    ['cannot be asked about', undefined, PROFILE, 'not_checked', 1],
    ['is believed', false, without, 'believed', 0],
  ])('%s', async (_name, active, profile, verdict, count) => {
    isActive = active;
    const doubts = start();
    expect([await doubts.examine(profile, KEY, redacted('t'), plus(clock.now(), 15_000)), asked]).toEqual([
      verdict,
      count,
    ]);
    expect([await doubts.examine(profile, KEY, redacted('t'), plus(clock.now(), 15_000)), asked]).toEqual([
      'taken',
      count,
    ]);
  });

  test('is not looked into where there is no time for it', async () => {
    const doubts = start();
    expect(await doubts.examine(PROFILE, KEY, redacted('t'), plus(clock.now(), 1_499))).toBe('not_checked');
    expect([asked, await doubts.claim(KEY)]).toEqual([0, true]);
  });
});
