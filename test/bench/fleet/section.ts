import type { Instant } from '../../../client/src/decision.ts';
import { createTokens } from '../../../client/src/tokens.ts';
import { note } from '../../support/command.ts';
import { atMost, section } from '../section.ts';
import { LIVES } from '../setting.ts';

const SERVICES = 200;
/** Of each service: processes, each with a client of its own. */
const INSTANCES = 5;
const PER_SECOND = 1_000;

const MINUTE_MS = 60_000;
const MONTH_DAYS = 30;
const DAY_MINUTES = 1_440;

/** A million requests at the broker: HTTP API, Lambda, logs (docs/deploy.md#costs). */
const USD_PER_MILLION = 1.7;
const MILLION = 1_000_000;

/** The requests at the broker in a number of minutes: each instance needs a token several times in each. */
async function play(minutes: number, lifeMs: number): Promise<number> {
  let nowMs = 0;
  let requests = 0;
  const instant = (): Instant => ({ wall: nowMs, steady: nowMs });
  // Any sequence does: it spreads the renewals.
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const instances = Array.from({ length: SERVICES * INSTANCES }, () => createTokens(instant, random));
  const obtain = async () => {
    requests += 1;
    return { token: `token-${requests}`, lifeMs };
  };
  for (let minute = 0; minute < minutes; minute += 1) {
    nowMs = minute * MINUTE_MS;
    await Promise.all(instances.map((tokens) => tokens.get('orders', obtain)));
  }
  return requests;
}

/** What a fleet of services costs at the broker, with the client and without it, on virtual time. */
export const fleetSection = section({
  name: 'fleet',
  title: 'A fleet',
  /** The part of a month that is played; what it costs is the same in each. */
  whole: { days: 3 },
  quick: { days: 1 },
  async measure({ days }) {
    const cases = [];
    for (const { life, lifeS } of LIVES) {
      const requests = await play(days * DAY_MINUTES, lifeS * 1000);
      const all = PER_SECOND * DAY_MINUTES * 60 * MONTH_DAYS;
      cases.push({ life, kept: 'nothing', requestsAMonth: all });
      cases.push({ life, kept: 'by the client', requestsAMonth: Math.round((requests / days) * MONTH_DAYS) });
      note(`tokens of ${life}`);
    }
    return cases;
  },
  show(cases, { days }) {
    const goals = LIVES.map(({ life, lifeS }) => {
      // Each instance needs one at the start, and 70 % of a life is the earliest renewal.
      const each = 1 + Math.floor((days * DAY_MINUTES * MINUTE_MS) / (0.7 * lifeS * 1000));
      const most = (SERVICES * INSTANCES * each * MONTH_DAYS) / days;
      const kept = cases.find((one) => one.life === life && one.kept !== 'nothing');
      return atMost(`fleet, requests a month, tokens of ${life}`, kept?.requestsAMonth ?? Number.NaN, most, 0);
    });
    return {
      tables: [
        {
          title: `A month of ${SERVICES} services with ${INSTANCES} instances each, ${PER_SECOND} requests/s together (${days} days played)`,
          rows: cases.map(({ life, kept, requestsAMonth }) => ({
            'tokens of': life,
            kept,
            'requests at the broker': requestsAMonth.toLocaleString('en'),
            USD: ((requestsAMonth / MILLION) * USD_PER_MILLION).toLocaleString('en', { maximumFractionDigits: 2 }),
          })),
        },
      ],
      goals,
    };
  },
});
