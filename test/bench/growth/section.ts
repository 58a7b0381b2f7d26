import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { REMEMBERED } from '../../../lib/broker/obtain/memory.ts';
import type { BenchOptions, Measured, Section } from '../section.ts';
import { ratio, showSpread, spread } from '../stats.ts';
import { lines } from '../svg.ts';
import type { Hits, Order, Plateau } from './child.ts';

const SIZES = [1, 100, 10_000] as const;
const BIGGEST = 10_000;
const CALLS = 2500;
const ROUNDS = 25;
const QUICK_ROUNDS = 9;

const KEYS = 40_000;
const HALF = KEYS / 2;
const STEP = 2000;

const MOST_COST = 1.5;
const MOST_GROWTH = 1.1;
const MIB = 2 ** 20;

/** Has a process of its own do it, with nothing else in its memory. */
async function run<T>(order: Order): Promise<T> {
  const child = fork(join(import.meta.dirname, 'child.ts'), { execArgv: ['--expose-gc'] });
  const answered = Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the process that measures growth has ended with ${code}`);
    }),
  ]);
  child.send(order);
  const [answer] = await answered;
  return answer as T;
}

async function measure({ isQuick, note }: BenchOptions): Promise<Measured> {
  const hits = await run<Hits>({ kind: 'hits', sizes: SIZES, rounds: isQuick ? QUICK_ROUNDS : ROUNDS, calls: CALLS });
  note('growth: cost of a hit');
  const plateau = await run<Plateau>({ kind: 'plateau', keys: KEYS, step: STEP });
  note('growth: memory');
  const cpuUs = (size: number) => hits.cpuUs[size] ?? [];
  const cost = ratio(cpuUs(BIGGEST), cpuUs(1));
  const after = (keys: number) => plateau.find(([at]) => at === keys)?.[1] ?? Number.NaN;
  const growth = after(KEYS) / after(HALF);
  return {
    tables: [
      {
        title: `Profiles and keys that are in use in turns, ${CALLS * cpuUs(1).length} calls each`,
        columns: ['profiles and keys', 'CPU for a hit, µs', '× one', 'memory, MiB', 'kB for each'],
        rows: SIZES.map((size) => [
          size,
          showSpread(spread(cpuUs(size)), 1),
          showSpread(ratio(cpuUs(size), cpuUs(1))),
          ((hits.bytes[size] ?? Number.NaN) / MIB).toFixed(1),
          ((hits.bytes[size] ?? Number.NaN) / 1000 / size).toFixed(1),
        ]),
      },
    ],
    goals: [
      {
        name: 'growth: cost of a hit, 10,000 profiles and keys × one',
        wanted: `≤ ${MOST_COST}`,
        reached: cost.median.toFixed(2),
        isMet: cost.median <= MOST_COST,
      },
      {
        name: `growth: memory after ${KEYS} keys × after ${HALF}`,
        wanted: `≤ ${MOST_GROWTH}`,
        reached: growth.toFixed(2),
        isMet: growth <= MOST_GROWTH,
      },
    ],
    ratios: { 'cost of a hit, 10,000 × one': cost.median, [`memory, ${KEYS} keys × ${HALF}`]: growth },
    plots: {
      memory: lines(
        `Memory, ever new keys; ${REMEMBERED.entries} are kept`,
        [{ name: 'ours', points: plateau.map(([keys, bytes]) => [keys, bytes / MIB] as const) }],
        { xLabel: 'keys asked for', yLabel: 'MiB' },
      ),
    },
    raw: { hits, plateau },
  };
}

/** What a hit costs, and what is kept, the more there is. */
export const growthSection: Section = { name: 'growth', title: 'Growth', run: measure };
