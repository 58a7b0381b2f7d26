import { tokenEvent } from '../../support/events.ts';
import { startSandbox } from '../../support/runtime-api/sandbox.ts';
import { createRuntimeApi } from '../../support/runtime-api/server.ts';
import type { BenchOptions, Measured, Section } from '../section.ts';
import { ratio, showSpread, spread } from '../stats.ts';
import { bars } from '../svg.ts';
import { type Bundles, CONTENDERS, type Contender, createBundles } from './contenders.ts';
import { createFakes, type Fakes, type Latencies } from './fakes.ts';

const AT_ONCE: Latencies = { secretsMs: 0, tableMs: 0, zitadelMs: 0 };
/** As an account in the same region and a ZITADEL in the same country answer. */
const AS_USUAL: Latencies = { secretsMs: 15, tableMs: 5, zitadelMs: 50 };

const SAMPLES = 31;
const QUICK_SAMPLES = 15;
const WARM_UP = 2;

const LEAST_SHARE = { floor: 1.6, typical: 0.55 };

/** From the start of the process to its first token, in milliseconds. */
async function measure(name: Contender, bundles: Bundles, fakes: Fakes): Promise<number> {
  const api = await createRuntimeApi();
  const event = tokenEvent('orders', 'grant_type=client_credentials');
  const startedAt = performance.now();
  const sandbox = startSandbox({ bundle: bundles.file[name], env: fakes.env, api });
  const invoked = await api.invoke(event);
  const tookMs = performance.now() - startedAt;
  await sandbox.kill();
  await api.close();
  const answer = invoked.kind === 'response' ? JSON.parse(invoked.body) : { statusCode: invoked.kind, body: '' };
  if (answer.statusCode !== 200 || !answer.body.includes('access_token')) {
    throw new Error(`${name} gave no token: ${answer.statusCode} ${sandbox.output().stderr.slice(0, 400)}`);
  }
  return tookMs;
}

type Samples = Record<Contender, number[]>;

async function sample(latencies: Latencies, { isQuick, note }: BenchOptions, bundles: Bundles, fakes: Fakes) {
  const samples: Samples = { floor: [], typical: [], ours: [] };
  const wanted = isQuick ? QUICK_SAMPLES : SAMPLES;
  fakes.setLatencies(latencies);
  for (let round = -WARM_UP; round < wanted; round += 1) {
    // In turns, and not always in the same order: what slows the machine down meets them alike.
    const order = round % 2 === 0 ? CONTENDERS : [...CONTENDERS].reverse();
    for (const name of order) {
      const tookMs = await measure(name, bundles, fakes);
      if (round >= 0) samples[name].push(tookMs);
    }
    if (round >= 0) note(`cold start, ${latencies.zitadelMs} ms: ${round + 1} of ${wanted}`);
  }
  return samples;
}

const goal = (name: string, value: number, most: number) => ({
  name,
  wanted: `≤ ${most}`,
  reached: value.toFixed(2),
  isMet: value <= most,
});

async function run(options: BenchOptions): Promise<Measured> {
  const fakes = await createFakes();
  const bundles = await createBundles(fakes.issuer);
  try {
    const cases = [
      { name: 'at once', latencies: AT_ONCE, samples: await sample(AT_ONCE, options, bundles, fakes) },
      { name: '15/5/50 ms', latencies: AS_USUAL, samples: await sample(AS_USUAL, options, bundles, fakes) },
    ];
    const rows = cases.flatMap(({ name, samples }) =>
      CONTENDERS.map((contender) => [
        name,
        contender,
        showSpread(spread(samples[contender]), 0),
        showSpread(ratio(samples[contender], samples.floor)),
        showSpread(ratio(samples[contender], samples.typical)),
      ]),
    );
    return {
      tables: [
        {
          title: 'Cold start: from the start of the process to its first token',
          columns: ['services answer', 'program', 'ms', '× floor', '× typical'],
          rows,
        },
        {
          title: 'Bundles',
          columns: ['program', 'kB'],
          rows: CONTENDERS.map((name) => [name, Math.round(bundles.bytes[name] / 1000)]),
        },
        {
          title: 'What is in ours',
          columns: ['package, or folder of this project', 'kB'],
          rows: bundles.sources.map(([name, bytes]) => [name, (bytes / 1000).toFixed(1)]),
        },
      ],
      goals: cases.flatMap(({ name, samples }) => [
        goal(
          `cold start, services answer ${name}, × floor`,
          ratio(samples.ours, samples.floor).median,
          LEAST_SHARE.floor,
        ),
        goal(
          `cold start, services answer ${name}, × typical`,
          ratio(samples.ours, samples.typical).median,
          LEAST_SHARE.typical,
        ),
      ]),
      ratios: Object.fromEntries(
        cases.flatMap(({ name, samples }) => [
          [`ours × floor, services answer ${name}`, ratio(samples.ours, samples.floor).median],
          [`ours × typical, services answer ${name}`, ratio(samples.ours, samples.typical).median],
        ]),
      ),
      plots: {
        'cold-start': bars(
          'Cold start: process start to first token',
          cases.flatMap(({ name, samples }) =>
            CONTENDERS.map((contender) => {
              const { median, low, high } = spread(samples[contender]);
              return { name: `${contender}, ${name}`, value: median, low, high };
            }),
          ),
          'ms',
        ),
      },
      raw: { cases, bytes: bundles.bytes, sources: bundles.sources },
    };
  } finally {
    bundles.remove();
    await fakes.close();
  }
}

/** Cold starts of the packaged function, beside the least program and a usual one. */
export const coldStartSection: Section = { name: 'cold-start', title: 'Cold start', run };
