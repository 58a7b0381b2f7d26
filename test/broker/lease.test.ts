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
  expect(acquire('me', NOW, mayAcquire(NOW, MINE))).toMatchObject({
    set: { owner: 'me', leaseUntil: plus(NOW, LEASE_MS) },
    nextGeneration: true,
  });
  expect(isLeased({ leaseUntil: plus(NOW, 1) }, NOW)).toBe(true);
  expect(isLeased({}, NOW)).toBe(false);
  const lease = { generation: 1, owner: 'me', until: plus(NOW, 3_000) };
  expect(canEndWithin(lease, NOW, 3_000)).toBe(true);
  expect(canEndWithin(lease, plus(NOW, 1), 3_000)).toBe(false);
});

test('publishing ends the lease and every failure; giving up leaves its failure', () => {
  const lease = { generation: 1, owner: 'me', until: NOW };
  expect(publish(lease, token)).toMatchObject({
    set: token,
    remove: ['owner', 'leaseUntil', 'failedUntil', 'failure', 'failures', 'failedCredential'],
    condition: isStillMine(lease),
  });
  expect(release(lease)).toMatchObject({
    set: {},
    remove: ['owner', 'leaseUntil', 'failedUntil', 'failure', 'failures', 'failedCredential'],
  });
  expect(release(lease, { failedUntil: NOW, failure: 'unavailable', failures: 1 }).remove).toEqual([
    'owner',
    'leaseUntil',
    'failedCredential',
  ]);
});
