import { setTimeout as wait } from 'node:timers/promises';
import { createShiftedClock } from '../../../infra/local/shifted-clock.ts';
import type { Intercept } from '../../../infra/local/stand-in.ts';
import { createZitadel } from '../../../infra/local/zitadel/server.ts';
import { accounts } from '../../support/accounts.ts';
import { median } from '../stats.ts';
import type { Answer, CreateContender } from './contenders.ts';

const ANSWER_MS = 50;
const SLOW_MS = 3000;

/** How ZITADEL answers: after 50 ms; after 50 ms with an error; after 3 s; not at all. */
const MOODS = {
  well: () => wait(ANSWER_MS, false),
  async failing(req, res) {
    await wait(ANSWER_MS);
    req.resume();
    res.writeHead(500, { 'content-type': 'text/plain' }).end('internal error');
    return true;
  },
  slow: () => wait(SLOW_MS, false),
  down(req) {
    req.socket.destroy();
    return true;
  },
} satisfies Record<string, Intercept>;

const least = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : Math.min(...values);

/** What several groups of callers have met, the worst of each. */
export const worst = (all: readonly Met[]): Met => {
  const total = (what: 'callers' | 'calls' | 'errors') => all.reduce((sum, met) => sum + met[what], 0);
  const most = (what: 'waitP50Ms' | 'waitMaxMs' | 'retryAfterS') => Math.max(...all.map((met) => met[what]));
  return {
    callers: total('callers'),
    calls: total('calls'),
    errors: total('errors'),
    waitP50Ms: most('waitP50Ms'),
    waitMaxMs: most('waitMaxMs'),
    leastLeftS: least(all.flatMap(({ leastLeftS = [] }) => leastLeftS)),
    retryAfterS: most('retryAfterS'),
  };
};

/** Where a situation takes place: one contender, with a ZITADEL of its own. */
export type Stage = Awaited<ReturnType<typeof createStage>>;

/** What callers have met. */
export type Met = Awaited<ReturnType<Stage['crowd']>>;

/** Creates the stage of a contender. */
export async function createStage(create: CreateContender, tokenLifetimeSeconds: number) {
  const clock = createShiftedClock();
  const zitadel = await createZitadel({ accounts, now: clock.now, tokenLifetimeSeconds });
  zitadel.intercept(MOODS.well);
  const contender = await create(zitadel.url, clock);
  let callsBefore = 0;
  const ask = async (): Promise<Answer & { readonly waitMs: number }> => {
    const askedAt = performance.now();
    const answer = await contender.ask();
    return { ...answer, waitMs: performance.now() - askedAt };
  };
  const meet = async (asked: readonly ReturnType<typeof ask>[]) => {
    const answers = await Promise.all(asked);
    const waits = answers.map(({ waitMs }) => waitMs);
    const calls = zitadel.calls() - callsBefore;
    callsBefore += calls;
    return {
      callers: answers.length,
      /** Requests that ZITADEL has had meanwhile. */
      calls,
      errors: answers.filter(({ leftS }) => leftS === undefined).length,
      waitP50Ms: median(waits),
      waitMaxMs: Math.max(...waits),
      /** The least life that a token had left when it was handed out, in seconds; `undefined` if there was no token. */
      leastLeftS: least(answers.flatMap(({ leftS = [] }) => leftS)),
      /** The longest time that a caller was told to wait, in seconds. */
      retryAfterS: Math.max(...answers.map(({ retryAfterS }) => retryAfterS)),
    };
  };
  return {
    /** Put forward, so that nobody has to wait for a token to grow old. */
    clock,
    setMood: (mood: keyof typeof MOODS) => zitadel.intercept(MOODS[mood]),
    /** That many callers at once. */
    crowd: (callers: number) => meet(Array.from({ length: callers }, ask)),
    /** Callers that come one after the other, at a rate and whatever happens to those before, for that long. */
    async stream(perSecond: number, forMs: number) {
      const asked: ReturnType<typeof ask>[] = [];
      const startedAt = performance.now();
      for (let count = 0; count < (perSecond * forMs) / 1000; count += 1) {
        const dueMs = startedAt + (count * 1000) / perSecond - performance.now();
        if (dueMs > 0) await wait(dueMs);
        asked.push(ask());
      }
      return meet(asked);
    },
    async close() {
      await contender.close();
      await zitadel.close();
    },
  };
}
