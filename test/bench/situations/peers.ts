import { Agent, request } from 'node:http';
import { readBody } from '../../../infra/local/stand-in.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };
import type { Answer, CreateContender } from './contender.ts';

interface Held {
  readonly untilMs: number;
}

const { clientId, clientSecret } = accounts.saSecret;
const headers = {
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
  'content-type': 'application/x-www-form-urlencoded',
};

const NO_TOKEN: Answer = { isToken: false };

/** One exchange, without a limit of time, as is the default of most clients; nothing where it comes to no token. */
const exchange = (issuer: string, agent: Agent, nowMs: () => number): Promise<Held | undefined> =>
  new Promise((resolve) => {
    const asked = request(`${issuer}/oauth/v2/token`, { method: 'POST', headers, agent }, async (answer) => {
      const text = await readBody(answer);
      const isOk = answer.statusCode === 200;
      resolve(isOk ? { untilMs: nowMs() + JSON.parse(text).expires_in * 1000 } : undefined);
    });
    asked.on('error', () => resolve(undefined));
    asked.end('grant_type=client_credentials&scope=openid');
  });

const show = (held: Held | undefined, nowMs: number): Answer =>
  held === undefined ? NO_TOKEN : { isToken: true, leftS: (held.untilMs - nowMs) / 1000 };

/** Keeps the token until its end; whoever finds none asks, and so does everybody else meanwhile. */
export const createMemoryOnly: CreateContender = async (issuer, clock) => {
  const agent = new Agent({ keepAlive: true });
  let held: Held | undefined;
  return {
    async ask() {
      if (held === undefined || held.untilMs <= clock.now()) {
        const obtained = await exchange(issuer, agent, clock.now);
        if (obtained === undefined) return NO_TOKEN;
        held = obtained;
      }
      return show(held, clock.now());
    },
    close: async () => agent.destroy(),
  };
};

/** As `ReuseTokenSource` of golang.org/x/oauth2: a token is used up 10 s before its end. */
const EARLY_MS = 10_000;

/** One at a time looks whether the token is still good, and renews it if not; all others wait for their turn. */
export const createMutex: CreateContender = async (issuer, clock) => {
  const agent = new Agent({ keepAlive: true });
  let held: Held | undefined;
  let turn: Promise<Answer> = Promise.resolve(NO_TOKEN);
  const ask = async (): Promise<Answer> => {
    if (held !== undefined && held.untilMs - EARLY_MS > clock.now()) return show(held, clock.now());
    const obtained = await exchange(issuer, agent, clock.now);
    if (obtained === undefined) return NO_TOKEN;
    held = obtained;
    return show(held, clock.now());
  };
  return {
    ask() {
      turn = turn.then(ask);
      return turn;
    },
    close: async () => agent.destroy(),
  };
};
