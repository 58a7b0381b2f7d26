import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expiryOf, formatExpiry, markOf, parseExpiry, readMark } from '../../../../lib/broker/rotation/mark.ts';
import { DAY_MS, instant } from '../../../../lib/core/time.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/reports-a1B2c3';
const NOW = instant(Date.parse('2026-11-25T22:00:00Z'));

test('the expiry of a key names the rotation and the secret', () => {
  const expiry = expiryOf(markOf(ARN, 'token-1'), { now: NOW, everyMs: 30 * DAY_MS });
  expect(formatExpiry(expiry)).toBe('2027-02-08T18:40:46.424516Z');
  expect(readMark(expiry)).toEqual({ secret: 424_516, rotation: 67_246 });
});

test.each([
  ['another stage', ARN.replace('zitadel', 'prod'), 'token-1'],
  ['another region', ARN.replace('eu-central-1', 'eu-west-1'), 'token-1'],
])('%s is another secret', (_name, arn, token) => {
  expect(markOf(arn, token).secret).not.toBe(markOf(ARN, token).secret);
  expect(markOf(arn, token).rotation).toBe(markOf(ARN, token).rotation);
});

test('every mark is read as it was written, and lies two periods and 14 to 15 days ahead', () => {
  const rotation = fc.record({
    arn: fc.string(),
    token: fc.string(),
    now: fc.integer({ min: 0, max: 4e12 }),
    everyMs: fc.integer({ min: DAY_MS, max: 365 * DAY_MS }),
  });
  fc.assert(
    fc.property(rotation, ({ arn, token, now, everyMs }) => {
      const mark = markOf(arn, token);
      const expiry = expiryOf(mark, { now: instant(now), everyMs });
      const read = parseExpiry(formatExpiry(expiry));
      const aheadMs = expiry / 1000 - now - 2 * everyMs;
      return (
        read === expiry &&
        JSON.stringify(readMark(expiry)) === JSON.stringify(mark) &&
        aheadMs > 14 * DAY_MS &&
        aheadMs < 16 * DAY_MS
      );
    }),
  );
});

describe('keys that rotation did not make', () => {
  test.each(['2030-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '2030-01-01T12:00:00.000Z'])('%s has no mark', (text) => {
    expect(readMark(parseExpiry(text) ?? 1)).toBeUndefined();
  });
});

test.each([
  ['2030-01-01T00:00:00.123456789Z', 1_893_456_000_123_456],
  ['2030-01-01T00:00:00.1Z', 1_893_456_000_100_000],
  ['2030-01-01T00:00:00+01:00', undefined],
  ['2030-13-01T00:00:00Z', undefined],
  ['soon', undefined],
])('%s', (text, expected) => expect(parseExpiry(text)).toBe(expected));
