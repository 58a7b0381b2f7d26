import { createTokenFunctions } from '../../../lib/compose/tokens.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { ok } from '../../../lib/core/result.ts';
import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { withCrypto } from '../../proof/runner/crypto.ts';
import { createRandom } from '../../proof/runner/random.ts';
import { createScheduler } from '../../proof/runner/scheduler.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { profilesOf } from '../../support/profiles.ts';
import { START } from '../../support/rig.ts';
import { FORM, serviceName, serviceProfiles, tokenAnswer } from '../setting.ts';
import { createTraffic, type Load, PROFILES, type Request, SANDBOXES } from './traffic.ts';
import { countTokenRequest, LATENCY_MS, noWork, type Work } from './work.ts';

const profiles = profilesOf(serviceProfiles(PROFILES, (name) => ({ secret: name, scopes: ['openid'] })));
const EVENTS = Array.from({ length: PROFILES }, (_, profile) => tokenEvent(serviceName(profile), FORM));

/** Long enough for all that is still under way when the traffic ends. */
const LAST_MS = 30_000;

/** The number of the profile whose client sends this. */
const profileOf = (authorization: string): number => {
  const [clientId = ''] = Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':');
  return Number(clientId.slice('service-'.length));
};

/**
 * The work of the broker: its real code, in sandboxes that share a table, on virtual time.
 * @throws {Error} if a request is not answered with a token
 */
export function measureOurs(load: Load, tokenLifeS: number): Promise<Work> {
  return withCrypto(async () => {
    const work = noWork();
    const random = createRandom(`ours ${load.perSecond} ${tokenLifeS}`);
    const scheduler = createScheduler(START, random);
    const table = createMemoryTable();
    const invocation = context();
    const places = new Array<ReturnType<typeof start> | undefined>(SANDBOXES);

    function start(number: number) {
      const lane = scheduler.lane(`sandbox ${number}`, 0);
      /** Until a service has answered, if the sandbox still lives then. */
      const answered = (service: keyof typeof LATENCY_MS) =>
        new Promise<void>((resolve) => lane.receive(LATENCY_MS[service], resolve));
      const overrides = {
        clock: lane.clock,
        random: random.next,
        uuid: () => `${number} ${random.next()}`,
        write: () => undefined,
        table: {
          aheadMs: () => 0,
          read: async (...asked: Parameters<typeof table.read>) => {
            work.tableReads += 1;
            await answered('table');
            return table.read(...asked);
          },
          update: async (...written: Parameters<typeof table.update>) => {
            work.tableWrites += 1;
            await answered('table');
            return table.update(...written);
          },
        },
        secrets: {
          read: async (secret: string) => {
            work.secretReads += 1;
            await answered('secrets');
            return ok(redacted(JSON.stringify({ clientId: secret, clientSecret: 'a secret of nobody' })));
          },
        },
        send: async ({ authorization = '' }) => {
          countTokenRequest(work, profileOf(authorization), scheduler.now() - START);
          const token = tokenAnswer(`token-${work.tokenRequests}`, tokenLifeS - 1);
          await answered('zitadel');
          return ok(token);
        },
      };
      return { number, lane, ...createTokenFunctions(profiles, { TABLE_NAME: 'tokens' }, overrides) };
    }

    function occupant({ place, sandbox }: Request) {
      const found = places[place];
      if (found?.number === sandbox) return found;
      // It dies between requests; its own background work is lost.
      found?.lane.kill();
      const started = start(sandbox);
      places[place] = started;
      return started;
    }

    let failed: GatewayAnswer | undefined;
    const traffic = createTraffic(load);
    const askNext = () => {
      const { value: request } = traffic.next();
      if (!request) return;
      scheduler.at(START + request.atMs, () => {
        const askedAt = scheduler.now();
        work.requests += 1;
        // It never rejects.
        void occupant(request)
          .token(EVENTS[request.profile], invocation)
          .then((answer) => {
            work.lambdaMs += Math.max(1, Math.ceil(scheduler.now() - askedAt));
            if (answer.statusCode !== 200) failed = answer;
          });
        askNext();
      });
    };
    askNext();
    await scheduler.run(START + load.forMs + LAST_MS);
    if (failed !== undefined) throw new Error(`a request was answered ${failed.statusCode}`);
    return work;
  });
}
