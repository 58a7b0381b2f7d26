import type { BenchOptions, Goal, Measured, Section } from '../section.ts';
import { lines } from '../svg.ts';
import { measureOurs } from './ours.ts';
import { leastExchanges, measureStrategy, STRATEGIES } from './strategies.ts';
import { INSTANCES, type Load, PROFILES, SANDBOXES } from './traffic.ts';
import { costPerMillion, type Work } from './work.ts';

const HOUR_MS = 3_600_000;
const QUICK_MS = 600_000;
const RATES = [10, 100, 1000] as const;
const QUICK_RATES = [10, 100] as const;
const LIVES_S = { '12 h': 43_200, '5 min': 300 } as const;
const PLOTTED = { perSecond: 100, life: '5 min' } as const;

/** A token is renewed after 70 to 75 % of its life. */
const SHARES = { latest: 0.75, earliest: 0.7 } as const;

/** Some way to keep tokens, at some rate, with tokens of some life. */
interface Case {
  readonly life: keyof typeof LIVES_S;
  readonly perSecond: number;
  readonly name: string;
  readonly work: Work;
  readonly least: { readonly fewest: number; readonly most: number };
}

/** The exchanges that came before the share of the last token's life was over: for these there was no reason. */
const tooEarly = ({ obtainedAtMs }: Work, lifeS: number): number =>
  obtainedAtMs.reduce(
    (sum, times) =>
      // ZITADEL says one second less than a life has.
      sum +
      times.filter((at, index) => index > 0 && at - (times[index - 1] ?? 0) < SHARES.earliest * (lifeS - 1) * 1000)
        .length,
    0,
  );

async function measure(load: Load, life: keyof typeof LIVES_S): Promise<readonly Case[]> {
  const lifeS = LIVES_S[life];
  const least = {
    fewest: leastExchanges(load, lifeS, SHARES.latest),
    most: leastExchanges(load, lifeS - 1, SHARES.earliest),
  };
  const others = Object.entries(STRATEGIES).map(([name, strategy]) => ({
    name,
    work: measureStrategy(strategy, load, lifeS),
  }));
  const all = [...others, { name: 'ours', work: await measureOurs(load, lifeS) }];
  return all.map(({ name, work }) => ({ life, perSecond: load.perSecond, name, work, least }));
}

const judge = ({ life, perSecond, work, least }: Case): Goal => {
  const early = tooEarly(work, LIVES_S[life]);
  return {
    name: `exchanges, tokens of ${life}, ${perSecond} requests/s: the least, none before its time`,
    wanted: `${least.fewest}–${least.most}`,
    reached: `${work.exchanges}${early === 0 ? '' : `, ${early} too early`}`,
    isMet: work.exchanges <= least.most && early === 0,
  };
};

/** Exchanges up to each minute. */
function upTo({ byMinute }: Work, minutes: number): readonly (readonly [number, number])[] {
  let sum = 0;
  return Array.from({ length: minutes }, (_, minute) => {
    sum += byMinute[minute] ?? 0;
    return [minute + 1, sum] as const;
  });
}

function plot(cases: readonly Case[], minutes: number): string {
  const plotted = cases.filter(({ life, perSecond }) => life === PLOTTED.life && perSecond === PLOTTED.perSecond);
  return lines(
    `Exchanges, ${PLOTTED.perSecond} requests/s, tokens of ${PLOTTED.life}`,
    plotted.map(({ name, work }) => ({ name, points: upTo(work, minutes) })),
    { xLabel: 'minutes', yLabel: 'exchanges so far', isLogarithmic: true },
  );
}

async function run({ isQuick, note }: BenchOptions): Promise<Measured> {
  const forMs = isQuick ? QUICK_MS : HOUR_MS;
  const cases: Case[] = [];
  for (const life of ['12 h', '5 min'] as const) {
    for (const perSecond of isQuick ? QUICK_RATES : RATES) {
      cases.push(...(await measure({ perSecond, forMs }, life)));
      note(`savings: tokens of ${life}, ${perSecond} requests/s`);
    }
  }
  const minutes = forMs / 60_000;
  return {
    tables: [
      {
        title: `${minutes} minutes: ${PROFILES} profiles, ${SANDBOXES} sandboxes, ${INSTANCES} instances of each service`,
        columns: [
          'tokens of',
          'requests/s',
          'kept',
          'exchanges',
          'least',
          'secrets read',
          'table read',
          'table written',
          '$ for a million',
        ],
        rows: cases.map(({ life, perSecond, name, work, least }) => [
          life,
          perSecond,
          name,
          work.exchanges,
          `${least.fewest}–${least.most}`,
          work.secretReads,
          work.tableReads,
          work.tableWrites,
          costPerMillion(work).toFixed(2),
        ]),
      },
    ],
    goals: cases.filter(({ name }) => name === 'ours').map(judge),
    ratios: Object.fromEntries(
      cases.map(({ life, perSecond, name, work, least }) => [
        `${name}, exchanges × the least, tokens of ${life}, ${perSecond} requests/s`,
        work.exchanges / least.most,
      ]),
    ),
    plots: { exchanges: plot(cases, minutes) },
    raw: cases.map(({ work: { obtainedAtMs: _, ...work }, ...rest }) => ({ ...rest, work })),
  };
}

/** The calls that the broker spares, beside other ways to keep tokens. */
export const savingsSection: Section = { name: 'savings', title: 'Work saved', run };
