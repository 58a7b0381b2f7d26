import { join } from 'node:path';
import { REMEMBERED } from '../../../lib/broker/obtain/memory.ts';
import { atMost, section } from '../section.ts';
import { median, ratio, showSpread } from '../stats.ts';
import { startWorker } from '../worker.ts';
import type { Program } from './child.ts';

const SIZES = [1, 100, 10_000] as const;
const BIGGEST = 10_000;
const CALLS = 2500;

const KEYS = 40_000;
const HALF = KEYS / 2;
const STEP = 2000;

const MOST_COST = 1.5;
const MOST_GROWTH = 1.1;
const MIB = 2 ** 20;

/** Starts a process with nothing else in its memory. */
const start = () => startWorker<Program>(join(import.meta.dirname, 'child.ts'), { execArgv: ['--expose-gc'] });

/** What a hit costs, and what is kept, the more there is. */
export const growthSection = section({
  name: 'growth',
  title: 'Growth',
  whole: { rounds: 25 },
  quick: { rounds: 9 },
  async measure({ rounds }) {
    const hits = await start().ask('hits', SIZES, rounds, CALLS);
    return { hits, plateau: await start().ask('plateau', KEYS, STEP) };
  },
  show({ hits, plateau }, { rounds }) {
    const cpuUs = (size: number) => hits.cpuUs[size] ?? [];
    const bytes = (size: number) => hits.bytes[size] ?? Number.NaN;
    const cost = median(ratio(cpuUs(BIGGEST), cpuUs(1)));
    const after = (keys: number) => plateau.find(([at]) => at === keys)?.[1] ?? Number.NaN;
    const growth = after(KEYS) / after(HALF);
    return {
      tables: [
        {
          title: `Profiles and keys that are in use in turns, ${CALLS * rounds} calls each`,
          rows: SIZES.map((size) => ({
            'profiles and keys': size,
            'CPU for a hit, µs': showSpread(cpuUs(size), 1),
            '× one': showSpread(ratio(cpuUs(size), cpuUs(1))),
            'memory, MiB': (bytes(size) / MIB).toFixed(1),
            'kB for each': (bytes(size) / 1000 / size).toFixed(1),
          })),
        },
      ],
      goals: [
        atMost('growth: cost of a hit, 10,000 profiles and keys × one', cost, MOST_COST),
        atMost(`growth: memory after ${KEYS} keys × after ${HALF}`, growth, MOST_GROWTH),
      ],
      ratios: [
        ['cost of a hit, 10,000 × one', cost],
        [`memory, ${KEYS} keys × ${HALF}`, growth],
      ],
      plots: [
        {
          name: 'memory',
          title: `Memory; ${REMEMBERED.entries.toLocaleString('en-GB')} keys are kept`,
          kind: 'lines',
          unit: 'MiB',
          xTitle: 'different keys asked for',
          marks: plateau.map(([x, kept]) => ({ program: 'ours', panel: '', x, value: kept / MIB })),
        },
      ],
    };
  },
});
