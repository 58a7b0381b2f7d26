import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { tokenEvent } from '../../support/events.ts';
import { createBundles } from '../cold/contenders.ts';
import { createFakes } from '../cold/fakes.ts';
import type { BenchOptions, Measured, Section } from '../section.ts';
import { showSpread, spread } from '../stats.ts';
import { bars } from '../svg.ts';

const PROGRAMS = ['empty', 'typical', 'ours'] as const;
type Program = (typeof PROGRAMS)[number];

const ROUNDS = 25;
const QUICK_ROUNDS = 7;
const CALLS = 10_000;
const QUICK_CALLS = 2500;
const WARM_UP_ROUNDS = 3;

const MOST_US = 12;
const MOST_SHARE = 0.25;
const MOST_BYTES = 420;

interface Child {
  readonly process: ChildProcess;
  /** What it has written so far. */
  readonly bytes: () => number;
}

function start(bundle: string, env: Readonly<Record<string, string>>): Child {
  const child = fork(join(import.meta.dirname, 'child.cjs'), [bundle], {
    env: { ...env, AWS_REGION: 'eu-central-1' },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  return { process: child, bytes: () => bytes };
}

/** Microseconds of CPU for each call of a batch. */
async function batch({ process: child }: Child, calls: number): Promise<number> {
  const answered = once(child, 'message');
  child.send({ event: tokenEvent('orders', 'grant_type=client_credentials'), calls });
  const [{ cpuUs, statusCode }] = (await answered) as [{ cpuUs: number; statusCode: number }];
  if (statusCode !== 200) throw new Error(`a warm call was answered ${statusCode}`);
  return cpuUs;
}

async function run({ isQuick, note }: BenchOptions): Promise<Measured> {
  const { rounds, calls } = isQuick ? { rounds: QUICK_ROUNDS, calls: QUICK_CALLS } : { rounds: ROUNDS, calls: CALLS };
  const fakes = await createFakes();
  const bundles = await createBundles(fakes.issuer);
  const children = new Map(PROGRAMS.map((name) => [name, start(bundles.file[name], fakes.env)] as const));
  const samples: Record<Program, number[]> = { empty: [], typical: [], ours: [] };
  const logged: Record<Program, number> = { empty: 0, typical: 0, ours: 0 };
  try {
    for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
      for (const [name, child] of children) {
        const cpuUs = await batch(child, calls);
        if (round >= 0) samples[name].push(cpuUs);
      }
      if (round >= 0) note(`warm hit: ${round + 1} of ${rounds}`);
    }
    for (const [name, { process: child, bytes }] of children) {
      // What it has written last is still on its way.
      const closed = once(child, 'close');
      child.kill();
      await closed;
      logged[name] = bytes() / (calls * (rounds + WARM_UP_ROUNDS));
    }
  } finally {
    for (const { process: child } of children.values()) child.kill();
    bundles.remove();
    await fakes.close();
  }
  const over = (name: Program) => samples[name].map((us, at) => us - (samples.empty[at] ?? 0));
  const ours = spread(over('ours')).median;
  const share = ours / spread(over('typical')).median;
  const bytes = logged.ours;
  return {
    tables: [
      {
        title: `Warm hit: CPU for each call, ${calls * rounds} calls`,
        columns: ['program', 'µs', 'µs over an empty handler', 'bytes logged'],
        rows: PROGRAMS.map((name) => [
          name,
          showSpread(spread(samples[name]), 1),
          showSpread(spread(over(name)), 1),
          Math.round(logged[name]),
        ]),
      },
    ],
    goals: [
      {
        name: 'warm hit, µs over an empty handler',
        wanted: `≤ ${MOST_US}`,
        reached: ours.toFixed(1),
        isMet: ours <= MOST_US,
      },
      { name: 'warm hit, × typical', wanted: `≤ ${MOST_SHARE}`, reached: share.toFixed(2), isMet: share <= MOST_SHARE },
      {
        name: 'warm hit, bytes logged',
        wanted: `≤ ${MOST_BYTES}`,
        reached: bytes.toFixed(0),
        isMet: bytes <= MOST_BYTES,
      },
    ],
    ratios: { 'ours × typical': share },
    plots: {
      'warm-hit': bars(
        'Warm hit: CPU for each call, over an empty handler',
        PROGRAMS.slice(1).map((name) => {
          const { median, low, high } = spread(over(name));
          return { name, value: median, low, high };
        }),
        'µs',
      ),
    },
    raw: { samples, logged },
  };
}

/** Hits in memory through the packaged handler. */
export const warmHitSection: Section = { name: 'warm-hit', title: 'Warm hit', run };
