import { beforeEach, describe, expect, test } from 'vitest';
import type { Principal } from '../../../../lib/broker/profiles/caller.ts';
import {
  BULLETIN_KEY,
  NOTICE_KNOWN_MS,
  postNotices,
  readNotices,
  withdrawNotices,
} from '../../../../lib/broker/store/bulletin.ts';
import { type Notice, tokenNotice, writeNotice } from '../../../../lib/broker/store/notices.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { ok } from '../../../../lib/core/result.ts';
import { DAY_MS, plus } from '../../../../lib/core/time.ts';
import { tokenDigest } from '../../../../lib/zitadel/token-identity.ts';
import { createFleet, type Fleet, START } from '../../../support/fleet.ts';

let fleet: Fleet;
beforeEach(() => {
  fleet = createFleet();
});

const TOKEN = redacted('the-token');
const CALLER: Principal = { kind: 'iam_role', partition: 'aws', account: '123456789012', role: 'orders-service' };
const BLOCK: Notice = { kind: 'block', profile: 'orders', caller: '*' };
const listed = () => fleet.table.rows.get(BULLETIN_KEY)?.notices;
const post = (...notices: Notice[]) => postNotices(fleet.table, notices, fleet.clock.now());
const blocked = (by: ReturnType<Fleet['start']>) => by.bulletin.isBlocked(fleet.profile('orders'), CALLER);

/** Makes the row malformed: a store answers it as such until what is wrong is removed. */
function spoil(): void {
  const row = { sealed: 'x', notices: ['y'], malformed: true } as const;
  fleet.table.rows.set(BULLETIN_KEY, row);
  const { update } = fleet.table;
  Object.assign(fleet.table, {
    // A store answers a malformed row as such, whatever was written to it.
    update: async (...args: Parameters<typeof update>) => {
      const written = await update(...args);
      const now = fleet.table.rows.get(BULLETIN_KEY) ?? {};
      if ('sealed' in now) return ok({ malformed: true as const });
      const { malformed: _gone, ...left } = now;
      fleet.table.rows.set(BULLETIN_KEY, left);
      return written.ok && written.value !== 'refused' ? ok(left) : written;
    },
  });
}

describe('looking', () => {
  test('at most once in 50 s, and each notice is known within a minute', async () => {
    expect(NOTICE_KNOWN_MS).toBe(60_000);
    const { bulletin } = fleet.start();
    expect([bulletin.hasLooked(), bulletin.readAt()]).toEqual([false, undefined]);
    await bulletin.look(10_000);
    expect([bulletin.hasLooked(), bulletin.readAt(), fleet.table.reads()]).toEqual([true, START, 1]);
    await fleet.clock.advance(49_999);
    await bulletin.look(10_000);
    expect(fleet.table.reads()).toBe(1);
    await fleet.clock.advance(1);
    await bulletin.look(10_000);
    expect([fleet.table.reads(), bulletin.readAt()]).toEqual([2, plus(START, 50_000)]);
  });

  test('again after 10 s, with the table away; what was seen holds', async () => {
    const member = fleet.start();
    await post(BLOCK);
    await member.bulletin.look(10_000);
    await fleet.clock.advance(50_000);
    fleet.table.fault(() => ({ kind: 'unavailable', detail: 'X' }));
    await member.bulletin.look(10_000);
    expect([member.bulletin.readAt(), blocked(member), fleet.table.reads()]).toEqual([START, true, 2]);
    await fleet.clock.advance(9_999);
    await member.bulletin.look(10_000);
    expect(fleet.table.reads()).toBe(2);
    await fleet.clock.advance(1);
    await member.bulletin.look(10_000);
    expect(fleet.table.reads()).toBe(3);
  });

  test('again, where the clock has gone back', async () => {
    const { bulletin } = fleet.start();
    await fleet.clock.advance(10_000);
    await bulletin.look(10_000);
    await bulletin.look(10_000);
    expect(fleet.table.reads()).toBe(1);
    await fleet.clock.advance(-1);
    await bulletin.look(10_000);
    expect(fleet.table.reads()).toBe(2);
  });

  test('at a row that was spoilt after a post that an older read had overlooked: the notice is posted again', async () => {
    const { bulletin } = fleet.start();
    const { read } = fleet.table;
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    Object.assign(fleet.table, {
      read: async (key: Parameters<typeof read>[0]) => {
        const row = await read(key);
        await gate;
        return row;
      },
    });
    const looking = bulletin.look(10_000);
    await fleet.clock.advance(1);
    await bulletin.post(BLOCK);
    release();
    await looking;
    spoil();
    await fleet.clock.advance(50_000);
    await bulletin.look(10_000);
    expect(listed()).toEqual([writeNotice(BLOCK)]);
  });

  test('at a row that somebody has spoilt: what was seen holds, and is written anew', async () => {
    const [member, cold] = [fleet.start(), fleet.start()];
    await post(BLOCK);
    await member.bulletin.look(10_000);
    spoil();
    await cold.bulletin.look(10_000);
    expect([blocked(cold), cold.bulletin.readAt()]).toEqual([false, undefined]);
    await fleet.clock.advance(50_000);
    await member.bulletin.look(10_000);
    expect([blocked(member), listed()]).toEqual([true, [writeNotice(BLOCK)]]);
    await cold.bulletin.look(10_000);
    expect(blocked(cold)).toBe(true);
  });

  test.each([
    [10_000, 1_000],
    [1_000, 500],
  ])('with %i ms left, a caller waits %i ms for it, and all share one', async (leftMs, waitMs) => {
    let release = () => {};
    const { read } = fleet.table;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    Object.assign(fleet.table, {
      read: async (key: Parameters<typeof read>[0]) => {
        await gate;
        return read(key);
      },
    });
    const member = fleet.start();
    await post(BLOCK);
    const [, tookMs] = await fleet.time(Promise.all([member.bulletin.look(leftMs), member.bulletin.look(leftMs)]));
    expect([tookMs, blocked(member)]).toEqual([waitMs, false]);
    release();
    await member.bulletin.look(leftMs);
    expect([fleet.table.reads(), blocked(member)]).toEqual([1, true]);
  });
});

describe('what is known', () => {
  test('of tokens, profiles, callers and issuers', async () => {
    const member = fleet.start();
    const { bulletin } = member;
    const token = { accessToken: TOKEN, obtainedAt: START };
    const [orders, shipping] = [fleet.profile('orders'), fleet.profile('shipping')];
    await bulletin.look(10_000);
    const all = () => [
      bulletin.isVoid(token, orders),
      bulletin.isKnownDead(TOKEN),
      blocked(member),
      bulletin.awayUntil('i1'),
    ];
    expect(all()).toEqual([false, false, false, undefined]);
    const see = async (notice: Notice) => {
      fleet.table.rows.delete(BULLETIN_KEY);
      await post(notice);
      await fleet.clock.advance(50_000);
      await bulletin.look(10_000);
    };
    const until = plus(START, 3_600_000);
    await see(tokenNotice(TOKEN, { profile: 'orders', until }));
    expect(all()).toEqual([true, true, false, undefined]);
    expect(bulletin.isVoid({ ...token, accessToken: redacted('other') }, orders)).toBe(false);
    const copy = { accessToken: redacted('copy'), obtainedAt: START, madeFrom: [tokenDigest(TOKEN)] };
    expect(bulletin.isVoid(copy, orders)).toBe(true);
    await see(BLOCK);
    expect(all()).toEqual([false, false, true, undefined]);
    expect(bulletin.isBlocked(shipping, CALLER)).toBe(false);
    await see({ kind: 'away', issuer: 'i1', until });
    expect(all()).toEqual([false, false, false, until]);
    await see({ kind: 'before', profile: 'orders', at: plus(START, 1) });
    expect(all()).toEqual([true, false, false, undefined]);
    // What is exchanged for a token of `orders` goes with it.
    expect(bulletin.isVoid(token, shipping)).toBe(true);
    expect(bulletin.isVoid({ ...token, obtainedAt: plus(START, 1) }, shipping)).toBe(false);
    expect(bulletin.isVoid(token, fleet.profile('revocable'))).toBe(false);
  });
});

describe('posting', () => {
  const notice = (name: string, ms = 60_000): Notice => ({
    kind: 'token',
    digest: name,
    profile: 'orders',
    until: plus(fleet.clock.now(), ms),
  });

  test('is known here at once, and to others when they look', async () => {
    const [one, other] = [fleet.start(), fleet.start()];
    await other.bulletin.look(10_000);
    expect(await one.bulletin.post(BLOCK)).toEqual(ok(undefined));
    expect([blocked(one), blocked(other)]).toEqual([true, false]);
    await fleet.clock.advance(50_000);
    await other.bulletin.look(10_000);
    expect(blocked(other)).toBe(true);
    await withdrawNotices(fleet.table, [BLOCK]);
    await fleet.clock.advance(50_000);
    await other.bulletin.look(10_000);
    expect(blocked(other)).toBe(false);
  });

  test('holds here, whatever becomes of the write, until it is over', async () => {
    const { bulletin } = fleet.start();
    await post({ kind: 'away', issuer: 'i1', until: plus(START, 60_000) });
    await bulletin.look(10_000);
    fleet.table.fault((way) => (way === 'update' ? { kind: 'unavailable', detail: 'X' } : undefined));
    const mine = tokenNotice(TOKEN, { profile: 'orders', until: plus(START, 60_000) });
    expect(await bulletin.post(mine)).toEqual({ ok: false, error: { kind: 'unavailable', detail: 'X' } });
    expect([bulletin.isKnownDead(TOKEN), bulletin.awayUntil('i1')]).toEqual([true, plus(START, 60_000)]);
    await fleet.clock.advance(60_000);
    await bulletin.look(10_000);
    expect(bulletin.isKnownDead(TOKEN)).toBe(true);
    // A token that was exchanged from this one may live for 30 days more.
    await fleet.clock.advance(30 * DAY_MS + 1);
    await bulletin.look(10_000);
    expect(bulletin.isKnownDead(TOKEN)).toBe(false);
  });

  test('is posted again where the write came to nothing, and the others know it then', async () => {
    const [member, other] = [fleet.start(), fleet.start()];
    fleet.table.fault((way) => (way === 'update' ? { kind: 'unavailable', detail: 'X' } : undefined));
    await member.bulletin.post(tokenNotice(TOKEN, { profile: 'orders', until: plus(START, 3_600_000) }));
    fleet.table.fault(undefined);
    await member.bulletin.look(10_000);
    const { length } = fleet.table.updates;
    await other.bulletin.look(10_000);
    expect(other.bulletin.isKnownDead(TOKEN)).toBe(true);
    await fleet.clock.advance(50_000);
    await member.bulletin.look(10_000);
    expect([member.bulletin.isKnownDead(TOKEN), fleet.table.updates.length]).toEqual([true, length]);
  });

  test('knows at once what the others have posted', async () => {
    const member = fleet.start();
    await member.bulletin.look(10_000);
    await post(BLOCK);
    await member.bulletin.post(notice('d1'));
    expect(blocked(member)).toBe(true);
  });

  test('keeps what stands there, and takes away what is over', async () => {
    await post(notice('d1', 10), BLOCK);
    const [first] = listed() ?? [];
    expect(listed()).toHaveLength(2);
    await fleet.clock.advance(30 * DAY_MS + 11);
    const posted = await post(notice('d2'));
    expect(posted.ok && posted.value.notices).toContain(first);
    expect(listed()).toEqual([writeNotice(BLOCK), writeNotice(notice('d2'))]);
  });

  test('writes once where nothing is to be tidied', async () => {
    await post(notice('d1'));
    expect(fleet.table.updates).toHaveLength(1);
  });

  test('lists no more than 500 tokens', async () => {
    await post(...Array.from({ length: 500 }, (_, index) => notice(`d${index}`)));
    await post(notice('d500'));
    expect(listed()).toEqual([`before orders ${fleet.clock.now()}`]);
  });

  test('writes a malformed row anew', async () => {
    spoil();
    expect(await post(BLOCK)).toEqual(ok({ notices: [writeNotice(BLOCK)] }));
    expect(listed()).toEqual([writeNotice(BLOCK)]);
  });

  test.each([
    ['is as it should be', {}],
    ['is not there', undefined],
  ])('fails where the write does and the row %s', async (_name, row) => {
    if (row !== undefined) fleet.table.rows.set(BULLETIN_KEY, row);
    fleet.table.fault((way) => (way === 'update' ? { kind: 'unavailable', detail: 'X' } : undefined));
    expect(await post(BLOCK)).toEqual({ ok: false, error: { kind: 'unavailable', detail: 'X' } });
  });

  test('a refusal is no success', async () => {
    Object.assign(fleet.table, { update: async () => ok('refused') });
    expect(await post(BLOCK)).toEqual({ ok: false, error: { kind: 'unknown', detail: 'Refused' } });
  });
});

test('what stands in the table can be read and taken back', async () => {
  expect(await readNotices(fleet.table)).toEqual(ok([]));
  await post(BLOCK, { kind: 'away', issuer: 'i1', until: plus(START, 1) });
  const row = fleet.table.rows.get(BULLETIN_KEY);
  fleet.table.rows.set(BULLETIN_KEY, { ...row, notices: [...(row?.notices ?? []), 'none'] });
  expect(await readNotices(fleet.table)).toEqual(ok([BLOCK, { kind: 'away', issuer: 'i1', until: plus(START, 1) }]));
  expect(await withdrawNotices(fleet.table, [BLOCK])).toEqual(ok(undefined));
  expect(listed()).toEqual([`away i1 ${START + 1}`, 'none']);
  const away = { kind: 'unavailable', detail: 'X' } as const;
  fleet.table.fault(() => away);
  expect(await readNotices(fleet.table)).toEqual({ ok: false, error: away });
  expect(await withdrawNotices(fleet.table, [BLOCK])).toEqual({ ok: false, error: away });
});
