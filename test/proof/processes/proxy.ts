import { type AddressInfo, createServer } from 'node:net';
import { createLink, type Ending, type Link, type ProxyFault } from './link.ts';

/** Which requests meet a fault: those whose bytes match, and so many of them; by default all. */
export interface Meeting {
  readonly only?: RegExp;
  readonly times?: number;
}

/** The way to a stand-in, through a TCP proxy that makes it fail. */
export interface Line {
  readonly url: string;
  /** Fails so from now on; `undefined` ends it, but for answers that are on their way. */
  readonly fault: (fault: ProxyFault | undefined, meeting?: Meeting) => void;
  /** How many requests have met a fault. */
  readonly met: () => number;
  /** Ends all connections; answers how many there were. */
  readonly drop: (how: Ending) => number;
  /** How many connections wait for the end of an answer, or for its beginning. */
  readonly busy: () => number;
  /** How many connections were made. */
  readonly made: () => number;
  /** How many connections the client ended although nobody else had: a request that it gave up, or its own end. */
  readonly givenUp: () => number;
  readonly close: () => Promise<void>;
}

/**
 * Starts a proxy on loopback before `targetPort`.
 * @param options.watch sees all that goes through
 */
export async function createProxy({
  targetPort,
  watch = () => undefined,
}: {
  targetPort: number;
  watch?: (chunk: Buffer) => unknown;
}): Promise<Line> {
  let fault: ProxyFault | undefined;
  let { only, times = Number.POSITIVE_INFINITY }: Meeting = {};
  let made = 0;
  let met = 0;
  let givenUp = 0;
  const links = new Set<Link>();

  function meet(request: Buffer): ProxyFault | undefined {
    if (fault === undefined || times <= 0 || only?.test(request.toString('latin1')) === false) return undefined;
    times -= 1;
    met += 1;
    return fault;
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    made += 1;
    if (fault?.kind === 'refuse') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const link = createLink({
      client,
      targetPort,
      watch,
      meet,
      onGivenUp: () => {
        givenUp += 1;
      },
      onClose: (closed) => links.delete(closed),
    });
    links.add(link);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const dropAll = (how: Ending): number => {
    const { size } = links;
    for (const { drop } of links) drop(how);
    return size;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: (next, meeting = {}) => {
      fault = next;
      ({ only, times = Number.POSITIVE_INFINITY } = meeting);
    },
    met: () => met,
    drop: dropAll,
    busy: () => [...links].filter(({ isBusy }) => isBusy()).length,
    made: () => made,
    givenUp: () => givenUp,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        dropAll('reset');
      }),
  };
}
