import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What happens to a connection whose request meets the fault. */
export type ProxyFault =
  /** It is reset: a new one as soon as it is made, an open one when it is used. */
  | { readonly kind: 'refuse' }
  /** The request is passed on; before any answer the proxy ends its own side, and continues to read. */
  | { readonly kind: 'half_close' }
  /** Each piece of the answer arrives this much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The request is passed on; after so many bytes of the answer the connection ends with a RST, with a FIN, or silently. */
  | { readonly kind: 'reset' | 'cut' | 'stall'; readonly afterBytes: number };

/**
 * How idle connections end: with a FIN, with a RST, or because something on the way has forgotten them, which says so
 * when they are used (as NAT does), or never (as some firewalls).
 */
export type Ending = 'end' | 'reset' | 'reset_on_use' | 'silence';

/** Which requests meet a fault: those whose bytes match, and so many of them; by default all. */
export interface Meeting {
  readonly only?: RegExp;
  readonly times?: number;
}

/** How each fault ends a connection within an answer. */
const ENDINGS = { reset: 'reset', cut: 'end', stall: 'silence' } as const;

/** A client's connection, and the one to the stand-in that belongs to it. */
interface Link {
  readonly drop: (how: Ending) => void;
  /** Whether the client waits for an answer, or for the rest of one. */
  readonly isBusy: () => boolean;
}

/** What the links of a proxy have in common. */
interface LinkOptions {
  readonly targetPort: number;
  /** Sees each piece of data, of either side. */
  readonly watch: (chunk: Buffer) => unknown;
  /** The fault for the request that begins with these bytes. */
  readonly meet: (request: Buffer) => ProxyFault | undefined;
  /** Is called if the client ends a connection that nothing else has ended. */
  readonly onGivenUp: () => void;
}

/** Connects a client to the stand-in, as far as the faults allow. */
function createLink(client: Socket, { targetPort, watch, meet, onGivenUp }: LinkOptions): Link {
  const target = connect({ port: targetPort, host: '127.0.0.1' });
  let fault: ProxyFault | undefined;
  /** Bytes of the answer since the last piece of a request. */
  let answered = 0;
  let isAsked = false;
  /** `half`: ended on our side; `gone`: whatever the client still sends gets a RST; `silent`: it gets nothing. */
  let state: 'open' | 'half' | 'gone' | 'silent' = 'open';

  function drop(how: Ending): void {
    state = how === 'silence' ? 'silent' : 'gone';
    target.destroy();
    if (how === 'reset') client.resetAndDestroy();
    if (how === 'end') client.end();
  }

  function give(chunk: Buffer): void {
    isAsked = false;
    if (state === 'open' && client.writable) client.write(chunk);
  }

  function answer(chunk: Buffer): void {
    watch(chunk);
    if (fault?.kind === 'delay') return void setTimeout(give, fault.ms, chunk);
    if (fault === undefined || !('afterBytes' in fault)) {
      give(chunk);
      return;
    }
    const left = fault.afterBytes - answered;
    answered += chunk.length;
    give(chunk.subarray(0, Math.max(0, left)));
    if (chunk.length < left) return;
    isAsked = true;
    drop(ENDINGS[fault.kind]);
  }

  function ask(chunk: Buffer): void {
    isAsked = true;
    if (state === 'silent') return;
    if (state !== 'gone') fault = meet(chunk);
    if (state === 'gone' || fault?.kind === 'refuse') {
      drop('reset');
      return;
    }
    answered = 0;
    watch(chunk);
    target.write(chunk);
    if (fault?.kind !== 'half_close') return;
    state = 'half';
    client.end();
  }

  function leave(): void {
    if (state === 'open' || state === 'silent') onGivenUp();
    state = 'gone';
    client.destroy();
  }

  client.setNoDelay(true);
  // What was sent before a client left arrives all the same.
  client.on('data', ask).on('end', leave).on('error', leave);
  client.on('close', () => target.end());
  target.on('data', answer);
  // A stand-in that ends an idle connection does so without an error.
  for (const event of ['end', 'error']) target.on(event, () => state === 'open' && drop('end'));
  return { drop, isBusy: () => isAsked && (state === 'open' || state === 'silent') };
}

/**
 * Starts the way to a stand-in: a TCP proxy on loopback in front of `targetPort`, which makes it fail.
 * @param watch sees everything that goes through
 */
export async function createProxy(targetPort: number, watch: LinkOptions['watch'] = () => undefined) {
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
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    /** Fails like this from now on; `undefined` ends it, but for answers that are on their way. */
    fault(next: ProxyFault | undefined, meeting: Meeting = {}): void {
      fault = next;
      ({ only, times = Number.POSITIVE_INFINITY } = meeting);
    },
    /** How many requests have met a fault. */
    met: () => counts.met,
    /** Ends all connections; returns how many there were. */
    drop(how: Ending): number {
      const { size } = links;
      for (const link of links) link.drop(how);
      return size;
    },
    /** How many connections wait for the end of an answer, or for its beginning. */
    busy: () => [...links].filter(({ isBusy }) => isBusy()).length,
    /** How many connections were made. */
    made: () => counts.made,
    /** How many connections the client ended although nobody else had: a request that it gave up, or its own end. */
    givenUp: () => counts.givenUp,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const link of links) link.drop('reset');
      }),
  };
}

/** A proxy and its figures. */
export type Line = Awaited<ReturnType<typeof createProxy>>;
