import type { BenchOptions, Goal, Measured, Section } from '../section.ts';
import { bars } from '../svg.ts';
import type { CreateContender } from './contender.ts';
import { createOurs, startServices } from './ours.ts';
import { createMemoryOnly, createMutex } from './peers.ts';
import { type Met, play } from './play.ts';
import { cold, down, failing, type Moment, shortLife, slow } from './situations.ts';

const CONTENDERS: readonly (readonly [name: string, create: CreateContender])[] = [
  ['memory only', createMemoryOnly],
  ['mutex, 10 s early', createMutex],
  ['ours', createOurs],
];

const STREAM_MS = 60_000;
const QUICK_STREAM_MS = 20_000;
/** Tokens of 20 s are renewed after 14 to 15 s, and so never handed out with less than 5 s left. */
const WINDOW_MS = 14_000;
const LEAST_LEFT_S = 5;

const MOST_FAILED_CALLS = 2;
const MOST_FAILED_WAIT_MS = 1000;
/** The grace that a caller lends to a renewal, and its own request; the peers wait for 3 s. */
const NO_WAIT_MS = 250;

const counted = (name: string, value: number, most: number): Goal => ({
  name,
  wanted: `≤ ${most}`,
  reached: String(Math.round(value)),
  isMet: value <= most,
});

const served = (name: string, { callers, errors }: Met, isWanted: boolean): Goal => ({
  name,
  wanted: isWanted ? 'all served' : 'all refused',
  reached: `${callers - errors} of ${callers} served`,
  isMet: errors === (isWanted ? 0 : callers),
});

/** What the broker was to reach, from its moments in the order of {@link run}. */
function judge(moments: readonly Moment[], streamMs: number): readonly Goal[] {
  const [atOnce, during, after, with30, with8, with0, slowly, shortly] = moments.map(({ met }) => met);
  if (!atOnce || !during || !after || !with30 || !with8 || !with0 || !slowly || !shortly) {
    throw new Error('a situation was not played');
  }
  return [
    counted('100 cold callers: calls', atOnce.calls, 1),
    counted('500 to 100 callers: calls', during.calls, MOST_FAILED_CALLS),
    counted('500 to 100 callers: longest wait, ms', during.waitMaxMs, MOST_FAILED_WAIT_MS),
    served('well again after the Retry-After', after, true),
    served('down, 30 s left', with30, true),
    served('down, 8 s left', with8, true),
    served('down, 0 s left', with0, false),
    counted('3 s near the end: longest wait, ms', slowly.waitMaxMs, NO_WAIT_MS),
    counted('tokens of 20 s: calls, one for each window of 14 to 15 s', shortly.calls, Math.ceil(streamMs / WINDOW_MS)),
    counted('tokens of 20 s: errors', shortly.errors, 0),
    {
      name: 'tokens of 20 s: least life handed out, s',
      wanted: `≥ ${LEAST_LEFT_S}`,
      reached: String(shortly.leastLeftS),
      isMet: (shortly.leastLeftS ?? 0) >= LEAST_LEFT_S,
    },
  ];
}

async function run({ isQuick, note }: BenchOptions): Promise<Measured> {
  const streamMs = isQuick ? QUICK_STREAM_MS : STREAM_MS;
  const situations = [cold, failing, down, slow, shortLife(streamMs)];
  const closeServices = await startServices();
  const played = new Map<string, Moment[]>(CONTENDERS.map(([name]) => [name, []]));
  const playWith = async ([name, create]: (typeof CONTENDERS)[number], index: number) => {
    const situation = situations[index];
    if (situation === undefined) return;
    const moments = await play(create, situation.tokenLifetimeSeconds, situation.play);
    played.get(name)?.push(...moments);
    for (const { name: what } of moments) note(`situations: ${what}: ${name}`);
  };
  try {
    for (const [index, { isQuiet }] of situations.entries()) {
      // Crowds would slow each other down; who waits most of the time may do so beside others.
      if (isQuiet) await Promise.all(CONTENDERS.map((contender) => playWith(contender, index)));
      else for (const contender of CONTENDERS) await playWith(contender, index);
    }
  } finally {
    await closeServices();
  }
  const all = CONTENDERS.map(([name]) => ({ name, moments: played.get(name) ?? [] }));
  const ours = played.get('ours') ?? [];
  const rows = ours.flatMap(({ name: situation }, index) =>
    all.flatMap(({ name, moments }) => {
      const met = moments[index]?.met;
      if (met === undefined) return [];
      const { calls, callers, errors, waitP50Ms, waitMaxMs, leastLeftS } = met;
      const left = leastLeftS === undefined ? '–' : leastLeftS.toFixed(0);
      return [[situation, name, calls, `${errors} of ${callers}`, waitP50Ms.toFixed(0), waitMaxMs.toFixed(0), left]];
    }),
  );
  return {
    tables: [
      {
        title: 'ZITADEL answers after 50 ms, unless something else is said',
        columns: [
          'situation',
          'asked',
          'calls of ZITADEL',
          'errors',
          'wait p50, ms',
          'longest wait, ms',
          'least left, s',
        ],
        rows,
      },
    ],
    goals: judge(ours, streamMs),
    // Counts, and waits that others set: there is nothing to divide.
    ratios: {},
    plots: {
      situations: bars(
        'Longest wait while ZITADEL answers 500 to 100 callers, and while it takes 3 s',
        [1, 6].flatMap((index) =>
          all.map(({ name, moments }) => ({ name, value: moments[index]?.met.waitMaxMs ?? 0 })),
        ),
        'ms',
      ),
    },
    raw: all,
  };
}

/** What callers of shared caches meet when many come at once, or ZITADEL is not well. */
export const situationsSection: Section = { name: 'situations', title: 'Situations that hurt callers', run };
