import { setTimeout as wait } from 'node:timers/promises';
import { atMost, type Goal } from '../section.ts';
import { type Met, type Stage, worst } from './stage.ts';

/** What callers have met at one moment of a situation. */
export interface Moment {
  readonly name: string;
  readonly met: Met;
  /** Whether the broker has reached what it should there. */
  readonly goals: readonly Goal[];
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
/** Longer than the broker waits before it retries a ZITADEL that has just failed once. */
const WELL_STREAM_MS = 3000;

const MOST_FAILED_CALLS = 2;
const MOST_FAILED_WAIT_MS = 1000;
/** How long a caller waits for a renewal that it has started, and its own request; the peers wait for 3 s. */
const NO_WAIT_MS = 250;
/** Tokens of 20 s are renewed after 14 to 15 s, and so never handed out with less than 5 s left. */
const WINDOW_MS = 14_000;
const LEAST_LEFT_S = 5;

const count = (name: string, value: number, most: number): Goal => atMost(name, value, most, 0);

const served = (name: string, { callers, errors }: Met, isWanted = true): Goal => ({
  name,
  wanted: isWanted ? 'all served' : 'all refused',
  reached: `${callers - errors} of ${callers} served`,
  isMet: errors === (isWanted ? 0 : callers),
});

const moment = (name: string, met: Met, ...goals: readonly Goal[]): Moment => ({ name, met, goals });

/** Lets one caller in, and answers how to put the clock where so much of that first token is left. */
async function obtainFirst({ now, jump, crowd }: Stage): Promise<(leftS: number) => void> {
  const endsAt = now() + LIFE_S * 1000;
  await crowd(1);
  return (leftS) => jump(endsAt - leftS * 1000 - now());
}

/** Nobody has a token yet. */
async function cold({ crowd }: Stage): Promise<readonly Moment[]> {
  const met = await crowd(CROWD);
  return [moment(`${CROWD} cold callers at once`, met, count('100 cold callers: calls', met.calls, 1))];
}

/** ZITADEL answers 500, and is well again when the callers come back as they were told. */
async function failing({ setMood, crowd }: Stage): Promise<readonly Moment[]> {
  setMood('failing');
  const during = await crowd(CROWD);
  setMood('well');
  await wait(during.retryAfterS * 1000);
  const after = await crowd(CROWD);
  return [
    moment(
      `ZITADEL answers 500 to ${CROWD} callers`,
      during,
      count('500 to 100 callers: calls', during.calls, MOST_FAILED_CALLS),
      count('500 to 100 callers: longest wait, ms', during.waitMaxMs, MOST_FAILED_WAIT_MS),
    ),
    moment('ZITADEL is well again, after the Retry-After', after, served('well again after the Retry-After', after)),
  ];
}

/** ZITADEL cuts every connection while the token grows old. */
async function down(stage: Stage): Promise<readonly Moment[]> {
  const leave = await obtainFirst(stage);
  stage.setMood('down');
  const moments: Moment[] = [];
  for (const leftS of [30, 8, 0]) {
    leave(leftS);
    const met = await stage.crowd(CROWD);
    moments.push(moment(`ZITADEL is down, ${leftS} s are left`, met, served(`down, ${leftS} s left`, met, leftS > 0)));
  }
  return moments;
}

/**
 * ZITADEL takes 3 s, for 4 s at a time: when the broker renews, when those do who renew 10 s early, and over the token's
 * end.
 */
async function slow(stage: Stage): Promise<readonly Moment[]> {
  const leave = await obtainFirst(stage);
  const all: Met[] = [];
  for (const leftS of [70, 12, 2]) {
    leave(leftS);
    stage.setMood('slow');
    all.push(await stage.stream(SLOW_PER_SECOND, SLOW_STREAM_MS));
    stage.setMood('well');
    all.push(await stage.stream(SLOW_PER_SECOND, WELL_STREAM_MS));
  }
  const met = worst(all);
  const goal = count('3 s near the end: longest wait, ms', met.waitMaxMs, NO_WAIT_MS);
  return [moment('ZITADEL takes 3 s at times while the token nears its end', met, goal)];
}

/** Tokens of 20 s under a steady load. */
async function shortLife({ stream }: Stage, forMs: number): Promise<readonly Moment[]> {
  const met = await stream(SHORT_PER_SECOND, forMs);
  const least: Goal = {
    name: 'tokens of 20 s: least life handed out, s',
    wanted: `≥ ${LEAST_LEFT_S}`,
    reached: String(met.leastLeftS),
    isMet: (met.leastLeftS ?? 0) >= LEAST_LEFT_S,
  };
  return [
    moment(
      `tokens of ${SHORT_LIFE_S} s, ${SHORT_PER_SECOND} requests/s for ${forMs / 1000} s`,
      met,
      count('tokens of 20 s: calls, one for each window of 14 to 15 s', met.calls, Math.ceil(forMs / WINDOW_MS)),
      count('tokens of 20 s: errors', met.errors, 0),
      least,
    ),
  ];
}

/** All situations, in the order of the report; the last takes `streamMs`. */
export const situations = (streamMs: number): readonly Situation[] => [
  { tokenLifetimeSeconds: LIFE_S, isQuiet: false, play: cold },
  { tokenLifetimeSeconds: LIFE_S, isQuiet: false, play: failing },
  { tokenLifetimeSeconds: LIFE_S, isQuiet: false, play: down },
  { tokenLifetimeSeconds: LIFE_S, isQuiet: true, play: slow },
  { tokenLifetimeSeconds: SHORT_LIFE_S, isQuiet: true, play: (stage) => shortLife(stage, streamMs) },
];
