import { setTimeout as wait } from 'node:timers/promises';
import { quantile } from '../stats.ts';
import { createJumpingClock, type JumpingClock } from './clock.ts';
import type { Answer, Contender, CreateContender } from './contender.ts';
import { createUpstream, type Upstream } from './upstream.ts';

/** What callers have met. */
export interface Met {
  readonly callers: number;
  /** Requests that ZITADEL has had meanwhile. */
  readonly calls: number;
  readonly errors: number;
  readonly waitP50Ms: number;
  readonly waitMaxMs: number;
  /** The least life that a token had left when it was handed out, in seconds; nothing where there was none. */
  readonly leastLeftS?: number;
  /** The longest time that a caller was told to wait, in seconds. */
  readonly retryAfterS?: number;
}

/** Where a situation takes place. */
export interface Stage {
  readonly clock: JumpingClock;
  readonly upstream: Upstream;
  /** That many callers at once. */
  readonly crowd: (callers: number) => Promise<Met>;
  /** Callers that come one after the other, at a rate and whatever becomes of those before, for that long. */
  readonly stream: (perSecond: number, forMs: number) => Promise<Met>;
}

interface Served {
  readonly answer: Answer;
  readonly waitMs: number;
}

function sum(served: readonly Served[], calls: number): Met {
  const waits = served.map(({ waitMs }) => waitMs);
  const left = served.flatMap(({ answer }) => (answer.isToken ? [answer.leftS] : []));
  const retry = served.flatMap(({ answer }) => (answer.isToken ? [] : [answer.retryAfterS ?? 0]));
  return {
    callers: served.length,
    calls,
    errors: retry.length,
    waitP50Ms: quantile(waits, 0.5),
    waitMaxMs: Math.max(...waits),
    ...(left.length === 0 ? {} : { leastLeftS: Math.min(...left) }),
    ...(retry.length === 0 ? {} : { retryAfterS: Math.max(...retry) }),
  };
}

/** Plays a situation with one contender and a ZITADEL of its own. */
export async function play<T>(
  create: CreateContender,
  tokenLifetimeSeconds: number,
  situation: (stage: Stage) => Promise<T>,
): Promise<T> {
  const clock = createJumpingClock();
  const upstream = await createUpstream(clock.now, tokenLifetimeSeconds);
  const contender: Contender = await create(upstream.url, clock);
  const ask = async (): Promise<Served> => {
    const askedAt = performance.now();
    const answer = await contender.ask();
    return { answer, waitMs: performance.now() - askedAt };
  };
  const stage: Stage = {
    clock,
    upstream,
    async crowd(callers) {
      const served = await Promise.all(Array.from({ length: callers }, ask));
      return sum(served, upstream.take());
    },
    async stream(perSecond, forMs) {
      const asked: Promise<Served>[] = [];
      const startedAt = performance.now();
      for (let count = 0; count < (perSecond * forMs) / 1000; count += 1) {
        const dueMs = startedAt + (count * 1000) / perSecond - performance.now();
        if (dueMs > 0) await wait(dueMs);
        asked.push(ask());
      }
      return sum(await Promise.all(asked), upstream.take());
    },
  };
  try {
    return await situation(stage);
  } finally {
    await contender.close();
    await upstream.close();
  }
}
