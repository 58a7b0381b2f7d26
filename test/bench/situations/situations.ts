import { setTimeout as wait } from 'node:timers/promises';
import type { Met, Stage } from './play.ts';

/** What callers have met at one moment of a situation. */
export interface Moment {
  readonly name: string;
  readonly met: Met;
}

/** How a situation is set up and played. */
export interface Situation {
  readonly tokenLifetimeSeconds: number;
  /** Whether it leaves the processor to others most of the time. */
  readonly isQuiet: boolean;
  readonly play: (stage: Stage) => Promise<readonly Moment[]>;
}

const CROWD = 100;
const LIFE_S = 300;
const SHORT_LIFE_S = 20;
const SLOW_PER_SECOND = 20;
const SHORT_PER_SECOND = 50;
/** A little longer than ZITADEL takes when it is slow. */
const SLOW_STREAM_MS = 4000;
/** Longer than the broker leaves a ZITADEL alone that has just failed once. */
const WELL_STREAM_MS = 3000;

/** Lets one caller in, and answers how to put the clock where so much of that first token is left. */
async function obtainFirst({ clock, crowd }: Stage): Promise<(leftS: number) => void> {
  const endsAt = clock.now() + LIFE_S * 1000;
  await crowd(1);
  return (leftS) => clock.jump(endsAt - leftS * 1000 - clock.now());
}

/** Of several times, the worst. */
const worst = (all: readonly Met[]): Met => ({
  callers: all.reduce((sum, { callers }) => sum + callers, 0),
  calls: all.reduce((sum, { calls }) => sum + calls, 0),
  errors: all.reduce((sum, { errors }) => sum + errors, 0),
  waitP50Ms: Math.max(...all.map(({ waitP50Ms }) => waitP50Ms)),
  waitMaxMs: Math.max(...all.map(({ waitMaxMs }) => waitMaxMs)),
  leastLeftS: Math.min(...all.map(({ leastLeftS = Number.POSITIVE_INFINITY }) => leastLeftS)),
});

/** Nobody has a token yet. */
export const cold: Situation = {
  tokenLifetimeSeconds: LIFE_S,
  isQuiet: false,
  play: async ({ crowd }) => [{ name: `${CROWD} cold callers at once`, met: await crowd(CROWD) }],
};

/** ZITADEL answers 500, and is well again when the callers come back as they were told. */
export const failing: Situation = {
  tokenLifetimeSeconds: LIFE_S,
  isQuiet: false,
  async play({ upstream, crowd }) {
    upstream.setMood('failing');
    const during = await crowd(CROWD);
    upstream.setMood('well');
    await wait((during.retryAfterS ?? 0) * 1000);
    return [
      { name: `ZITADEL answers 500 to ${CROWD} callers`, met: during },
      { name: 'ZITADEL is well again, after the Retry-After', met: await crowd(CROWD) },
    ];
  },
};

/** ZITADEL cuts every connection while the token grows old. */
export const down: Situation = {
  tokenLifetimeSeconds: LIFE_S,
  isQuiet: false,
  async play(stage) {
    const leave = await obtainFirst(stage);
    stage.upstream.setMood('down');
    const moments: Moment[] = [];
    for (const leftS of [30, 8, 0]) {
      leave(leftS);
      moments.push({ name: `ZITADEL is down, ${leftS} s are left`, met: await stage.crowd(CROWD) });
    }
    return moments;
  },
};

/**
 * ZITADEL takes 3 s, for 4 s at a time: when the broker renews, when those do who renew 10 s early, and over the token's
 * end.
 */
export const slow: Situation = {
  tokenLifetimeSeconds: LIFE_S,
  isQuiet: true,
  async play(stage) {
    const leave = await obtainFirst(stage);
    const all: Met[] = [];
    for (const leftS of [70, 12, 2]) {
      leave(leftS);
      stage.upstream.setMood('slow');
      all.push(await stage.stream(SLOW_PER_SECOND, SLOW_STREAM_MS));
      stage.upstream.setMood('well');
      all.push(await stage.stream(SLOW_PER_SECOND, WELL_STREAM_MS));
    }
    return [{ name: 'ZITADEL takes 3 s at times while the token nears its end', met: worst(all) }];
  },
};

/** Tokens of 20 s under a steady load. */
export const shortLife = (forMs: number): Situation => ({
  tokenLifetimeSeconds: SHORT_LIFE_S,
  isQuiet: true,
  play: async ({ stream }) => [
    {
      name: `tokens of ${SHORT_LIFE_S} s, ${SHORT_PER_SECOND} requests/s for ${forMs / 1000} s`,
      met: await stream(SHORT_PER_SECOND, forMs),
    },
  ],
});
