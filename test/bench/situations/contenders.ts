import { Agent, request } from 'node:http';
import { readBody } from '../../../infra/local/stand-in.ts';
import type { Clock } from '../../../lib/core/clock.ts';
import { caller } from '../../support/principals.ts';
import { sendSigned } from '../../support/signed-request.ts';
import { startBroker } from '../broker.ts';
import { DIRECT_FORM, DIRECT_HEADERS, FORM } from '../setting.ts';

/** What a caller gets. */
export interface Answer {
  /** What is left of the token's life, in seconds; `undefined` if there is no token. */
  readonly leftS: number | undefined;
  /** How long the caller was told to wait, in seconds. */
  readonly retryAfterS: number;
}

/** A way to tokens that many callers share. It never rejects. */
export interface Contender {
  readonly ask: () => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** Creates a contender with nothing in its memory, in front of a ZITADEL. */
export type CreateContender = (issuer: string, clock: Clock) => Promise<Contender>;

const NO_TOKEN: Answer = { leftS: undefined, retryAfterS: 0 };

/**
 * One token request, without a time limit, as is the default of most clients.
 * @returns the life of the token in seconds; nothing if there is no token
 */
const requestToken = (issuer: string, agent: Agent): Promise<number | undefined> =>
  new Promise((resolve) => {
    const options = { method: 'POST', headers: DIRECT_HEADERS, agent };
    const sent = request(`${issuer}/oauth/v2/token`, options, async (answer) => {
      const text = await readBody(answer);
      resolve(answer.statusCode === 200 ? JSON.parse(text).expires_in : undefined);
    });
    sent.on('error', () => resolve(undefined));
    sent.end(DIRECT_FORM);
  });

/**
 * A cache in memory that uses its token until `earlyMs` before its end. Callers who find none obtain one: all of them at
 * once, or one after the other while the others wait for their turn.
 */
const createCache =
  (earlyMs: number, isInTurn: boolean): CreateContender =>
  async (issuer, clock) => {
    const agent = new Agent({ keepAlive: true });
    let untilMs = 0;
    let turn = Promise.resolve(NO_TOKEN);
    const look = async (): Promise<Answer> => {
      if (untilMs - earlyMs <= clock.now()) {
        const lifeS = await requestToken(issuer, agent);
        if (lifeS === undefined) return NO_TOKEN;
        untilMs = clock.now() + lifeS * 1000;
      }
      return { leftS: (untilMs - clock.now()) / 1000, retryAfterS: 0 };
    };
    const lookInTurn = () => {
      turn = turn.then(look);
      return turn;
    };
    return { ask: isInTurn ? lookInTurn : look, close: async () => agent.destroy() };
  };

/** The broker behind its gateway, asked with signed requests. */
const createOurs: CreateContender = async (issuer, clock) => {
  const { gateway, close } = await startBroker(issuer, { clock, write: () => undefined });
  const url = `${gateway.url}/orders/oauth/v2/token`;
  return {
    async ask() {
      const { status, headers, json } = await sendSigned({ url, principal: caller, at: new Date(), body: FORM });
      const leftS = status === 200 ? Number(json.expires_in) : undefined;
      return { leftS, retryAfterS: Number(headers['retry-after'] ?? 0) };
    },
    close,
  };
};

/** All contenders. 10 s is what `ReuseTokenSource` of golang.org/x/oauth2 takes. */
export const CONTENDERS = {
  'memory only': createCache(0, false),
  'mutex, 10 s early': createCache(10_000, true),
  ours: createOurs,
} as const;
