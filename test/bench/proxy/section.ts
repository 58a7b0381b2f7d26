import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCli } from '../../../infra/build/cli.ts';
import { caller } from '../../support/principals.ts';
import { onEnd } from '../ends.ts';
import { createFolder } from '../folder.ts';
import { BURST_MS, beside, brokered, measureBursts, signed, startServer } from '../http/bursts.ts';
import { startInstalled } from '../http/installed.ts';
import { load } from '../http/load.ts';
import { atLeast, atMost, section } from '../section.ts';
import { median, showSpread } from '../stats.ts';
import { stopOf } from '../worker.ts';

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
};

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
  const stop = stopOf(child);
  const [printed] = await once(child.stdout, 'data');
  const startMs = performance.now() - startedAt;
  return { child, port: Number(/127\.0\.0\.1:(\d+)/.exec(String(printed))?.[1]), startMs, stop };
}

/** Starts the signing proxy of AWS, which keeps no tokens; undefined if it is not installed. */
function startOther(broker: string) {
  const upstream = ['--host', new URL(broker).host, '--upstream-url-scheme', 'http'];
  const signing = ['--name', 'execute-api', '--region', 'eu-central-1'];
  return startInstalled(OTHER, (port) => ['--port', `127.0.0.1:${port}`, ...signing, ...upstream], ENV);
}

/** The local proxy as the package has it, beside the local stack of the broker itself and AWS's signing proxy. */
export const proxySection = section({
  name: 'proxy',
  title: 'The proxy',
  whole: { rounds: 25, starts: 15 },
  quick: { rounds: 7, starts: 5 },
  async measure({ rounds, starts }) {
    const folder = createFolder('proxy');
    await buildCli(folder);
    const file = join(folder, 'proxy.cjs');
    const issuer = `http://127.0.0.1:${await startServer('zitadel')}`;
    const brokerPort = await startServer('signed', issuer);
    const broker = `http://127.0.0.1:${brokerPort}`;
    /** From the start of the process to its first line. */
    const startMs: number[] = [];
    for (let start = 0; start < starts; start += 1) {
      const one = await startProxy(file, broker);
      startMs.push(one.startMs);
      await one.stop();
    }
    const proxy = await startProxy(file, broker);
    onEnd(proxy.stop);
    const other = await startOther(broker);
    const requests = {
      [BROKER]: await signed(brokerPort),
      [PROXY]: brokered(proxy.port),
      ...(other && { [OTHER]: brokered(other) }),
    };
    await load(brokered(proxy.port), 1, 1);
    const idleMb = residentMb(proxy.child);
    const bursts = await measureBursts(
      requests,
      ({ latenciesMs, perSecond }) => ({ p50Ms: median(latenciesMs), perSecond }),
      rounds,
    );
    return { bursts, startMs, idleMb, loadedMb: residentMb(proxy.child) };
  },
  show({ bursts, startMs, idleMb, loadedMb }) {
    const all = beside(bursts, BROKER);
    const proxies = all.filter(({ name }) => name === PROXY);
    const at = (connections: number, figure: 'p50Ms' | 'perSecond') =>
      median(proxies.find((it) => it.connections === connections)?.of(figure) ?? []);
    const memory = (when: string, mb: number | undefined, most: number) =>
      mb === undefined ? [] : [atMost(`proxy, memory after ${when}, MB`, mb, most, 1)];
    return {
      tables: [
        {
          title: `A kept token over HTTP, bursts of ${BURST_MS} ms in turns`,
          rows: all.map(({ name, connections, of, times }) => ({
            connections,
            asked: name,
            'p50, ms': showSpread(of('p50Ms'), 3),
            'requests/s': showSpread(of('perSecond'), 0),
            'requests/s × the broker': showSpread(times('perSecond')),
          })),
        },
        {
          title: 'The process of the proxy',
          rows: [
            {
              'from its start to its first line, ms': showSpread(startMs, 0),
              'memory after a first token, MB': idleMb?.toFixed(1) ?? 'unknown',
              'after the load, MB': loadedMb?.toFixed(1) ?? 'unknown',
            },
          ],
        },
      ],
      goals: [
        atMost('proxy, p50 on one connection, ms', at(1, 'p50Ms'), MOST_P50_MS, 3),
        atLeast('proxy, requests/s at 64 connections', at(64, 'perSecond'), LEAST_PER_SECOND),
        atMost('proxy, start, ms', median(startMs), MOST_START_MS, 0),
        ...memory('a first token', idleMb, MOST_IDLE_MB),
        ...memory('the load', loadedMb, MOST_LOADED_MB),
      ],
      ratios: proxies.map(({ connections, times }) => [
        `the proxy, requests/s × the broker, ${connections} at a time`,
        median(times('perSecond')),
      ]),
    };
  },
});
