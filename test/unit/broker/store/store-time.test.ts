import { describe, expect, test } from 'vitest';
import { createSkew, inStoreTime } from '../../../../lib/broker/store/store-time.ts';
import type { Row, Table } from '../../../../lib/broker/store/table.ts';
import type { CacheKey } from '../../../../lib/broker/token/demand.ts';
import { instant, plus } from '../../../../lib/core/time.ts';
import { createMemoryTable } from '../../../support/memory-table.ts';

const NOW = instant(1_795_438_700_000);
const HOUR = 3_600_000;
const KEY = 'key' as string as CacheKey;
const date = (at: number) => new Date(at).toUTCString();

describe('how far a clock is ahead, by the date of an answer', () => {
  test.each<[name: string, aheadMs: number, expected: number]>([
    ['right', 0, 0],
    ['a little ahead', 4_000, 0],
    ['a little behind', -4_000, 0],
    ['ahead', 7_200_000, 7_199_600],
    ['behind', -7_200_000, -7_200_400],
  ])('%s', (_name, aheadMs, expected) => {
    const skew = createSkew();
    expect(skew.aheadMs()).toBe(0);
    // An answer after 200 ms; dates are whole seconds.
    skew.hear(date(NOW), plus(NOW, aheadMs), plus(NOW, aheadMs + 200));
    expect(skew.aheadMs()).toBe(expected);
  });

  test.each([undefined, '', 'soon', 'undefined'])('of no date, %j, nothing is known', (given) => {
    const skew = createSkew();
    skew.hear(given, plus(NOW, HOUR), plus(NOW, HOUR));
    expect(skew.aheadMs()).toBe(0);
  });

  test('after a freeze, an answer that was long on its way shows no more than it must', () => {
    const skew = createSkew();
    // Sent at the right time, and read an hour later.
    skew.hear(date(NOW), NOW, plus(NOW, HOUR));
    expect(skew.aheadMs()).toBe(0);
    skew.hear(date(NOW), plus(NOW, HOUR), plus(NOW, 3 * HOUR));
    expect(skew.aheadMs()).toBe(HOUR - 1_000);
    skew.hear(date(NOW), plus(NOW, -3 * HOUR), plus(NOW, -HOUR));
    expect(skew.aheadMs()).toBe(-HOUR);
  });

  test('stays the same while answers differ by little, and follows a clock that is set', () => {
    const skew = createSkew();
    const hear = (aheadMs: number) => skew.hear(date(NOW), plus(NOW, aheadMs), plus(NOW, aheadMs));
    hear(HOUR);
    const first = skew.aheadMs();
    hear(HOUR + 3_000);
    hear(HOUR - 3_000);
    expect(skew.aheadMs()).toBe(first);
    hear(HOUR + 60_000);
    expect(skew.aheadMs()).toBe(first + 60_000);
    hear(0);
    expect(skew.aheadMs()).toBe(0);
  });
});

describe('a table in the time of the store', () => {
  const rows = new Map<string, Row>();
  const memory = createMemoryTable(rows);
  const seenBy = (aheadMs: number): Table => inStoreTime({ ...memory, aheadMs: () => aheadMs });
  const set = {
    owner: 'me',
    leaseUntil: plus(NOW, 1),
    failedUntil: plus(NOW, 2),
    doubtedAt: plus(NOW, 3),
    heldUntil: plus(NOW, 4),
    expiresAt: plus(NOW, 5),
    ttl: 1_795_438_700,
    failures: 7,
    sealed: 's',
  };
  const notices = ['token d orders 1795438700000', 'before * 1795438700000', 'away i 1795438700000', 'block * *', 'x'];
  const moved = (ms: number) => ({
    ...set,
    leaseUntil: plus(NOW, 1 + ms),
    failedUntil: plus(NOW, 2 + ms),
    doubtedAt: plus(NOW, 3 + ms),
    heldUntil: plus(NOW, 4 + ms),
    expiresAt: plus(NOW, 5 + ms),
    ttl: 1_795_438_700 + ms / 1_000,
    notices: [`token d orders ${NOW + ms}`, `before * ${NOW + ms}`, `away i ${NOW + ms}`, 'block * *', 'x'],
  });

  test.each([HOUR, -HOUR, 0])('what one writes who is %i ms ahead, others read in their own time', async (aheadMs) => {
    rows.clear();
    const update = { set, remove: [], notices: { change: 'add', of: notices }, condition: { kind: 'always' } } as const;
    expect(await seenBy(aheadMs).update(KEY, update)).toEqual({ ok: true, value: moved(0) });
    expect(rows.get(KEY)).toEqual(moved(-aheadMs));
    expect(await seenBy(0).read(KEY)).toEqual({ ok: true, value: moved(-aheadMs) });
    expect(await seenBy(aheadMs).read(KEY)).toEqual({ ok: true, value: moved(0) });
  });

  test('what it cannot read or write is passed on', async () => {
    rows.clear();
    expect(await seenBy(HOUR).read(KEY)).toEqual({ ok: true, value: undefined });
    const refused = { set: {}, remove: [], condition: { kind: 'equals', field: 'owner', value: 'you' } } as const;
    expect(await seenBy(HOUR).update(KEY, refused)).toEqual({ ok: true, value: 'refused' });
    expect(seenBy(HOUR).aheadMs()).toBe(HOUR);
  });

  test('a notice is deleted as it was added', async () => {
    rows.clear();
    const change = (how: 'add' | 'delete') =>
      ({ set: {}, remove: [], notices: { change: how, of: notices }, condition: { kind: 'always' } }) as const;
    await seenBy(HOUR).update(KEY, change('add'));
    await seenBy(HOUR).update(KEY, change('delete'));
    expect(rows.get(KEY)?.notices).toBeUndefined();
  });
});
