import { join } from 'node:path';
import { tokenEvent } from '../../support/events.ts';
import { createContenders } from '../cold/contenders.ts';
import { atMost, section } from '../section.ts';
import { FORM } from '../setting.ts';
import { median, showSpread, spread } from '../stats.ts';
import { inTurns, perName } from '../turns.ts';
import { startWorker } from '../worker.ts';

const PROGRAMS = ['empty', 'line', 'typical', 'ours'] as const;

const WARM_UP = 3;

const MOST_US = 4;
const MOST_SHARE = 0.25;
const MOST_BYTES = 480;

/** What the process of a bundle answers: microseconds of CPU for each call of a batch. */
type Program = { readonly batch: (bundle: string, event: object, calls: number) => number };

/** Starts a bundle in a process of its own; what it logs goes through a pipe. */
function start(bundle: string, env: Readonly<Record<string, string>>) {
  const { ask, child, stop } = startWorker<Program>(join(import.meta.dirname, 'child.cjs'), {
    env: { ...env, AWS_REGION: 'eu-central-1' },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const batch = (calls: number) => ask('batch', bundle, tokenEvent('orders', FORM), calls);
  return { batch, stop, bytes: () => bytes };
}

/** Hits in memory through the packaged handler. */
export const warmHitSection = section({
  name: 'warm-hit',
  title: 'Warm hit',
  whole: { rounds: 25, calls: 10_000 },
  quick: { rounds: 7, calls: 2500 },
  async measure({ rounds, calls }) {
    const { env, file } = await createContenders();
    const programs = perName(PROGRAMS, (name) => start(file[name], env));
    /** Microseconds of CPU for each call, one sample for each batch. */
    const samples = await inTurns(PROGRAMS, {
      rounds,
      warmUp: WARM_UP,
      sample: (name) => programs[name].batch(calls),
    });
    await Promise.all(PROGRAMS.map((name) => programs[name].stop()));
    /** Bytes that are logged for each call. */
    const logged = perName(PROGRAMS, (name) => programs[name].bytes() / (calls * (rounds + WARM_UP)));
    return { samples, logged };
  },
  show({ samples, logged }, { rounds, calls }) {
    const over = (name: keyof typeof samples, less: keyof typeof samples = 'empty') =>
      samples[name].map((us, at) => us - (samples[less][at] ?? 0));
    const ours = median(over('ours'));
    const share = ours / median(over('typical'));
    return {
      tables: [
        {
          title: `Warm hit: CPU for each call, ${calls * rounds} calls`,
          rows: PROGRAMS.map((program) => ({
            program,
            µs: showSpread(samples[program], 1),
            'µs over an empty handler': showSpread(over(program), 1),
            'bytes logged': Math.round(logged[program]),
          })),
        },
      ],
      goals: [
        atMost('warm hit, µs over an empty handler', ours, MOST_US, 1),
        atMost('warm hit, µs over a handler that writes a line', median(over('ours', 'line')), MOST_US, 1),
        atMost('warm hit, × typical', share, MOST_SHARE),
        atMost('warm hit, bytes logged', logged.ours, MOST_BYTES, 0),
      ],
      ratios: [['ours × typical', share]],
      plots: [
        {
          name: 'warm-hit',
          title: 'Warm hit: CPU for each call',
          kind: 'bars',
          unit: 'µs over an empty handler, median and quartiles',
          marks: (['typical', 'ours'] as const).map((program) => ({
            program,
            panel: 'a token in memory',
            ...spread(over(program)),
          })),
        },
      ],
    };
  },
});
