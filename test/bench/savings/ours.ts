import { createTokenFunctions, type TokenFunctions } from '../../../lib/compose/tokens.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { ok } from '../../../lib/core/result.ts';
import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { withCrypto } from '../../proof/simulation/batch.ts';
import { createRandom } from '../../proof/simulation/random.ts';
import { createScheduler, type Lane } from '../../proof/simulation/scheduler.ts';
import { tokenEvent } from '../../support/events.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { profilesOf } from '../../support/profiles.ts';
import { START } from '../../support/rig.ts';
import { createTraffic, type Load, PROFILES, SANDBOXES } from './traffic.ts';
import { countExchange, LATENCY_MS, noWork, type Work } from './work.ts';

const ISSUER = 'https://zitadel.example';
const name = (profile: number): string => `service-${profile}`;

const profiles = profilesOf({
  profiles: Object.fromEntries(
    Array.from({ length: PROFILES }, (_, profile) => [
      name(profile),
      {
        issuer: ISSUER,
        secret: name(profile),
        scopes: ['openid'],
        callers: ['arn:aws:iam::123456789012:role/orders-service'],
      },
    ]),
  ),
});

const JSON_ANSWER = { 'content-type': 'application/json' };

const EVENTS = Array.from({ length: PROFILES }, (_, profile) =>
  tokenEvent(name(profile), 'grant_type=client_credentials'),
);

interface Sandbox {
  readonly number: number;
  readonly lane: Lane;
  readonly functions: TokenFunctions;
}

/**
 * The work of the broker: its real code, in sandboxes that share a table, on virtual time.
 * @throws {Error} where a request is not answered with a token
 */
export function measureOurs(load: Load, tokenLifeS: number): Promise<Work> {
  return withCrypto(async () => {
    const work = noWork(PROFILES);
    const random = createRandom(`ours ${load.perSecond} ${tokenLifeS}`);
    const scheduler = createScheduler(START, random);
    const table = createMemoryTable();
    const context = { getRemainingTimeInMillis: () => 15_000 };
    const places = new Array<Sandbox | undefined>(SANDBOXES);

    /** What a service answers, when the time has come, and if anybody is left to hear it. */
    const later = <T>(lane: Lane, delayMs: number, answer: () => T): Promise<T> =>
      new Promise((resolve) => lane.receive(delayMs, () => resolve(answer())));

    function start(number: number): Sandbox {
      const lane = scheduler.lane(`sandbox ${number}`, 0);
      const functions = createTokenFunctions(
        profiles,
        { TABLE_NAME: 'tokens' },
        {
          clock: lane.clock,
          random: random.next,
          uuid: () => `${number} ${random.next()}`,
          write: () => undefined,
          table: {
            read: async (key) => {
              work.tableReads += 1;
              return (await later(lane, LATENCY_MS.table, () => table.read(key))) as Awaited<
                ReturnType<typeof table.read>
              >;
            },
            update: async (key, update) => {
              work.tableWrites += 1;
              return later(lane, LATENCY_MS.table, () => table.update(key, update));
            },
          },
          secrets: {
            read: (secret) => {
              work.secretReads += 1;
              const text = JSON.stringify({ clientId: secret, clientSecret: 'a secret of nobody' });
              return later(lane, LATENCY_MS.secrets, () => ok(redacted(text)));
            },
          },
          send: ({ authorization = '' }) => {
            const clientId = Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':')[0] ?? '';
            countExchange(work, Number(clientId.slice('service-'.length)), scheduler.now() - START);
            const token = { access_token: `token-${work.exchanges}`, token_type: 'Bearer', expires_in: tokenLifeS - 1 };
            return later(lane, LATENCY_MS.zitadel, () =>
              ok({ status: 200, headers: JSON_ANSWER, body: JSON.stringify(token) }),
            );
          },
        },
      );
      return { number, lane, functions };
    }

    function occupant(place: number, number: number): Sandbox {
      const found = places[place];
      if (found?.number === number) return found;
      // It dies between requests; what it was doing for its own sake is lost with it.
      found?.lane.kill();
      const started = start(number);
      places[place] = started;
      return started;
    }

    let failed: GatewayAnswer | undefined;
    const traffic = createTraffic(load);
    const askNext = () => {
      const { value: request } = traffic.next();
      if (!request) return;
      const { profile, place, sandbox } = request;
      scheduler.at(START + request.atMs, () => {
        const askedAt = scheduler.now();
        work.requests += 1;
        // It never rejects.
        void occupant(place, sandbox)
          .functions.token(EVENTS[profile], context)
          .then((answer) => {
            work.lambdaMs += Math.max(1, Math.ceil(scheduler.now() - askedAt));
            if (answer.statusCode !== 200) failed = answer;
          });
        askNext();
      });
    };
    askNext();
    await scheduler.run(START + load.forMs + 30_000);
    if (failed !== undefined) throw new Error(`a request was answered ${failed.statusCode}`);
    return work;
  });
}
