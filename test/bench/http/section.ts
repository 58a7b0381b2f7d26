import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import accounts from '../../recordings/accounts.json' with { type: 'json' };
import { caller } from '../../support/principals.ts';
import { signedHeaders } from '../../support/signed-request.ts';
import type { BenchOptions, Measured, Section } from '../section.ts';
import { quantile, ratio, showSpread, spread } from '../stats.ts';
import { lines } from '../svg.ts';
import { load, type WireRequest } from './load.ts';
import { startNginx } from './nginx.ts';

const ROUNDS = 25;
const QUICK_ROUNDS = 7;
const WARM_UP_ROUNDS = 2;
const BURST_MS = 250;
const CONNECTIONS = [1, 64] as const;

/** Of a plot of latencies: shares of the requests. */
const SHARES = Array.from({ length: 100 }, (_, index) => index / 100).concat(0.995, 0.999);

const FORM = 'content-type';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** What is asked for a token, and how. */
interface Contender {
  readonly name: string;
  readonly request: WireRequest;
}

interface Sample {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

/** Everything that was measured with one contender and number of connections. */
interface Samples {
  readonly rounds: Sample[];
  readonly latenciesMs: number[];
}

async function start(...args: readonly string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(join(import.meta.dirname, 'server.ts'), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [port] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the server ${args[0]} has ended with ${code}`);
    }),
  ]);
  return { child, port };
}

const { clientId, clientSecret } = accounts.saSecret;
const BASIC = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;

/** To ZITADEL, or to what answers in its place. */
const direct = (port: number): WireRequest => ({
  port,
  path: '/oauth/v2/token',
  headers: { authorization: BASIC, [FORM]: FORM_TYPE },
  body: 'grant_type=client_credentials&scope=openid',
});

/** To the broker. */
const brokered = (port: number, headers: Readonly<Record<string, string>> = {}): WireRequest => ({
  port,
  path: '/orders/oauth/v2/token',
  headers: { [FORM]: FORM_TYPE, ...headers },
  body: 'grant_type=client_credentials',
});

/** A request that is signed once and sent often, as may be done for five minutes: what is measured is the answer. */
async function signed(port: number): Promise<WireRequest> {
  const request = brokered(port);
  const url = `http://127.0.0.1:${port}${request.path}`;
  return brokered(port, await signedHeaders({ url, principal: caller, at: new Date(), body: request.body }));
}

const cell = (name: string, connections: number) => `${name} ${connections}`;

async function run({ isQuick, note }: BenchOptions): Promise<Measured> {
  const rounds = isQuick ? QUICK_ROUNDS : ROUNDS;
  const zitadel = await start('zitadel');
  const issuer = `http://127.0.0.1:${zitadel.port}`;
  const [cache, bare, gateway] = await Promise.all([
    start('cache', issuer),
    start('bare', issuer),
    start('signed', issuer),
  ]);
  const nginx = await startNginx(issuer).catch((error: Error) => {
    note(`http: without nginx: ${error.message}`);
    return undefined;
  });
  const children = [zitadel, cache, bare, gateway];
  const contenders: readonly Contender[] = [
    { name: 'direct', request: direct(zitadel.port) },
    { name: 'response cache', request: direct(cache.port) },
    ...(nginx === undefined ? [] : [{ name: 'nginx', request: direct(nginx.port) }]),
    { name: 'ours', request: brokered(bare.port) },
    { name: 'ours, SigV4', request: await signed(gateway.port) },
  ];
  const samples = new Map<string, Samples>();
  const of = (name: string, connections: number): Samples => {
    const found = samples.get(cell(name, connections)) ?? { rounds: [], latenciesMs: [] };
    samples.set(cell(name, connections), found);
    return found;
  };
  try {
    for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
      const order = round % 2 === 0 ? contenders : [...contenders].reverse();
      for (const connections of CONNECTIONS) {
        for (const { name, request } of order) {
          const { latenciesMs, perSecond } = await load(request, connections, BURST_MS);
          if (round < 0) continue;
          const found = of(name, connections);
          found.rounds.push({ p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99), perSecond });
          for (const latencyMs of latenciesMs) found.latenciesMs.push(latencyMs);
        }
      }
      if (round >= 0) note(`http: ${round + 1} of ${rounds}`);
    }
  } finally {
    for (const { child } of children) child.kill();
    await nginx?.close();
  }
  const series = (name: string, connections: number, what: keyof Sample) =>
    of(name, connections).rounds.map((sample) => sample[what]);
  const show = (name: string, connections: number, what: keyof Sample, digits: number) =>
    showSpread(spread(series(name, connections, what)), digits);
  const times = (name: string, connections: number, what: keyof Sample) =>
    ratio(series(name, connections, what), series('direct', connections, what));
  const many = CONNECTIONS[1];
  return {
    tables: [
      {
        title: `A token over HTTP, ${rounds} rounds of ${BURST_MS} ms in turns`,
        columns: ['connections', 'asked', 'p50, ms', 'p99, ms', 'requests/s', 'p50 × direct', 'requests/s × direct'],
        rows: CONNECTIONS.flatMap((connections) =>
          contenders.map(({ name }) => [
            connections,
            name,
            show(name, connections, 'p50Ms', 3),
            show(name, connections, 'p99Ms', 3),
            show(name, connections, 'perSecond', 0),
            showSpread(times(name, connections, 'p50Ms')),
            showSpread(times(name, connections, 'perSecond')),
          ]),
        ),
      },
    ],
    goals: [],
    ratios: Object.fromEntries(
      CONNECTIONS.flatMap((connections) =>
        contenders
          .slice(1)
          .map(({ name }) => [
            `${name}, requests/s × direct, ${connections} at a time`,
            times(name, connections, 'perSecond').median,
          ]),
      ),
    ),
    plots: {
      'http-latency': lines(
        `A token over HTTP, ${many} connections`,
        contenders.map(({ name }) => ({
          name,
          points: SHARES.map((share) => [100 * share, quantile(of(name, many).latenciesMs, share)] as const),
        })),
        { xLabel: '% of the requests', yLabel: 'ms or less', isLogarithmic: true },
      ),
    },
    raw: {
      hasNginx: nginx !== undefined,
      samples: Object.fromEntries([...samples].map(([name, { rounds: all }]) => [name, all])),
    },
  };
}

/** The broker as a server beside the other ways to a token, on this machine. */
export const httpSection: Section = { name: 'http', title: 'End to end over HTTP', run };
