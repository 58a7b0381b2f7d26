import { expect, test } from 'vitest';
import { sleep, within } from '../../lib/core/clock.ts';
import {
  coveringSeconds,
  DAY_MS,
  HOUR_MS,
  instant,
  MINUTE_MS,
  plus,
  SECOND_MS,
  secondsUntil,
  toEpochSeconds,
} from '../../lib/core/time.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const NOW = instant(1_795_438_700_999);

test('a value that comes in time, one that does not, and one that throws', async () => {
  const clock = createFakeClock(NOW);
  expect(await within(clock, 100, Promise.resolve('early'))).toBe('early');
  expect(clock.dropTimers()).toBe(0);
  const late = within(
    clock,
    100,
    sleep(clock, 101).then(() => 'late'),
  );
  await clock.advance(200);
  expect(await late).toBeUndefined();
  await expect(within(clock, 100, Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
  expect(clock.dropTimers()).toBe(0);
});

test('a sleep ends when its time has passed, not before', async () => {
  const clock = createFakeClock(NOW);
  let isOver = false;
  void sleep(clock, 100).then(() => {
    isOver = true;
  });
  await clock.advance(99);
  expect(isOver).toBe(false);
  await clock.advance(1);
  expect(isOver).toBe(true);
});

test('units', () => expect(DAY_MS + HOUR_MS + MINUTE_MS + SECOND_MS).toBe(Date.parse('1970-01-02T01:01:01Z')));

test('seconds never promise too much and never ask back too early', () => {
  expect(toEpochSeconds(NOW)).toBe(1_795_438_700);
  expect(secondsUntil(plus(NOW, 1_999), NOW)).toBe(1);
  expect(secondsUntil(plus(NOW, -1), NOW)).toBe(0);
  expect(coveringSeconds(1_001)).toBe(2);
  expect(coveringSeconds(0)).toBe(1);
});
