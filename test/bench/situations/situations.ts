import { setTimeout as wait } from 'node:timers/promises';
import { atLeast, atMost, type Goal } from '../section.ts';
import { type Met, type Stage, worst } from './stage.ts';

/** A moment of a situation. */
interface Moment {
  readonly name: string;
  /** Whether the broker has reached what it should there. */
  readonly goals: (met: Met) => readonly Goal[];
}

/** How a situation is set up and played. */
interface Situation {
  /** How long tokens live; by default, `LIFE_S`. */
  readonly lifeS?: number;
  /** Whether it leaves the processor to others most of the time. */
  readonly isQuiet?: true;
  readonly moments: readonly Moment[];
  /** What callers have met at each moment. */
  readonly play: (stage: Stage) => Promise<readonly Met[]>;
}

const CROWD = 100;
export const LIFE_S = 300;
const SHORT_LIFE_S = 20;
const SLOW_PER_SECOND = 20;
const SHORT_PER_SECOND = 50;
/** A little longer than ZITADEL takes when it is slow. */
const SLOW_STREAM_MS = 4000;
/** Longer than the broker waits before it retries a ZITADEL that has just failed once. */
const WELL_STREAM_MS = 3000;

const MOST_FAILED_CALLS = 2;
const MOST_FAILED_WAIT_MS = 1000;
/** How long a caller waits for a renewal that it has started, and its own request; the peers wait for 3 s. */
const NO_WAIT_MS = 250;
/** Tokens of 20 s are renewed after 14 to 15 s, and so never handed out with less than 5 s left. */
const WINDOW_MS = 14_000;
const LEAST_LEFT_S = 5;
const DOWN_LEFT_S = [30, 8, 0];

const count = (name: string, value: number, most: number): Goal => atMost(name, value, most, 0);

const served = (name: string, { callers, errors }: Met, isWanted = true): Goal => ({
  name,
  wanted: isWanted ? 'all served' : 'all refused',
  reached: `${callers - errors} of ${callers} served`,
  isMet: errors === (isWanted ? 0 : callers),
});

/** Lets one caller in, and answers how to put the clock where so much of that first token is left. */
async function obtainFirst({ clock, crowd }: Stage): Promise<(leftS: number) => void> {
  const endsAt = clock.now() + LIFE_S * 1000;
  await crowd(1);
  return (leftS) => clock.shift(endsAt - leftS * 1000 - clock.now());
}

/** Nobody has a token yet. */
const cold: Situation = {
  moments: [
    {
      name: `${CROWD} cold callers at once`,
      goals: ({ calls }) => [count('100 cold callers: calls', calls, 1)],
    },
  ],
  play: async ({ crowd }) => [await crowd(CROWD)],
};

/** ZITADEL answers 500, and is well again when the callers come back as they were told. */
const failing: Situation = {
  moments: [
    {
      name: `ZITADEL answers 500 to ${CROWD} callers`,
      goals: ({ calls, waitMaxMs }) => [
        count('500 to 100 callers: calls', calls, MOST_FAILED_CALLS),
        count('500 to 100 callers: longest wait, ms', waitMaxMs, MOST_FAILED_WAIT_MS),
      ],
    },
    {
      name: 'ZITADEL is well again, after the Retry-After',
      goals: (met) => [served('well again after the Retry-After', met)],
    },
  ],
  async play({ setMood, crowd }) {
    setMood('failing');
    const during = await crowd(CROWD);
    setMood('well');
    await wait(during.retryAfterS * 1000);
    return [during, await crowd(CROWD)];
  },
};

/** ZITADEL cuts every connection while the token grows old. */
const down: Situation = {
  moments: DOWN_LEFT_S.map((leftS) => ({
    name: `ZITADEL is down, ${leftS} s are left`,
    goals: (met) => [served(`down, ${leftS} s left`, met, leftS > 0)],
  })),
  async play(stage) {
    const leave = await obtainFirst(stage);
    stage.setMood('down');
    const all: Met[] = [];
    for (const leftS of DOWN_LEFT_S) {
      leave(leftS);
      all.push(await stage.crowd(CROWD));
    }
    return all;
  },
};

/**
 * ZITADEL takes 3 s, for 4 s at a time: when the broker renews, when those do who renew 10 s early, and over the token's
 * end.
 */
const slow: Situation = {
  isQuiet: true,
  moments: [
    {
      name: 'ZITADEL takes 3 s at times while the token nears its end',
      goals: ({ waitMaxMs }) => [count('3 s near the end: longest wait, ms', waitMaxMs, NO_WAIT_MS)],
    },
  ],
  async play(stage) {
    const leave = await obtainFirst(stage);
    const all: Met[] = [];
    for (const leftS of [70, 12, 2]) {
      leave(leftS);
      stage.setMood('slow');
      all.push(await stage.stream(SLOW_PER_SECOND, SLOW_STREAM_MS));
      stage.setMood('well');
      all.push(await stage.stream(SLOW_PER_SECOND, WELL_STREAM_MS));
    }
    return [worst(all)];
  },
};

/** Tokens of 20 s under a steady load. */
const shortLife = (forMs: number): Situation => ({
  lifeS: SHORT_LIFE_S,
  isQuiet: true,
  moments: [
    {
      name: `tokens of ${SHORT_LIFE_S} s, ${SHORT_PER_SECOND} requests/s for ${forMs / 1000} s`,
      goals: ({ calls, errors, leastLeftS = Number.NaN }) => [
        count('tokens of 20 s: calls, one for each window of 14 to 15 s', calls, Math.ceil(forMs / WINDOW_MS)),
        count('tokens of 20 s: errors', errors, 0),
        atLeast('tokens of 20 s: least life handed out, s', leastLeftS, LEAST_LEFT_S),
      ],
    },
  ],
  play: async ({ stream }) => [await stream(SHORT_PER_SECOND, forMs)],
});

/** All situations, in the order of the report; the last takes `streamMs`. */
export const situations = (streamMs: number): readonly Situation[] => [cold, failing, down, slow, shortLife(streamMs)];
