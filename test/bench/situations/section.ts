import type { BenchOptions, Measured, Section } from '../section.ts';
import { CONTENDERS, startServices } from './contenders.ts';
import { type Moment, situations } from './situations.ts';
import { play } from './stage.ts';

const STREAM_MS = 60_000;
const QUICK_STREAM_MS = 20_000;

/** The moments whose waits are plotted: ZITADEL answers 500, and ZITADEL takes 3 s. */
const PLOTTED = [1, 6];

/** What one contender's callers have met; all contenders have the same moments. */
type Raw = readonly { readonly name: string; readonly moments: readonly Omit<Moment, 'goals'>[] }[];

/** Plays all situations with all contenders. */
async function playAll(streamMs: number, note: BenchOptions['note']) {
  const all = Object.entries(CONTENDERS).map(([name, create]) => ({ name, create, moments: [] as Moment[] }));
  for (const { isQuiet, tokenLifetimeSeconds, play: situation } of situations(streamMs)) {
    const playWith = async ({ name, create, moments }: (typeof all)[number]) => {
      const played = await play(create, tokenLifetimeSeconds, situation);
      moments.push(...played);
      for (const { name: what } of played) note(`situations: ${what}: ${name}`);
    };
    // Crowds would slow each other down; contenders that wait most of the time may do so side by side.
    if (isQuiet) await Promise.all(all.map(playWith));
    else for (const contender of all) await playWith(contender);
  }
  return all;
}

const showRow = (name: string, { name: situation, met }: Omit<Moment, 'goals'>) => {
  const { calls, callers, errors, waitP50Ms, waitMaxMs, leastLeftS } = met;
  const left = leastLeftS?.toFixed(0) ?? '–';
  return [situation, name, calls, `${errors} of ${callers}`, waitP50Ms.toFixed(0), waitMaxMs.toFixed(0), left];
};

/** One moment, as each contender's callers have met it. */
const momentOf = (raw: Raw, index: number) =>
  raw.flatMap(({ name, moments: { [index]: moment } }) => (moment === undefined ? [] : [{ name, moment }]));

async function run({ isQuick, note }: BenchOptions): Promise<Measured<Raw>> {
  const stopServices = await startServices();
  const all = await playAll(isQuick ? QUICK_STREAM_MS : STREAM_MS, note).finally(stopServices);
  const ours = all.find(({ name }) => name === 'ours')?.moments ?? [];
  const raw = all.map(({ name, moments }) => ({ name, moments: moments.map(({ goals: _, ...moment }) => moment) }));
  return {
    tables: [
      {
        title: 'ZITADEL answers after 50 ms, unless something else is said',
        columns: 'situation | asked | calls of ZITADEL | errors | wait p50, ms | longest wait, ms | least left, s',
        rows: [...ours.keys()].flatMap((index) =>
          momentOf(raw, index).map(({ name, moment }) => showRow(name, moment)),
        ),
      },
    ],
    goals: ours.flatMap(({ goals }) => goals),
    // Counts, and waits that others set: there is nothing to divide.
    ratios: {},
    raw,
  };
}

/** What callers of shared caches meet when many come at once, or ZITADEL is not well. */
export const situationsSection: Section<Raw> = {
  name: 'situations',
  title: 'Situations that hurt callers',
  run,
  plots: (raw) => [
    {
      name: 'situations',
      title: 'Longest wait of a caller',
      kind: 'dots',
      unit: 'ms',
      marks: PLOTTED.flatMap((index) => momentOf(raw, index)).map(({ name, moment: { name: panel, met } }) => ({
        program: name,
        panel,
        value: met.waitMaxMs,
      })),
    },
  ],
};
