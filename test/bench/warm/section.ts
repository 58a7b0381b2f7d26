import { join } from 'node:path';
import { tokenEvent } from '../../support/events.ts';
import { createContenders } from '../cold/contenders.ts';
import { atMost, type BenchOptions, type Measured, type Section } from '../section.ts';
import { FORM } from '../setting.ts';
import { showSpread, spread } from '../stats.ts';
import { inTurns } from '../turns.ts';
import { startWorker } from '../worker.ts';

const PROGRAMS = ['empty', 'line', 'typical', 'ours'] as const;
type Program = (typeof PROGRAMS)[number];

const WHOLE = { rounds: 25, calls: 10_000 };
const QUICK = { rounds: 7, calls: 2500 };
const WARM_UP = 3;

const MOST_US = 4;
const MOST_SHARE = 0.25;
const MOST_BYTES = 480;

interface Raw {
  /** Microseconds of CPU for each call, one sample for each batch. */
  readonly samples: Readonly<Record<Program, readonly number[]>>;
  /** Bytes that are logged for each call. */
  readonly logged: Readonly<Record<Program, number>>;
}

/** Starts a bundle in a process of its own; what it logs goes through a pipe. */
function start(bundle: string, env: Readonly<Record<string, string>>) {
  const { ask, child, stop } = startWorker(join(import.meta.dirname, 'child.cjs'), {
    env: { ...env, AWS_REGION: 'eu-central-1' },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  /** Microseconds of CPU for each call of a batch. */
  async function batch(calls: number): Promise<number> {
    const event = tokenEvent('orders', FORM);
    const { cpuUs, statusCode } = await ask<{ cpuUs: number; statusCode: number }>({ bundle, event, calls });
    if (statusCode !== 200) throw new Error(`a warm call was answered ${statusCode}`);
    return cpuUs;
  }
  return { batch, stop, bytes: () => bytes };
}

const over = ({ samples }: Raw, name: Program, less: Program = 'empty') =>
  spread(samples[name].map((us, at) => us - (samples[less][at] ?? 0)));

async function run({ isQuick, note }: BenchOptions): Promise<Measured<Raw>> {
  const { rounds, calls } = isQuick ? QUICK : WHOLE;
  const { env, file, close } = await createContenders();
  const of = (name: Program) => start(file[name], env);
  const programs = { empty: of('empty'), line: of('line'), typical: of('typical'), ours: of('ours') };
  const samples = await inTurns(PROGRAMS, {
    rounds,
    warmUp: WARM_UP,
    sample: (name) => programs[name].batch(calls),
    onRound: (round) => note(`warm hit: ${round} of ${rounds}`),
  }).finally(async () => {
    await Promise.all(PROGRAMS.map((name) => programs[name].stop()));
    close();
  });
  const logged = (name: Program) => programs[name].bytes() / (calls * (rounds + WARM_UP));
  const bytes = Object.fromEntries(PROGRAMS.map((name) => [name, logged(name)])) as Raw['logged'];
  const raw: Raw = { samples, logged: bytes };
  const ours = over(raw, 'ours').value;
  const share = ours / over(raw, 'typical').value;
  return {
    tables: [
      {
        title: `Warm hit: CPU for each call, ${calls * rounds} calls`,
        columns: 'program | µs | µs over an empty handler | bytes logged',
        rows: PROGRAMS.map((name) => [
          name,
          showSpread(spread(samples[name]), 1),
          showSpread(over(raw, name), 1),
          Math.round(logged(name)),
        ]),
      },
    ],
    goals: [
      atMost('warm hit, µs over an empty handler', ours, MOST_US, 1),
      atMost('warm hit, µs over a handler that writes a line', over(raw, 'ours', 'line').value, MOST_US, 1),
      atMost('warm hit, × typical', share, MOST_SHARE),
      atMost('warm hit, bytes logged', raw.logged.ours, MOST_BYTES, 0),
    ],
    ratios: { 'ours × typical': share },
    raw,
  };
}

/** Hits in memory through the packaged handler. */
export const warmHitSection: Section<Raw> = {
  name: 'warm-hit',
  title: 'Warm hit',
  run,
  plots: (raw) => [
    {
      name: 'warm-hit',
      title: 'Warm hit: CPU for each call',
      kind: 'bars',
      unit: 'µs over an empty handler, median and quartiles',
      marks: (['typical', 'ours'] as const).map((program) => ({
        program,
        panel: 'a token in memory',
        ...over(raw, program),
      })),
    },
  ],
};
