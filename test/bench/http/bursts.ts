import { join } from 'node:path';
import { caller } from '../../support/principals.ts';
import { signedHeaders } from '../../support/signed-request.ts';
import { FORM, FORM_HEADERS } from '../setting.ts';
import { ratio } from '../stats.ts';
import { inTurns } from '../turns.ts';
import { startWorker } from '../worker.ts';
import { type Burst, load, post, type WireRequest } from './load.ts';
import type { Program } from './servers.ts';

/** How long one burst takes. */
export const BURST_MS = 250;

const WARM_UP = 2;
const CONNECTIONS = [1, 64] as const;
const PATH = '/orders/oauth/v2/token';

/** Starts a server of this benchmark in a process of its own, until the part ends; answers its port. */
export const startServer = (name: keyof Program, upstream = '') =>
  startWorker<Program>(join(import.meta.dirname, 'servers.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  }).ask(name, upstream);

/** To the broker. */
export const brokered = (port: number, headers = FORM_HEADERS) => post(port, PATH, headers, FORM);

/** To the broker, signed once and sent often, which is allowed for five minutes: the answer is measured. */
export async function signed(port: number): Promise<WireRequest> {
  const url = `http://127.0.0.1:${port}${PATH}`;
  return brokered(port, await signedHeaders({ url, principal: caller, at: new Date(), body: FORM }));
}

/** All bursts with one contender and number of connections. */
interface Bursts<Sample> {
  readonly name: string;
  readonly connections: number;
  readonly samples: readonly Sample[];
}

/** Sends each contender's request over one connection and over many, in turns; `figures` are those of one burst. */
export async function measureBursts<Sample>(
  requests: Readonly<Record<string, WireRequest>>,
  figures: (burst: Burst) => Sample,
  rounds: number,
): Promise<readonly Bursts<Sample>[]> {
  const cells = CONNECTIONS.flatMap((connections) =>
    Object.entries(requests).map(([name, request]) => ({ name, connections, request })),
  );
  const taken = await inTurns([...cells.keys()], {
    rounds,
    warmUp: WARM_UP,
    async sample(index) {
      const { request, connections } = cells[index] as (typeof cells)[number];
      return figures(await load(request, connections, BURST_MS));
    },
  });
  return cells.map(({ name, connections }, index) => ({ name, connections, samples: taken[index] ?? [] }));
}

/** Each contender's figures, and how they relate to those of a peer over as many connections. */
export const beside = <Figure extends string>(all: readonly Bursts<Readonly<Record<Figure, number>>>[], peer: string) =>
  all.map(({ name, connections, samples }) => {
    const peers = all.find((it) => it.name === peer && it.connections === connections)?.samples ?? [];
    const of = (figure: Figure, those = samples) => those.map((sample) => sample[figure]);
    return { name, connections, of, times: (figure: Figure) => ratio(of(figure), of(figure, peers)) };
  });
