import { type AddressInfo, createServer } from 'node:net';
import { createLink, type Ending, type Link, type LinkOptions, type ProxyFault } from './link.ts';

/** Which requests meet a fault: those whose bytes match, and so many of them; by default all. */
export interface Meeting {
  readonly only?: RegExp;
  readonly times?: number;
}

/** The way to a stand-in, through a TCP proxy that makes it fail. */
export interface Line {
  readonly url: string;
  /** Fails like this from now on; `undefined` ends it, but for answers that are on their way. */
  readonly fault: (fault: ProxyFault | undefined, meeting?: Meeting) => void;
  /** How many requests have met a fault. */
  readonly met: () => number;
  /** Ends all connections; returns how many there were. */
  readonly drop: (how: Ending) => number;
  /** How many connections wait for the end of an answer, or for its beginning. */
  readonly busy: () => number;
  /** How many connections were made. */
  readonly made: () => number;
  /** How many connections the client ended although nobody else had: a request that it gave up, or its own end. */
  readonly givenUp: () => number;
  readonly close: () => Promise<void>;
}

/** Starts a proxy on loopback in front of `targetPort`. `watch` sees everything that goes through. */
export async function createProxy({
  targetPort,
  watch = () => undefined,
}: Pick<LinkOptions, 'targetPort'> & Partial<Pick<LinkOptions, 'watch'>>): Promise<Line> {
  let fault: ProxyFault | undefined;
  let { only, times = Number.POSITIVE_INFINITY }: Meeting = {};
  const counts = { made: 0, met: 0, givenUp: 0 };
  const links = new Set<Link>();

  function meet(request: Buffer): ProxyFault | undefined {
    if (fault === undefined || times <= 0 || only?.test(request.toString('latin1')) === false) return undefined;
    times -= 1;
    counts.met += 1;
    return fault;
  }

  const onGivenUp = (): void => {
    counts.givenUp += 1;
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    counts.made += 1;
    if (fault?.kind === 'refuse') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const link = createLink(client, { targetPort, watch, meet, onGivenUp });
    links.add(link);
    client.on('close', () => links.delete(link));
  });
  const drop = (how: Ending): number => {
    const { size } = links;
    for (const link of links) link.drop(how);
    return size;
  };
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    fault: (next, meeting = {}) => {
      fault = next;
      ({ only, times = Number.POSITIVE_INFINITY } = meeting);
    },
    met: () => counts.met,
    drop,
    busy: () => [...links].filter(({ isBusy }) => isBusy()).length,
    made: () => counts.made,
    givenUp: () => counts.givenUp,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        drop('reset');
      }),
  };
}
