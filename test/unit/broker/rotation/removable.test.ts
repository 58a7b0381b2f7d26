import { describe, expect, test } from 'vitest';
import { expiryOf, formatExpiry, markOf } from '../../../../lib/broker/rotation/mark.ts';
import { abandonedKeys, outlivedKeys, type Removal } from '../../../../lib/broker/rotation/removable.ts';
import { DAY_MS, HOUR_MS, instant, plus } from '../../../../lib/core/time.ts';
import type { RegisteredKey } from '../../../../lib/zitadel/keys.ts';

const NOW = instant(Date.parse('2026-11-25T22:00:00Z'));
const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/reports-a1B2c3';
const OTHER = ARN.replace('zitadel', 'prod');
const mark = markOf(ARN, 'this rotation');

/** A key of a rotation, or of the operator, by its age. */
const key = (keyId: string, ageMs: number, arn?: string, token = ''): RegisteredKey => ({
  keyId,
  createdAt: plus(NOW, -ageMs),
  expirationDate:
    arn === undefined
      ? '2030-01-01T00:00:00Z'
      : formatExpiry(expiryOf(markOf(arn, token), { now: plus(NOW, -ageMs), everyMs: 30 * DAY_MS })),
});

const rows: readonly (readonly [what: string, key: RegisteredKey, abandoned: boolean, outlived: boolean])[] = [
  ['of this rotation, a moment ago', key('k', 2_000, ARN, 'this rotation'), false, true],
  ['of this rotation, an earlier try', key('k', 2_001, ARN, 'this rotation'), true, true],
  ['of this rotation, an hour ago', key('k', 2 * HOUR_MS, ARN, 'this rotation'), true, true],
  ['of another rotation, at this moment', key('k', 0, ARN, 'another'), false, true],
  ['of another rotation, an hour ago', key('k', HOUR_MS, ARN, 'another'), false, true],
  ['of another rotation, more than an hour ago', key('k', HOUR_MS + 1, ARN, 'another'), true, true],
  ["of another secret's rotation", key('k', 90 * DAY_MS, OTHER, 'this rotation'), false, false],
  ["the operator's", key('k', 900 * DAY_MS), false, false],
  ['without a readable end', { ...key('k', 90 * DAY_MS), expirationDate: 'never' }, false, false],
];

describe.each(rows)('a key %s', (_what, given, abandoned, outlived) => {
  const nothing: ReadonlySet<never> = new Set();
  const chosen = (removal: Partial<Removal>) =>
    [abandonedKeys(NOW), outlivedKeys].map((choose) => choose([given], { mark, named: nothing, ...removal }));

  test('before and after a rotation', () => {
    expect(chosen({ named: new Set(['other']) })).toEqual([abandoned ? ['k'] : [], outlived ? ['k'] : []]);
  });

  test('stays while a version of the secret names it', () => {
    expect(chosen({ named: new Set(['k']) })).toEqual([[], []]);
  });
});
