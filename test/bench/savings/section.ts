import type { BenchOptions, Goal, Measured, Section } from '../section.ts';
import { measureOurs } from './ours.ts';
import { leastTokenRequests, measureStrategy, STRATEGIES } from './strategies.ts';
import { INSTANCES, type Load, PROFILES, SANDBOXES } from './traffic.ts';
import { type Costs, costPerMillion, type Work } from './work.ts';

const HOUR_MS = 3_600_000;
const QUICK_MS = 600_000;
const RATES = [10, 100, 1000] as const;
const QUICK_RATES = [10, 100] as const;
const LIVES = [
  { life: '12 h', lifeS: 43_200 },
  { life: '5 min', lifeS: 300 },
] as const;

/** A token is renewed after 70 to 75 % of its life. */
const SHARES = { latest: 0.75, earliest: 0.7 } as const;

/** Some way to keep tokens, at some rate, with tokens of some life. */
interface Case {
  readonly life: string;
  readonly perSecond: number;
  readonly name: string;
  readonly least: { readonly fewest: number; readonly most: number };
  readonly work: Costs;
  /** Token requests before the last token was due for renewal: there was no reason for these. */
  readonly tooEarly: number;
}

async function measure(load: Load, { life, lifeS }: (typeof LIVES)[number]): Promise<readonly Case[]> {
  // ZITADEL says one second less than a life has.
  const earliestMs = SHARES.earliest * (lifeS - 1) * 1000;
  const least = {
    fewest: leastTokenRequests(load, SHARES.latest * lifeS * 1000),
    most: leastTokenRequests(load, earliestMs),
  };
  const works: Record<string, Work> = {};
  for (const [name, strategy] of Object.entries(STRATEGIES))
    works[name] = measureStrategy(strategy(lifeS * 1000), load);
  works.ours = await measureOurs(load, lifeS);
  return Object.entries(works).map(([name, { obtainedAtMs, ...work }]) => {
    const early = obtainedAtMs.flatMap((times) =>
      times.filter((at, index) => index > 0 && at - (times[index - 1] ?? 0) < earliestMs),
    );
    return { life, perSecond: load.perSecond, name, least, work, tooEarly: early.length };
  });
}

const judge = ({ life, perSecond, work, least, tooEarly }: Case): Goal => ({
  name: `token requests, tokens of ${life}, ${perSecond} requests/s: the least, none before its time`,
  wanted: `${least.fewest}–${least.most}`,
  reached: `${work.tokenRequests}${tooEarly === 0 ? '' : `, ${tooEarly} too early`}`,
  isMet: work.tokenRequests <= least.most && tooEarly === 0,
});

async function run({ isQuick, note }: BenchOptions): Promise<Measured<readonly Case[]>> {
  const forMs = isQuick ? QUICK_MS : HOUR_MS;
  const cases: Case[] = [];
  for (const life of LIVES) {
    for (const perSecond of isQuick ? QUICK_RATES : RATES) {
      cases.push(...(await measure({ perSecond, forMs }, life)));
      note(`savings: tokens of ${life.life}, ${perSecond} requests/s`);
    }
  }
  return {
    tables: [
      {
        title: `${forMs / 60_000} minutes: ${PROFILES} profiles, ${SANDBOXES} sandboxes, ${INSTANCES} instances of each service`,
        columns:
          'tokens of | requests/s | kept | token requests | least | secrets read | table read | table written | $ for a million',
        rows: cases.map(({ life, perSecond, name, work, least }) => [
          life,
          perSecond,
          name,
          work.tokenRequests,
          `${least.fewest}–${least.most}`,
          work.secretReads,
          work.tableReads,
          work.tableWrites,
          costPerMillion(work).toFixed(2),
        ]),
      },
    ],
    goals: cases.filter(({ name }) => name === 'ours').map(judge),
    // Runs are compared by these names: `exchanges` are token requests.
    ratios: Object.fromEntries(
      cases.map(({ life, perSecond, name, work, least }) => [
        `${name}, exchanges × the least, tokens of ${life}, ${perSecond} requests/s`,
        work.tokenRequests / least.most,
      ]),
    ),
    raw: cases,
  };
}

/** The calls that the broker saves, beside other ways to keep tokens. */
export const savingsSection: Section<readonly Case[]> = {
  name: 'savings',
  title: 'Work saved',
  run,
  plots: (cases) => [
    {
      name: 'token-requests',
      title: `Token requests for ${PROFILES} profiles`,
      kind: 'logarithmic lines',
      unit: 'token requests to ZITADEL',
      xTitle: "callers' requests per second",
      marks: cases.map(({ life, perSecond, name, work }) => ({
        program: name,
        panel: `tokens of ${life}`,
        x: perSecond,
        value: work.tokenRequests,
      })),
    },
  ],
};
