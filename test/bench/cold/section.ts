import { note } from '../../support/command.ts';
import { tokenEvent } from '../../support/events.ts';
import { startSandbox } from '../../support/runtime-api/sandbox.ts';
import { atMost, section } from '../section.ts';
import { FORM } from '../setting.ts';
import { median, ratio, showSpread, spread } from '../stats.ts';
import { inTurns } from '../turns.ts';
import { createContenders } from './contenders.ts';

const PROGRAMS = ['floor', 'typical', 'ours'] as const;

const CASES = [
  { name: 'at once', latencies: { secrets: 0, table: 0, zitadel: 0 } },
  // As an account in the same region and a ZITADEL in the same country answer.
  { name: '15/5/50 ms', latencies: { secrets: 15, table: 5, zitadel: 50 } },
];

const WARM_UP = 2;

/** The most that ours may take, as a share of what another program takes. */
const GOALS = [
  { peer: 'floor', most: 1.5 },
  { peer: 'typical', most: 0.55 },
] as const;

/** From the start of a process to its first token, in milliseconds. */
async function start(bundle: string, env: Readonly<Record<string, string>>): Promise<number> {
  const sandbox = await startSandbox({ bundle, env });
  const invoked = await sandbox.invoke(tokenEvent('orders', FORM));
  const tookMs = performance.now() - sandbox.startedAtMs;
  await sandbox.kill();
  const answer = invoked.kind === 'response' ? JSON.parse(invoked.body) : { statusCode: invoked.kind, body: '' };
  if (answer.statusCode !== 200 || !answer.body.includes('access_token')) {
    throw new Error(`${bundle} gave no token: ${answer.statusCode} ${sandbox.output().stderr.slice(0, 400)}`);
  }
  return tookMs;
}

/** Cold starts of the packaged function, beside the least program and a usual one. */
export const coldStartSection = section({
  name: 'cold-start',
  title: 'Cold start',
  whole: { rounds: 31 },
  quick: { rounds: 15 },
  async measure({ rounds }) {
    const { env, setLatencies, file, bytes, sources } = await createContenders();
    const cases = [];
    for (const { name, latencies } of CASES) {
      setLatencies(latencies);
      note(`services answer ${name}`);
      /** Milliseconds from the start of the process to its first token. */
      const samples = await inTurns(PROGRAMS, {
        rounds,
        warmUp: WARM_UP,
        sample: (program) => start(file[program], env),
      });
      cases.push({ name, samples });
    }
    return { cases, bytes, sources };
  },
  show({ cases, bytes, sources }) {
    const shares = cases.flatMap(({ name, samples }) =>
      GOALS.map(({ peer, most }) => ({ name, peer, most, share: median(ratio(samples.ours, samples[peer])) })),
    );
    return {
      tables: [
        {
          title: 'Cold start: from the start of the process to its first token',
          rows: cases.flatMap(({ name, samples }) =>
            PROGRAMS.map((program) => ({
              'services answer': name,
              program,
              ms: showSpread(samples[program], 0),
              '× floor': showSpread(ratio(samples[program], samples.floor)),
              '× typical': showSpread(ratio(samples[program], samples.typical)),
            })),
          ),
        },
        {
          title: 'Bundles',
          rows: PROGRAMS.map((program) => ({ program, kB: Math.round(bytes[program] / 1000) })),
        },
        {
          title: 'What is in ours',
          rows: sources.map(([name, size]) => ({
            'package, or folder of this project': name,
            kB: (size / 1000).toFixed(1),
          })),
        },
      ],
      goals: shares.map(({ name, peer, most, share }) =>
        atMost(`cold start, services answer ${name}, × ${peer}`, share, most),
      ),
      ratios: shares.map(({ name, peer, share }) => [`ours × ${peer}, services answer ${name}`, share]),
      plots: [
        {
          name: 'cold-start',
          title: 'Cold start: process start to first token',
          kind: 'bars',
          unit: 'ms, median and quartiles',
          marks: cases.flatMap(({ name, samples }) =>
            PROGRAMS.map((program) => ({ program, panel: `services answer ${name}`, ...spread(samples[program]) })),
          ),
        },
      ],
    };
  },
});
