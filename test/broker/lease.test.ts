import { describe, expect, test } from 'vitest';
import { holds } from '../../lib/broker/condition.ts';
import {
  acquire,
  CLOCK_SKEW_MS,
  canEndWithin,
  isLeased,
  isStillMine,
  LEASE_MS,
  mayAcquire,
  publish,
  release,
} from '../../lib/broker/lease.ts';
import type { Row } from '../../lib/broker/table.ts';
import { instant, plus } from '../../lib/core/time.ts';

const NOW = instant(1_795_438_700_000);
const MINE = { credential: 'c1' };
const token = { sealed: 's', credential: 'c1', expiresAt: plus(NOW, 60_000), refreshAt: plus(NOW, 45_000) };

describe('the lease may be taken', () => {
  test.each<[string, Row, object, boolean]>([
    ['of a row that is new', {}, {}, true],
    ['while the token is fresh', token, {}, false],
    ['when the token is due', { ...token, refreshAt: NOW }, {}, true],
    ['a moment before it is due', { ...token, refreshAt: plus(NOW, 1) }, {}, false],
    ['of a token that another credential sealed', { ...token, credential: 'c0' }, {}, true],
    ['of a fresh token that proved worthless', token, { sealed: 's' }, true],
    ['of a fresh token that replaced a worthless one', token, { sealed: 'older' }, false],
    ['while another holds it', { leaseUntil: plus(NOW, 1) }, {}, false],
    ['when it has ended by this clock alone', { leaseUntil: plus(NOW, -CLOCK_SKEW_MS) }, {}, false],
    ['when it has ended by every clock', { leaseUntil: plus(NOW, -CLOCK_SKEW_MS - 1) }, {}, true],
    ['while a failure stands', { failedUntil: plus(NOW, 1) }, {}, false],
    ['at the end of a failure', { failedUntil: NOW }, {}, true],
    ['against a failure that does not count', { failedUntil: plus(NOW, 1) }, { failedUntil: plus(NOW, 1) }, true],
    ['against a newer failure', { failedUntil: plus(NOW, 2) }, { failedUntil: plus(NOW, 1) }, false],
  ])('%s: %o, %o: %s', (_name, row, overruled, isAllowed) => {
    expect(holds(mayAcquire(NOW, { ...MINE, ...overruled }), row)).toBe(isAllowed);
  });
});

test('the condition of a taking, as the table gets it', () => {
  const free = {
    kind: 'any',
    of: [
      { kind: 'absent', field: 'leaseUntil' },
      { kind: 'below', field: 'leaseUntil', value: NOW - 1_000 },
    ],
  };
  const due = [
    { kind: 'absent', field: 'sealed' },
    { kind: 'at_most', field: 'refreshAt', value: NOW },
    { kind: 'differs', field: 'credential', value: 'c1' },
  ];
  const failed = [
    { kind: 'absent', field: 'failedUntil' },
    { kind: 'at_most', field: 'failedUntil', value: NOW },
  ];
  expect(mayAcquire(NOW, MINE)).toEqual({
    kind: 'all',
    of: [free, { kind: 'any', of: due }, { kind: 'any', of: failed }],
  });
  const worthless = { kind: 'equals', field: 'sealed', value: 's' };
  const foreign = { kind: 'equals', field: 'failedUntil', value: 7 };
  expect(mayAcquire(NOW, { ...MINE, sealed: 's', failedUntil: instant(7) })).toEqual({
    kind: 'all',
    of: [free, { kind: 'any', of: [...due, worthless] }, { kind: 'any', of: [...failed, foreign] }],
  });
});

test.each([
  [{ generation: 2, owner: 'me' }, true],
  [{ generation: 3, owner: 'me' }, false],
  [{ generation: 2, owner: 'other' }, false],
  [{ generation: 2 }, false],
  [{}, false],
])('a lease of generation 2 is still mine in %o: %s', (row, isMine) => {
  expect(holds(isStillMine({ generation: 2, owner: 'me', until: NOW }), row)).toBe(isMine);
});

test('how long it lasts', () => {
  expect(LEASE_MS).toBe(5_000);
  expect(acquire('me', NOW, mayAcquire(NOW, MINE))).toEqual({
    // A day later nobody asks for the row any more.
    set: { owner: 'me', leaseUntil: plus(NOW, 5_000), ttl: Math.floor(NOW / 1_000) + 86_400 },
    nextGeneration: true,
    remove: [],
    condition: mayAcquire(NOW, MINE),
  });
  expect(isLeased({ leaseUntil: plus(NOW, 1) }, NOW)).toBe(true);
  expect(isLeased({}, NOW)).toBe(false);
  const lease = { generation: 1, owner: 'me', until: plus(NOW, 3_000) };
  expect(canEndWithin(lease, NOW, 3_000)).toBe(true);
  expect(canEndWithin(lease, plus(NOW, 1), 3_000)).toBe(false);
});

test('publishing ends the lease and every failure; giving up leaves its failure', () => {
  const lease = { generation: 1, owner: 'me', until: NOW };
  expect(isStillMine(lease)).toEqual({
    kind: 'all',
    of: [
      { kind: 'equals', field: 'generation', value: 1 },
      { kind: 'equals', field: 'owner', value: 'me' },
    ],
  });
  expect(publish(lease, token)).toMatchObject({
    set: token,
    remove: ['owner', 'leaseUntil', 'failedUntil', 'failure', 'failures', 'failedCredential'],
    condition: isStillMine(lease),
  });
  expect(release(lease)).toMatchObject({
    set: {},
    remove: ['owner', 'leaseUntil', 'failedUntil', 'failure', 'failures', 'failedCredential'],
  });
  const failure = { failedUntil: NOW, failure: 'unavailable', failures: 1 };
  expect(release(lease, failure)).toEqual({
    set: failure,
    remove: ['owner', 'leaseUntil', 'failedCredential'],
    condition: isStillMine(lease),
  });
});
