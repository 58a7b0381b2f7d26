import { setTimeout as wait } from 'node:timers/promises';
import { createZitadel } from '../../../infra/local/zitadel/server.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };

/** How ZITADEL answers: after 50 ms, with an error after 50 ms, rightly after 3 s, not at all. */
export type Mood = 'well' | 'failing' | 'slow' | 'down';

/** A ZITADEL that counts and has moods. */
export interface Upstream {
  readonly url: string;
  readonly setMood: (mood: Mood) => void;
  /** How many requests it has had since the last time. */
  readonly take: () => number;
  readonly close: () => Promise<void>;
}

const ANSWER_MS = 50;
const SLOW_MS = 3000;

/** Starts one whose tokens live for that long. */
export async function createUpstream(now: () => number, tokenLifetimeSeconds: number): Promise<Upstream> {
  const zitadel = await createZitadel({ accounts, now, tokenLifetimeSeconds });
  let mood: Mood = 'well';
  let taken = 0;
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
  return {
    url: zitadel.url,
    setMood: (next) => {
      mood = next;
    },
    take() {
      const calls = zitadel.calls() - taken;
      taken += calls;
      return calls;
    },
    close: zitadel.close,
  };
}
