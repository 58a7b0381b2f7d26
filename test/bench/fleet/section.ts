import type { Instant } from '../../../client/src/decision.ts';
import { createTokens } from '../../../client/src/tokens.ts';
import { atMost, type BenchOptions, type Measured, type Section } from '../section.ts';

const SERVICES = 200;
/** Of each service: processes, each with a client of its own. */
const INSTANCES = 5;
const PER_SECOND = 1_000;

const MINUTE_MS = 60_000;
const MONTH_DAYS = 30;
/** The part of a month that is played; what it costs is the same in each. */
const PLAYED_DAYS = 3;
const QUICK_DAYS = 1;
const DAY_MINUTES = 1_440;

const LIVES = [
  { life: '12 h', lifeMs: 43_200_000 },
  { life: '5 min', lifeMs: 300_000 },
] as const;

/** A million requests at the broker: HTTP API, Lambda, logs (docs/deploy.md#costs). */
const USD_PER_MILLION = 1.7;
const MILLION = 1_000_000;

interface Case {
  readonly life: string;
  readonly kept: 'nothing' | 'by the client';
  readonly requestsAMonth: number;
}

const dollars = ({ requestsAMonth }: Case): number => (requestsAMonth / MILLION) * USD_PER_MILLION;

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

async function run({ isQuick, note }: BenchOptions): Promise<Measured<readonly Case[]>> {
  const days = isQuick ? QUICK_DAYS : PLAYED_DAYS;
  const cases: Case[] = [];
  for (const { life, lifeMs } of LIVES) {
    const requests = await play(days * DAY_MINUTES, lifeMs);
    const all = PER_SECOND * DAY_MINUTES * 60 * MONTH_DAYS;
    cases.push({ life, kept: 'nothing', requestsAMonth: all });
    cases.push({ life, kept: 'by the client', requestsAMonth: Math.round((requests / days) * MONTH_DAYS) });
    note(`fleet: tokens of ${life}`);
  }
  return {
    tables: [
      {
        title: `A month of ${SERVICES} services with ${INSTANCES} instances each, ${PER_SECOND} requests/s together (${days} days played)`,
        columns: 'tokens of | kept | requests at the broker | USD',
        rows: cases.map((one) => [
          one.life,
          one.kept,
          one.requestsAMonth.toLocaleString('en'),
          dollars(one).toLocaleString('en', { maximumFractionDigits: 2 }),
        ]),
      },
    ],
    goals: cases
      .filter(({ kept }) => kept !== 'nothing')
      .map((one) => {
        const { lifeMs } = LIVES.find(({ life }) => life === one.life) ?? { lifeMs: Number.NaN };
        // Each instance needs one at the start, and 70 % of a life is the earliest renewal.
        const each = 1 + Math.floor((days * DAY_MINUTES * MINUTE_MS) / (0.7 * lifeMs));
        const most = (SERVICES * INSTANCES * each * MONTH_DAYS) / days;
        return atMost(`fleet, requests a month, tokens of ${one.life}`, one.requestsAMonth, most, 0);
      }),
    ratios: {},
    raw: cases,
  };
}

/** What a fleet of services costs at the broker, with the client and without it, on virtual time. */
export const fleetSection: Section<readonly Case[]> = { name: 'fleet', title: 'A fleet', run, plots: () => [] };
