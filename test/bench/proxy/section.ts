import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCli } from '../../../infra/build/cli.ts';
import { listen } from '../../../infra/local/stand-in.ts';
import { caller } from '../../support/principals.ts';
import { load } from '../http/load.ts';
import { untilOpen } from '../http/nginx.ts';
import { brokered, createServers, signed } from '../http/section.ts';
import { atMost, type BenchOptions, type Goal, type Measured, type Section } from '../section.ts';
import { quantile, ratio, showSpread, spread } from '../stats.ts';
import { inTurns } from '../turns.ts';

const WHOLE = { rounds: 25, starts: 15 };
const QUICK = { rounds: 7, starts: 5 };
const WARM_UP = 2;
const BURST_MS = 250;
const CONNECTIONS = [1, 64] as const;

const MOST_P50_MS = 0.3;
const LEAST_PER_SECOND = 8_000;
const MOST_START_MS = 150;
const MOST_IDLE_MB = 60;
const MOST_LOADED_MB = 120;

const PROXY = 'the proxy';
/** The local stack, asked with a signed request: what the proxy spares. */
const BROKER = 'the broker';
const OTHER = 'aws-sigv4-proxy';
const ENV = {
  PATH: process.env.PATH ?? '',
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: caller.accessKeyId,
  AWS_SECRET_ACCESS_KEY: caller.secretAccessKey,
  ...(caller.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: caller.sessionToken }),
};

interface Sample {
  readonly p50Ms: number;
  readonly perSecond: number;
}

interface Raw {
  readonly bursts: readonly {
    readonly name: string;
    readonly connections: number;
    readonly samples: readonly Sample[];
  }[];
  /** From the start of the process to its first line. */
  readonly startMs: readonly number[];
  /** The resident set in MB, after a first token and after the load; undefined where /proc is missing. */
  readonly idleMb: number | undefined;
  readonly loadedMb: number | undefined;
}

/** The resident set of a process (Linux). */
function residentMb({ pid }: ChildProcess): number | undefined {
  try {
    const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : (Number(kib) * 1024) / 1e6;
  } catch {
    return undefined;
  }
}

/** Starts the proxy as the package has it. */
async function startProxy(file: string, broker: string) {
  const startedAt = performance.now();
  const args = [file, '--broker', broker, '--port', '0', '--no-local-token'];
  const child = spawn(process.execPath, args, { env: ENV, stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await once(child.stdout, 'data');
  const startMs = performance.now() - startedAt;
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(String(printed))?.[1]);
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  };
  return { child, port, startMs, stop };
}

/** Starts the signing proxy of AWS, which keeps no tokens; undefined if it is not installed. */
async function startOther(broker: string) {
  if (spawnSync(OTHER, ['--version']).error !== undefined) return undefined;
  const { port, close } = await listen(() => undefined);
  await close();
  const args = ['--port', `127.0.0.1:${port}`, '--name', 'execute-api', '--region', 'eu-central-1'];
  const upstream = ['--host', new URL(broker).host, '--upstream-url-scheme', 'http'];
  return untilOpen(spawn(OTHER, [...args, ...upstream], { env: ENV, stdio: 'ignore' }), port);
}

async function measure(file: string, { isQuick, note }: BenchOptions): Promise<Raw> {
  const { rounds, starts } = isQuick ? QUICK : WHOLE;
  const servers = createServers();
  const issuer = `http://127.0.0.1:${await servers.start('zitadel')}`;
  const brokerPort = await servers.start('signed', issuer);
  const broker = `http://127.0.0.1:${brokerPort}`;
  const startMs: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    const one = await startProxy(file, broker);
    startMs.push(one.startMs);
    await one.stop();
  }
  const proxy = await startProxy(file, broker);
  const other = await startOther(broker);
  const asked = [
    [BROKER, await signed(brokerPort)],
    [PROXY, brokered(proxy.port)],
    ...(other ? [[OTHER, brokered(other.port)] as const] : []),
  ] as const;
  const cells = CONNECTIONS.flatMap((connections) => asked.map(([name, request]) => ({ name, request, connections })));
  try {
    await load(brokered(proxy.port), 1, 1);
    const idleMb = residentMb(proxy.child);
    const taken = await inTurns([...cells.keys()], {
      rounds,
      warmUp: WARM_UP,
      onRound: (round) => note(`proxy: ${round} of ${rounds}`),
      async sample(index): Promise<Sample> {
        const { request, connections } = cells[index] as (typeof cells)[number];
        const { latenciesMs, perSecond } = await load(request, connections, BURST_MS);
        return { p50Ms: quantile(latenciesMs, 0.5), perSecond };
      },
    });
    const bursts = cells.map(({ name, connections }, index) => ({ name, connections, samples: taken[index] ?? [] }));
    return { bursts, startMs, idleMb, loadedMb: residentMb(proxy.child) };
  } finally {
    await Promise.all([proxy.stop(), other?.close(), servers.stop()]);
  }
}

async function run(options: BenchOptions): Promise<Measured<Raw>> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-proxy-'));
  await buildCli(folder);
  const raw = await measure(join(folder, 'proxy.cjs'), options).finally(() => rmSync(folder, { recursive: true }));
  const series = (name: string, connections: number, what: keyof Sample) =>
    raw.bursts.flatMap((it) =>
      it.name === name && it.connections === connections ? it.samples.map((of) => of[what]) : [],
    );
  const p50Ms = spread(series(PROXY, 1, 'p50Ms')).value;
  const perSecond = spread(series(PROXY, 64, 'perSecond')).value;
  const start = spread(raw.startMs);
  const goal = (name: string, value: number, wanted: string, isMet: boolean): Goal => ({
    name,
    wanted,
    reached: value.toFixed(0),
    isMet,
  });
  return {
    tables: [
      {
        title: `A kept token over HTTP, bursts of ${BURST_MS} ms in turns`,
        columns: 'connections | asked | p50, ms | requests/s | requests/s × the broker',
        rows: raw.bursts.map(({ name, connections }) => [
          connections,
          name,
          showSpread(spread(series(name, connections, 'p50Ms')), 3),
          showSpread(spread(series(name, connections, 'perSecond')), 0),
          showSpread(ratio(series(name, connections, 'perSecond'), series(BROKER, connections, 'perSecond'))),
        ]),
      },
      {
        title: 'The process of the proxy',
        columns: 'from its start to its first line, ms | memory after a first token, MB | after the load, MB',
        rows: [[showSpread(start, 0), raw.idleMb?.toFixed(1) ?? 'unknown', raw.loadedMb?.toFixed(1) ?? 'unknown']],
      },
    ],
    goals: [
      atMost('proxy, p50 on one connection, ms', p50Ms, MOST_P50_MS, 3),
      goal('proxy, requests/s at 64 connections', perSecond, `≥ ${LEAST_PER_SECOND}`, perSecond >= LEAST_PER_SECOND),
      atMost('proxy, start, ms', start.value, MOST_START_MS, 0),
      ...(raw.idleMb === undefined
        ? []
        : [atMost('proxy, memory after a first token, MB', raw.idleMb, MOST_IDLE_MB, 1)]),
      ...(raw.loadedMb === undefined
        ? []
        : [atMost('proxy, memory after the load, MB', raw.loadedMb, MOST_LOADED_MB, 1)]),
    ],
    ratios: Object.fromEntries(
      CONNECTIONS.map((connections) => [
        `the proxy, requests/s × the broker, ${connections} at a time`,
        ratio(series(PROXY, connections, 'perSecond'), series(BROKER, connections, 'perSecond')).value,
      ]),
    ),
    raw,
  };
}

/** The local proxy as the package has it, beside the local stack of the broker itself and AWS's signing proxy. */
export const proxySection: Section<Raw> = { name: 'proxy', title: 'The proxy', run, plots: () => [] };
