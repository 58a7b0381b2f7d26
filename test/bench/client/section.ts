import { join } from 'node:path';
import { mock } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { atMost, section } from '../section.ts';
import { median, ratio, showSpread } from '../stats.ts';
import { cpuUs, inTurns, perName } from '../turns.ts';
import { startWorker } from '../worker.ts';
import { CONTENDERS, type GetToken, NAMES, type Name } from './contenders.ts';
import type { Program } from './token-server.ts';

const WARM_UP = 3;
const CALLERS = 1_000;

const DELAY_MS = 200;
/** How long each token lives by its `expires_in`. */
const LIFE_MS = 3_600_000;
/** So long before a token ends, everybody renews it. */
const LEFT_MS = 10_000;

const MOST_US = 1;
const MOST_BYTES = 4_500;
/** Of the server's delay: who waits for it waits longer. */
const MOST_WAIT = 0.9;

async function startServer(delayMs: number) {
  const { ask } = startWorker<Program>(join(import.meta.dirname, 'token-server.ts'));
  await ask('set', { delayMs, lifeMs: LIFE_MS });
  const { url } = await ask('state');
  return { url, ask };
}

/** Callers who all ask at once; whoever waits as long as the server takes was made to wait by it. */
async function crowd(getToken: GetToken, { ask }: Awaited<ReturnType<typeof startServer>>) {
  const { asked: before } = await ask('state');
  let longestWaitMs = 0;
  let errors = 0;
  const call = async () => {
    const startedAt = performance.now();
    const token = await getToken().catch(() => undefined);
    if (!token) errors += 1;
    longestWaitMs = Math.max(longestWaitMs, performance.now() - startedAt);
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  // What goes on in the background counts too.
  await setTimeout(3 * DELAY_MS);
  return { requests: (await ask('state')).asked - before, longestWaitMs, errors };
}

/** What many callers at once have met. */
type Met = Awaited<ReturnType<typeof crowd>>;

/** The three moments of one contender: cold, shortly before the token ends, and the same while the server is away. */
async function meet(name: Name) {
  const server = await startServer(DELAY_MS);
  const [renewed, left] = [CONTENDERS[name].create(server.url), CONTENDERS[name].create(server.url)];
  const cold = await crowd(renewed, server);
  await left();
  // From here on this process's date stands still, for all contenders alike; its timers go on.
  mock.timers.enable({ apis: ['Date'], now: Date.now() + LIFE_MS - LEFT_MS });
  const renewing = await crowd(renewed, server);
  await server.ask('set', { isAway: true });
  const away = await crowd(left, server);
  mock.timers.reset();
  return { cold, renewing, away };
}

/** Minified and gzipped. */
function sizeOf(name: Name): number {
  const { outputFiles } = buildSync({
    stdin: { contents: CONTENDERS[name].imports, resolveDir: join(import.meta.dirname, '../../..') },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    legalComments: 'none',
    logLevel: 'error',
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length;
}

const MOMENTS = [
  ['no token yet', 'cold'],
  [`${LEFT_MS / 1000} s before the token ends`, 'renewing'],
  ['the same, and the server answers 503', 'away'],
] as const;

/** The client beside other libraries that keep tokens. */
export const clientSection = section({
  name: 'client',
  title: 'The client',
  whole: { rounds: 25, share: 1 },
  quick: { rounds: 9, share: 0.25 },
  async measure({ rounds, share }) {
    const met = await inTurns(NAMES, { rounds: 1, warmUp: 0, sample: meet });
    const of = (moment: 'cold' | 'renewing' | 'away') => perName(NAMES, (name) => met[name][0]?.[moment] as Met);
    const { url } = await startServer(0);
    const warm = perName(NAMES, (name) => CONTENDERS[name].create(url));
    /** Microseconds of CPU for each hit, one sample for each batch. */
    const hits = await inTurns(NAMES, {
      rounds,
      warmUp: WARM_UP,
      sample: (name) => cpuUs(CONTENDERS[name].calls * share, warm[name]),
    });
    return { cold: of('cold'), renewing: of('renewing'), away: of('away'), bytes: perName(NAMES, sizeOf), hits };
  },
  show(raw) {
    const wait = raw.renewing.ours.longestWaitMs / DELAY_MS;
    const times = perName(NAMES, (name) => ratio(raw.hits[name], raw.hits.ours));
    return {
      tables: [
        {
          title: `${CALLERS} callers at once; the server answers after ${DELAY_MS} ms, and tokens live for an hour`,
          rows: MOMENTS.flatMap(([moment, key]) =>
            NAMES.map((client) => ({
              moment,
              client,
              'token requests': raw[key][client].requests,
              'longest wait, ms': raw[key][client].longestWaitMs.toFixed(0),
              errors: raw[key][client].errors,
            })),
          ),
        },
        {
          title: 'Hits, and size',
          rows: NAMES.map((client) => ({
            client,
            'CPU for each hit, µs': showSpread(raw.hits[client]),
            '× ours': showSpread(times[client], 1),
            'kB, minified and gzipped': (raw.bytes[client] / 1000).toFixed(1),
          })),
        },
      ],
      goals: [
        atMost('client, µs for each hit', median(raw.hits.ours), MOST_US),
        atMost('client, token requests of 1,000 cold callers', raw.cold.ours.requests, 1, 0),
        atMost("client, longest wait while a token is renewed, × the server's", wait, MOST_WAIT),
        atMost('client, errors with 10 s left and the server away', raw.away.ours.errors, 0, 0),
        atMost('client, bytes minified and gzipped', raw.bytes.ours, MOST_BYTES, 0),
      ],
      ratios: NAMES.filter((name) => name !== 'ours').map((name) => [`a hit, ${name} × ours`, median(times[name])]),
    };
  },
});
