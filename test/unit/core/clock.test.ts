import { describe, expect, test } from 'vitest';
import { afterAwake, sleep, wasFrozen, within } from '../../../lib/core/clock.ts';
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
} from '../../../lib/core/time.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

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

test.each([
  [1_500, false],
  [1_501, true],
])('a limit of 1 s that ends after %i ms tells of a freeze: %s', async (passedMs, expected) => {
  const clock = createFakeClock(NOW);
  await clock.advance(passedMs);
  expect(wasFrozen(clock, NOW, 1_000)).toBe(expected);
});

describe('a time limit', () => {
  /** A process whose clock has gone on while its timers stood still. */
  function freeze() {
    let nowMs = 0;
    let timers: { delayMs: number; run: () => void }[] = [];
    const clock = {
      now: () => plus(NOW, nowMs),
      after: (delayMs: number, run: () => void) => {
        const timer = { delayMs, run };
        timers.push(timer);
        return () => {
          timers = timers.filter((other) => other !== timer);
        };
      },
    };
    const wakeAfter = (ms: number) => {
      nowMs += ms;
      const due = timers;
      timers = [];
      for (const { run } of due) run();
    };
    return { clock, wakeAfter, delays: () => timers.map(({ delayMs }) => delayMs) };
  }

  test.each([1_000, 1_500])('ends when its time has passed, seen after %i ms', (passedMs) => {
    const { clock, wakeAfter, delays } = freeze();
    let runs = 0;
    afterAwake(clock, 1_000, () => {
      runs += 1;
    });
    expect([runs, delays()]).toEqual([0, [1_000]]);
    wakeAfter(passedMs);
    expect([runs, delays()]).toEqual([1, []]);
  });

  test('is 250 ms longer after a freeze, once', () => {
    const { clock, wakeAfter, delays } = freeze();
    let runs = 0;
    afterAwake(clock, 1_000, () => {
      runs += 1;
    });
    wakeAfter(60_000);
    expect([runs, delays()]).toEqual([0, [250]]);
    wakeAfter(60_000);
    expect([runs, delays()]).toEqual([1, []]);
  });

  test.each([0, 60_000])('is called off, %i ms after a freeze or without one', (frozenMs) => {
    const { clock, wakeAfter, delays } = freeze();
    const cancel = afterAwake(clock, 1_000, () => expect.unreachable());
    if (frozenMs > 0) wakeAfter(frozenMs);
    cancel();
    expect(delays()).toEqual([]);
  });
});

test('units', () => expect(DAY_MS + HOUR_MS + MINUTE_MS + SECOND_MS).toBe(Date.parse('1970-01-02T01:01:01Z')));

test('seconds never promise too much and never ask back too early', () => {
  expect(toEpochSeconds(NOW)).toBe(1_795_438_700);
  expect(secondsUntil(plus(NOW, 1_999), NOW)).toBe(1);
  expect(secondsUntil(plus(NOW, -1), NOW)).toBe(0);
  expect(coveringSeconds(1_001)).toBe(2);
  expect(coveringSeconds(0)).toBe(1);
});
