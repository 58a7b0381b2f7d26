import { Agent, request } from 'node:http';
import { createGateway } from '../../../infra/local/gateway/server.ts';
import { createRoutes } from '../../../infra/local/routes.ts';
import { createSecretsManager } from '../../../infra/local/secrets-manager.ts';
import { readBody } from '../../../infra/local/stand-in.ts';
import { createTable } from '../../../infra/local/table.ts';
import { createSandbox } from '../../../lib/compose/sandbox.ts';
import type { Clock } from '../../../lib/core/clock.ts';
import { caller } from '../../support/principals.ts';
import { profilesOf } from '../../support/profiles.ts';
import { sendSigned } from '../../support/signed-request.ts';
import { DIRECT_FORM, DIRECT_HEADERS, FORM, ordersProfile, SECRET } from '../setting.ts';

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

/** The time of the table: that of the broker, whose clock is put forward. */
let tableNow: () => number = Date.now;

/** The broker behind its gateway, asked with signed requests. */
const createOurs: CreateContender = async (issuer, clock) => {
  tableNow = clock.now;
  const env = { TABLE_NAME: 'tokens', BROKER_LOCAL: 'true' };
  const sandbox = createSandbox(profilesOf(ordersProfile(issuer)), env, { clock, write: () => undefined });
  const gateway = await createGateway({ routes: createRoutes(() => sandbox), principals: [caller], now: clock.now });
  const url = `${gateway.url}/orders/oauth/v2/token`;
  return {
    async ask() {
      const at = new Date(clock.now());
      const { status, headers, json } = await sendSigned({ url, principal: caller, at, body: FORM });
      const leftS = status === 200 ? Number(json.expires_in) : undefined;
      return { leftS, retryAfterS: Number(headers['retry-after'] ?? 0) };
    },
    close: gateway.close,
  };
};

/** All contenders. 10 s is what `ReuseTokenSource` of golang.org/x/oauth2 takes. */
export const CONTENDERS: Readonly<Record<string, CreateContender>> = {
  'memory only': createCache(0, false),
  'mutex, 10 s early': createCache(10_000, true),
  ours: createOurs,
};

/** Starts the AWS services, once for all brokers: their addresses are read from the environment. Answers how to stop. */
export async function startServices(): Promise<() => Promise<unknown>> {
  const [secrets, table] = await Promise.all([
    createSecretsManager({ now: Date.now }),
    createTable({ tableName: 'tokens', now: () => tableNow() }),
  ]);
  secrets.put('orders', SECRET);
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIABENCHMARK',
    AWS_SECRET_ACCESS_KEY: 'benchmark',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ENDPOINT_URL_DYNAMODB: table.url,
  });
  return () => Promise.all([secrets.close(), table.close()]);
}
