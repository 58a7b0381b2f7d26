import { describe, expect, test } from 'vitest';
import { holds } from '../../../../lib/broker/store/condition.ts';
import {
  acquire,
  CLOCK_SKEW_MS,
  canEndWithin,
  doubt,
  isLeased,
  isStillMine,
  isUnchanged,
  LEASE_MS,
  publish,
  release,
} from '../../../../lib/broker/store/lease.ts';
import { applyUpdate, type Row, type RowUpdate } from '../../../../lib/broker/store/table.ts';
import { instant, plus } from '../../../../lib/core/time.ts';

const NOW = instant(1_795_438_700_000);
/** A day later nobody asks for a row any more. */
const TTL = Math.floor(NOW / 1_000) + 86_400;
const token = { sealed: 's', credential: 'c1', expiresAt: plus(NOW, 60_000) };
const failure = { failedUntil: plus(NOW, 9), failure: 'credential_refused', failures: 2, failedCredential: 'c1' };
const mine = { owner: 'me', until: plus(NOW, LEASE_MS) };
const held: Row = { generation: 3, owner: 'me', leaseUntil: mine.until };

test('how long a lease lasts, and how far clocks may be apart', () => {
  expect([LEASE_MS, CLOCK_SKEW_MS]).toEqual([5_000, 1_000]);
});

describe('another holds the lease', () => {
  test.each<[string, leftMs: number | undefined, boolean]>([
    ['of a row that is new', undefined, false],
    ['that was taken a moment ago', 5_000, true],
    ['that ends in a moment', 1, true],
    ['that has ended by this clock alone', -1_000, true],
    ['that has ended by every clock', -1_001, false],
    ['that a clock took that is a second ahead', 6_000, true],
    ['that no clock that is right can have taken', 6_001, false],
    ['from far in the future', 86_400_000_000, false],
  ])('%s, with %s ms left: %s', (_name, leftMs, expected) => {
    expect(isLeased(leftMs === undefined ? {} : { leaseUntil: plus(NOW, leftMs) }, NOW)).toBe(expected);
  });
});

describe('a row that was read is unchanged', () => {
  test.each<[read: Row, now: Row, boolean]>([
    [{}, {}, true],
    [{}, { generation: 1 }, false],
    // Of a demand that nobody has obtained a token for, others may have noted something.
    [{}, { notices: ['n'] }, true],
    [{ generation: 2 }, { generation: 2, owner: 'other' }, true],
    [{ generation: 2 }, { generation: 3 }, false],
    [{ generation: 2 }, {}, false],
    [{ malformed: true }, {}, true],
    [{ malformed: true }, { generation: 7 }, true],
    [{ malformed: true, generation: 7 }, { generation: 7 }, true],
    [{ malformed: true, generation: 7 }, { generation: 8 }, false],
  ])('%o, now %o: %s', (read, now, expected) => {
    expect(holds(isUnchanged(read), now)).toBe(expected);
  });
});

test.each<[Row, boolean]>([
  [{ generation: 2, owner: 'me' }, true],
  // Somebody has doubted the token meanwhile.
  [{ generation: 3, owner: 'me' }, true],
  [{ generation: 2, owner: 'other' }, false],
  [{ generation: 2 }, false],
  [{}, false],
])('the lease is still mine in %o: %s', (row, isMine) => {
  expect(holds(isStillMine(mine), row)).toBe(isMine);
});

test.each([
  [4_999, true],
  [5_000, true],
  [5_001, false],
])('what takes %s ms ends within a new lease: %s', (durationMs, canEnd) => {
  expect(canEndWithin(mine, NOW, durationMs)).toBe(canEnd);
});

describe('a write makes of a row', () => {
  const take = (row: Row) => acquire(row, 'me', NOW, isUnchanged(row));
  const old: Row = { ...token, ...failure, generation: 7, notices: ['n'], ttl: 1 };

  test.each<[string, Row, RowUpdate, Row | 'refused']>([
    ['the first lease', {}, take({}), { ...held, generation: 1, ttl: TTL }],
    ['the next lease, and leaves the rest', old, take(old), { ...old, ...held, generation: 8, ttl: TTL }],
    [
      'a lease of a row that stays longer',
      { ...old, ttl: TTL + 1 },
      take({ ...old, ttl: TTL + 1 }),
      { ...old, ...held, generation: 8, ttl: TTL + 1 },
    ],
    ['no lease of a row that has changed', { ...old, generation: 8 }, take(old), 'refused'],
    [
      'a lease and nothing else of a malformed row',
      old,
      take({ malformed: true }),
      { ...held, generation: 1, ttl: TTL },
    ],
    [
      'the next lease of a malformed row, of those who have read it for one only',
      { ...old, generation: 8 },
      take({ malformed: true, generation: 7 }),
      'refused',
    ],
    [
      'a doubt and nothing else of a malformed row',
      old,
      doubt({ malformed: true, generation: 7 }, NOW),
      { doubtedAt: NOW, generation: 8, ttl: TTL },
    ],

    [
      'a token that ends the lease and every failure',
      { ...held, ...failure, doubtedAt: NOW },
      publish(mine, token),
      { ...token, generation: 4, doubtedAt: NOW, ttl: TTL + 60 },
    ],
    ['no token of the lease of another', { ...held, owner: 'other' }, publish(mine, token), 'refused'],
    ['no token of a lease that has been given up', token, publish(mine, token), 'refused'],

    [
      'no lease, and no failure, of a lease that is given up',
      { ...token, ...held, ...failure },
      release(mine),
      { ...token, generation: 4 },
    ],
    [
      'a failure that ends the lease',
      { ...token, ...held },
      release(mine, failure),
      { ...token, ...failure, generation: 4 },
    ],
    [
      'a failure that is no credential’s of one that was',
      { ...held, ...failure },
      release(mine, { failedUntil: NOW, failure: 'unavailable', failures: 3 }),
      { generation: 4, failedUntil: NOW, failure: 'unavailable', failures: 3 },
    ],
    ['no failure in the lease of another', { ...held, owner: 'other' }, release(mine, failure), 'refused'],

    [
      'a doubt',
      { ...token, generation: 4, ttl: 1 },
      doubt({ generation: 4, ttl: 1 }, NOW),
      { ...token, generation: 5, doubtedAt: NOW, ttl: TTL },
    ],
    [
      'a doubt of a row that is kept for longer',
      { ...token, generation: 4, ttl: TTL + 1 },
      doubt({ generation: 4, ttl: TTL + 1 }, NOW),
      { ...token, generation: 5, doubtedAt: NOW, ttl: TTL + 1 },
    ],
    ['no doubt of a row that has changed', { ...token, generation: 5 }, doubt({ generation: 4 }, NOW), 'refused'],
  ])('%s', (_name, row, update, expected) => {
    expect(applyUpdate(row, update)).toEqual(expected);
  });
});
