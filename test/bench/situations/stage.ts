import { setTimeout as wait } from 'node:timers/promises';
import { createZitadel } from '../../../infra/local/zitadel/server.ts';
import { instant } from '../../../lib/core/time.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };
import { quantile } from '../stats.ts';
import type { Answer, CreateContender } from './contenders.ts';

/** How ZITADEL answers: after 50 ms; after 50 ms with an error; after 3 s; not at all. */
export type Mood = 'well' | 'failing' | 'slow' | 'down';

/** What callers have met. */
export interface Met {
  readonly callers: number;
  /** Requests that ZITADEL has had meanwhile. */
  readonly calls: number;
  readonly errors: number;
  readonly waitP50Ms: number;
  readonly waitMaxMs: number;
  /** The least life that a token had left when it was handed out, in seconds; `undefined` if there was no token. */
  readonly leastLeftS: number | undefined;
  /** The longest time that a caller was told to wait, in seconds. */
  readonly retryAfterS: number;
}

/** Where a situation takes place: one contender, with a ZITADEL of its own. */
export interface Stage {
  readonly now: () => number;
  /** Puts the clock forward, so that nobody has to wait for a token to grow old. */
  readonly jump: (ms: number) => void;
  readonly setMood: (mood: Mood) => void;
  /** That many callers at once. */
  readonly crowd: (callers: number) => Promise<Met>;
  /** Callers that come one after the other, at a rate and whatever happens to those before, for that long. */
  readonly stream: (perSecond: number, forMs: number) => Promise<Met>;
}

const ANSWER_MS = 50;
const SLOW_MS = 3000;

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

/** Plays a situation with one contender. */
export async function play<T>(
  create: CreateContender,
  tokenLifetimeSeconds: number,
  situation: (stage: Stage) => Promise<T>,
): Promise<T> {
  let aheadMs = 0;
  let mood: Mood = 'well';
  let callsBefore = 0;
  const now = () => instant(Date.now() + aheadMs);
  const after = (delayMs: number, run: () => void) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  };
  const zitadel = await createZitadel({ accounts, now, tokenLifetimeSeconds });
  zitadel.intercept(async (req, res) => {
    if (mood === 'down') {
      req.socket.destroy();
      return true;
    }
    const isFailing = mood === 'failing';
    await wait(mood === 'slow' ? SLOW_MS : ANSWER_MS);
    if (!isFailing) return false;
    req.resume();
    res.writeHead(500, { 'content-type': 'text/plain' }).end('internal error');
    return true;
  });
  const contender = await create(zitadel.url, { now, after });
  const ask = async (): Promise<Answer & { readonly waitMs: number }> => {
    const askedAt = performance.now();
    const answer = await contender.ask();
    return { ...answer, waitMs: performance.now() - askedAt };
  };
  const meet = async (asked: readonly ReturnType<typeof ask>[]): Promise<Met> => {
    const answers = await Promise.all(asked);
    const waits = answers.map(({ waitMs }) => waitMs);
    const calls = zitadel.calls() - callsBefore;
    callsBefore += calls;
    return {
      callers: answers.length,
      calls,
      errors: answers.filter(({ leftS }) => leftS === undefined).length,
      waitP50Ms: quantile(waits, 0.5),
      waitMaxMs: Math.max(...waits),
      leastLeftS: least(answers.flatMap(({ leftS = [] }) => leftS)),
      retryAfterS: Math.max(...answers.map(({ retryAfterS }) => retryAfterS)),
    };
  };
  const stage: Stage = {
    now,
    jump: (ms) => {
      aheadMs += ms;
    },
    setMood: (next) => {
      mood = next;
    },
    crowd: (callers) => meet(Array.from({ length: callers }, ask)),
    async stream(perSecond, forMs) {
      const asked: ReturnType<typeof ask>[] = [];
      const startedAt = performance.now();
      for (let count = 0; count < (perSecond * forMs) / 1000; count += 1) {
        const dueMs = startedAt + (count * 1000) / perSecond - performance.now();
        if (dueMs > 0) await wait(dueMs);
        asked.push(ask());
      }
      return meet(asked);
    },
  };
  try {
    return await situation(stage);
  } finally {
    await contender.close();
    await zitadel.close();
  }
}
