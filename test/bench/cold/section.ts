import { tokenEvent } from '../../support/events.ts';
import { startSandbox } from '../../support/runtime-api/sandbox.ts';
import { atMost, type BenchOptions, type Measured, type Section } from '../section.ts';
import { FORM } from '../setting.ts';
import { ratio, showSpread, spread } from '../stats.ts';
import { inTurns } from '../turns.ts';
import { createContenders, type Sources } from './contenders.ts';

const PROGRAMS = ['floor', 'typical', 'ours'] as const;
type Program = (typeof PROGRAMS)[number];

const CASES = [
  { name: 'at once', latencies: { secrets: 0, table: 0, zitadel: 0 } },
  // As an account in the same region and a ZITADEL in the same country answer.
  { name: '15/5/50 ms', latencies: { secrets: 15, table: 5, zitadel: 50 } },
];

const SAMPLES = 31;
const QUICK_SAMPLES = 15;
const WARM_UP = 2;

/** The most that ours may take, as a share of what another program takes. */
const GOALS = [
  { peer: 'floor', most: 1.5 },
  { peer: 'typical', most: 0.55 },
] as const;

interface Raw {
  readonly cases: readonly {
    readonly name: string;
    /** Milliseconds from the start of the process to its first token. */
    readonly samples: Readonly<Record<Program, readonly number[]>>;
  }[];
  readonly bytes: Readonly<Record<Program, number>>;
  readonly sources: Sources;
}

/** From the start of a process to its first token, in milliseconds. */
async function measure(bundle: string, env: Readonly<Record<string, string>>): Promise<number> {
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

async function run({ isQuick, note }: BenchOptions): Promise<Measured<Raw>> {
  const rounds = isQuick ? QUICK_SAMPLES : SAMPLES;
  const { env, setLatencies, file, bytes, sources, close } = await createContenders();
  const cases: Raw['cases'][number][] = [];
  try {
    for (const { name, latencies } of CASES) {
      setLatencies(latencies);
      const sample = (program: Program) => measure(file[program], env);
      const onRound = (round: number) => note(`cold start, services answer ${name}: ${round} of ${rounds}`);
      cases.push({ name, samples: await inTurns(PROGRAMS, { rounds, warmUp: WARM_UP, sample, onRound }) });
    }
  } finally {
    close();
  }
  const shares = cases.flatMap(({ name, samples }) =>
    GOALS.map(({ peer, most }) => ({ name, peer, most, share: ratio(samples.ours, samples[peer]).value })),
  );
  return {
    tables: [
      {
        title: 'Cold start: from the start of the process to its first token',
        columns: 'services answer | program | ms | × floor | × typical',
        rows: cases.flatMap(({ name, samples }) =>
          PROGRAMS.map((program) => [
            name,
            program,
            showSpread(spread(samples[program]), 0),
            ...GOALS.map(({ peer }) => showSpread(ratio(samples[program], samples[peer]))),
          ]),
        ),
      },
      {
        title: 'Bundles',
        columns: 'program | kB',
        rows: PROGRAMS.map((name) => [name, Math.round(bytes[name] / 1000)]),
      },
      {
        title: 'What is in ours',
        columns: 'package, or folder of this project | kB',
        rows: sources.map(([name, size]) => [name, (size / 1000).toFixed(1)]),
      },
    ],
    goals: shares.map(({ name, peer, most, share }) =>
      atMost(`cold start, services answer ${name}, × ${peer}`, share, most),
    ),
    ratios: Object.fromEntries(
      shares.map(({ name, peer, share }) => [`ours × ${peer}, services answer ${name}`, share]),
    ),
    raw: { cases, bytes, sources },
  };
}

/** Cold starts of the packaged function, beside the least program and a usual one. */
export const coldStartSection: Section<Raw> = {
  name: 'cold-start',
  title: 'Cold start',
  run,
  plots: ({ cases }) => [
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
