import { beforeEach, describe, expect, test } from 'vitest';
import { createLending } from '../../../../lib/broker/obtain/lending.ts';
import { instant } from '../../../../lib/core/time.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

const NOW = instant(1_795_438_700_000);

let clock: FakeClock;
let finish: (value: string) => void;
let lending: ReturnType<typeof createLending<string>>;
beforeEach(() => {
  clock = createFakeClock(NOW);
  lending = createLending(
    clock,
    new Promise<string>((resolve) => {
      finish = resolve;
    }),
  );
});

/** How long a caller lends its time: the promise ends only once it has given up. */
async function lentMs(): Promise<number> {
  const from = clock.now();
  let ms = 0;
  let isDone = false;
  const lent = lending.lend().then(() => {
    isDone = true;
  });
  await clock.advance(0);
  while (!isDone) {
    await clock.advance(10);
    ms = clock.now() - from;
    if (ms > 5_000) throw new Error('lends for ever');
  }
  await lent;
  return ms;
}

test('the first caller lends 100 ms, and gets what comes about in that time', async () => {
  const lent = lending.lend();
  await clock.advance(99);
  finish('token');
  expect(await lent).toBe('token');
  expect(await lending.promise).toBe('token');
});

test('the first caller lends no more than 100 ms, and others at the same time nothing', async () => {
  const lent = lending.lend();
  expect(await lending.lend()).toBeUndefined();
  await clock.advance(100);
  expect(await lent).toBeUndefined();
});

test('in a process that runs on nobody lends anything later', async () => {
  expect(await lentMs()).toBe(100);
  await clock.advance(20);
  expect(await lentMs()).toBe(0);
  await clock.advance(60_000);
  expect(await lentMs()).toBe(0);
});

describe('in a sandbox that was frozen', () => {
  /** After the first lender the timer that would tell that the process is awake does not fire. */
  const sleepAfterFirst = async () => {
    expect(await lentMs()).toBe(100);
    clock.dropTimers();
  };

  test.each([
    [20, 0],
    [21, 2_000],
  ])('for %i ms, the next caller lends %i ms', async (ms, expected) => {
    await sleepAfterFirst();
    await clock.advance(ms);
    expect(await lentMs()).toBe(expected);
  });

  test('one at a time, and again after the next freeze', async () => {
    await sleepAfterFirst();
    await clock.advance(1_000);
    const lent = lending.lend();
    expect(await lending.lend()).toBeUndefined();
    await clock.advance(2_000);
    expect(await lent).toBeUndefined();
    clock.dropTimers();
    expect(await lending.lend()).toBeUndefined();
    await clock.advance(1_000);
    expect(await lentMs()).toBe(2_000);
  });

  test.each([
    [39, 0],
    [40, 2_000],
  ])('a timer of 20 ms that fires after %i ms tells whether it was', async (lateMs, expected) => {
    let now = NOW;
    const timers: { run: () => void }[] = [];
    const late = {
      now: () => now,
      after: (_delayMs: number, run: () => void) => {
        timers.push({ run });
        return () => undefined;
      },
    };
    const slow = createLending(late, new Promise<string>(() => undefined));
    const first = slow.lend();
    timers.shift()?.run();
    await first;
    now = instant(now + lateMs);
    timers.shift()?.run();
    let isDone = false;
    void slow.lend().then(() => {
      isDone = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(expected === 0);
    expect(timers).toHaveLength(expected === 0 ? 0 : 1);
  });
});
