import { note } from '../../support/command.ts';
import { type Goal, section } from '../section.ts';
import { LIVES } from '../setting.ts';
import { measureOurs } from './ours.ts';
import { leastTokenRequests, measureStrategy, STRATEGIES } from './strategies.ts';
import { INSTANCES, type Load, PROFILES, SANDBOXES } from './traffic.ts';
import { costPerMillion, type Work } from './work.ts';

/** A token is renewed after 70 to 75 % of its life. */
const SHARES = { latest: 0.75, earliest: 0.7 } as const;

/** Some way to keep tokens, at some rate, with tokens of some life. */
type Case = Awaited<ReturnType<typeof measure>>[number];

async function measure(load: Load, { life, lifeS }: (typeof LIVES)[number]) {
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
    // Before the last token was due for renewal, there was no reason for a token request.
    return { life, perSecond: load.perSecond, name, least, work, tooEarly: early.length };
  });
}

const judge = ({ life, perSecond, work, least, tooEarly }: Case): Goal => ({
  name: `token requests, tokens of ${life}, ${perSecond} requests/s: the least, none before its time`,
  wanted: `${least.fewest}–${least.most}`,
  reached: `${work.tokenRequests}${tooEarly === 0 ? '' : `, ${tooEarly} too early`}`,
  isMet: work.tokenRequests <= least.most && tooEarly === 0,
});

/** The calls that the broker saves, beside other ways to keep tokens. */
export const savingsSection = section({
  name: 'savings',
  title: 'Work saved',
  whole: { minutes: 60, rates: [10, 100, 1000] },
  quick: { minutes: 10, rates: [10, 100] },
  async measure({ minutes, rates }) {
    const cases: Case[] = [];
    for (const life of LIVES) {
      for (const perSecond of rates) {
        cases.push(...(await measure({ perSecond, forMs: minutes * 60_000 }, life)));
        note(`tokens of ${life.life}, ${perSecond} requests/s`);
      }
    }
    return cases;
  },
  show: (cases, { minutes }) => ({
    tables: [
      {
        title: `${minutes} minutes: ${PROFILES} profiles, ${SANDBOXES} sandboxes, ${INSTANCES} instances of each service`,
        rows: cases.map(({ life, perSecond, name, work, least }) => ({
          'tokens of': life,
          'requests/s': perSecond,
          kept: name,
          'token requests': work.tokenRequests,
          least: `${least.fewest}–${least.most}`,
          'secrets read': work.secretReads,
          'table read': work.tableReads,
          'table written': work.tableWrites,
          '$ for a million': costPerMillion(work).toFixed(2),
        })),
      },
    ],
    goals: cases.filter(({ name }) => name === 'ours').map(judge),
    // Runs are compared by these names: `exchanges` are token requests.
    ratios: cases.map(({ life, perSecond, name, work, least }) => [
      `${name}, exchanges × the least, tokens of ${life}, ${perSecond} requests/s`,
      work.tokenRequests / least.most,
    ]),
    plots: [
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
  }),
});
