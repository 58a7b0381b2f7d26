import { join } from 'node:path';
import { caller } from '../../support/principals.ts';
import { signedHeaders } from '../../support/signed-request.ts';
import type { BenchOptions, Measured, Section } from '../section.ts';
import { DIRECT_FORM, DIRECT_HEADERS, FORM, FORM_HEADERS } from '../setting.ts';
import { quantile, ratio, showSpread, spread } from '../stats.ts';
import { inTurns } from '../turns.ts';
import { startWorker, type Worker } from '../worker.ts';
import { load, post, type WireRequest } from './load.ts';
import { startNginx } from './nginx.ts';
import type { Order } from './servers.ts';

const ROUNDS = 25;
const QUICK_ROUNDS = 7;
const WARM_UP = 2;
const BURST_MS = 250;
const CONNECTIONS = [1, 64] as const;

/** What one burst has measured. */
interface Sample {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

/** All bursts with one contender and number of connections. */
type Raw = readonly { readonly name: string; readonly connections: number; readonly samples: readonly Sample[] }[];

const PANELS = [
  { panel: '1 connection, median', at: 1, what: 'p50Ms' },
  { panel: '64 connections, median', at: 64, what: 'p50Ms' },
  { panel: '64 connections, 99th percentile', at: 64, what: 'p99Ms' },
] as const;

/** To ZITADEL, or to what answers in its place. */
const direct = (port: number) => post(port, '/oauth/v2/token', DIRECT_HEADERS, DIRECT_FORM);

const PATH = '/orders/oauth/v2/token';

/** To the broker. */
export const brokered = (port: number, headers = FORM_HEADERS) => post(port, PATH, headers, FORM);

/** To the broker, signed once and sent often, which is allowed for five minutes: the answer is measured. */
export async function signed(port: number): Promise<WireRequest> {
  const url = `http://127.0.0.1:${port}${PATH}`;
  return brokered(port, await signedHeaders({ url, principal: caller, at: new Date(), body: FORM }));
}

/** Starts servers of this benchmark in processes of their own. */
export function createServers() {
  const workers: Worker[] = [];
  return {
    /** @returns its port */
    start(name: Order['name'], upstream = ''): Promise<number> {
      const worker = startWorker(join(import.meta.dirname, 'servers.ts'), {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      workers.push(worker);
      return worker.ask<number>({ name, upstream });
    },
    stop: () => Promise.all(workers.map(({ stop }) => stop())),
  };
}

/** Starts all servers. Answers what each contender is asked, and how to stop them. */
async function startServers(note: BenchOptions['note']) {
  const { start, stop } = createServers();
  const zitadel = await start('zitadel');
  const issuer = `http://127.0.0.1:${zitadel}`;
  const nginx = await startNginx(issuer).catch((error: Error) => {
    note(`http: without nginx: ${error.message}`);
    return undefined;
  });
  const requests: Readonly<Record<string, WireRequest>> = {
    direct: direct(zitadel),
    'response cache': direct(await start('cache', issuer)),
    ...(nginx === undefined ? {} : { nginx: direct(nginx.port) }),
    ours: brokered(await start('bare', issuer)),
    'ours, SigV4': await signed(await start('signed', issuer)),
  };
  return { requests, stop: () => Promise.all([stop(), nginx?.close()]) };
}

async function measure(rounds: number, note: BenchOptions['note']): Promise<Raw> {
  const { requests, stop } = await startServers(note);
  const cells = CONNECTIONS.flatMap((connections) =>
    Object.entries(requests).map(([name, request]) => ({ name, connections, request })),
  );
  const taken = await inTurns([...cells.keys()], {
    rounds,
    warmUp: WARM_UP,
    onRound: (round) => note(`http: ${round} of ${rounds}`),
    async sample(index): Promise<Sample> {
      const { request, connections } = cells[index] as (typeof cells)[number];
      const { latenciesMs, perSecond } = await load(request, connections, BURST_MS);
      return { p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99), perSecond };
    },
  }).finally(stop);
  return cells.map(({ name, connections }, index) => ({ name, connections, samples: taken[index] ?? [] }));
}

async function run({ isQuick, note }: BenchOptions): Promise<Measured<Raw>> {
  const rounds = isQuick ? QUICK_ROUNDS : ROUNDS;
  const raw = await measure(rounds, note);
  const series = (name: string, connections: number, what: keyof Sample) =>
    raw.flatMap((it) => (it.name === name && it.connections === connections ? it.samples.map((of) => of[what]) : []));
  const rows = raw.map(({ name, connections }) => {
    const show = (what: keyof Sample, digits: number) => showSpread(spread(series(name, connections, what)), digits);
    const times = (what: keyof Sample) => ratio(series(name, connections, what), series('direct', connections, what));
    const cells = [connections, name, show('p50Ms', 3), show('p99Ms', 3), show('perSecond', 0)];
    return { name, connections, cells: [...cells, showSpread(times('p50Ms'))], throughput: times('perSecond') };
  });
  return {
    tables: [
      {
        title: `A token over HTTP, ${rounds} rounds of ${BURST_MS} ms in turns`,
        columns: 'connections | asked | p50, ms | p99, ms | requests/s | p50 × direct | requests/s × direct',
        rows: rows.map(({ cells, throughput }) => [...cells, showSpread(throughput)]),
      },
    ],
    goals: [],
    ratios: Object.fromEntries(
      rows
        .filter(({ name }) => name !== 'direct')
        .map((it) => [`${it.name}, requests/s × direct, ${it.connections} at a time`, it.throughput.value]),
    ),
    raw,
  };
}

/** The broker as a server beside the other ways to a token, on this machine. */
export const httpSection: Section<Raw> = {
  name: 'http',
  title: 'End to end over HTTP',
  run,
  plots: (raw) => [
    {
      name: 'http-latency',
      title: 'A token over HTTP: time of a request',
      kind: 'dots',
      unit: 'ms, median and quartiles of the rounds',
      marks: PANELS.flatMap(({ panel, at, what }) =>
        raw
          .filter(({ connections }) => connections === at)
          .map(({ name, samples }) => ({ program: name, panel, ...spread(samples.map((it) => it[what])) })),
      ),
    },
  ],
};
