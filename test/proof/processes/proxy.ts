import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * How idle connections end: with a FIN, with a RST, or because something on the way has forgotten them, which says so
 * when they are used (as NAT does), or never (as some firewalls).
 */
export type Ending = 'end' | 'reset' | 'reset_on_use' | 'silence';

/** What happens to a connection whose request meets the fault. */
export type ProxyFault =
  /** It is reset: a new one as soon as it is made, an open one when it is used. */
  | { readonly kind: 'refuse' }
  /** The request is passed on; before any answer the proxy ends its own side, and continues to read. */
  | { readonly kind: 'half_close' }
  /** Each piece of the answer arrives this much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The request is passed on; after so many bytes of the answer the connection ends with a RST, with a FIN, or silently. */
  | { readonly kind: 'reset' | 'end' | 'silence'; readonly afterBytes: number };

/** Which requests meet a fault: those whose bytes match, and so many of them; by default all. */
export interface Meeting {
  readonly only?: RegExp;
  readonly times?: number;
}

/** What a proxy does with all that goes through it. */
interface Passing {
  /** Sees each piece of data, of either side. */
  readonly watch: (chunk: Buffer) => unknown;
  /** The fault for the request that begins with these bytes. */
  readonly meet: (request: Buffer) => ProxyFault | undefined;
}

/** Connects a client to the stand-in, as far as the faults allow. */
function createLink(client: Socket, target: Socket, { watch, meet }: Passing) {
  let fault: ProxyFault | undefined;
  /** Bytes of the answer since the last piece of a request. */
  let answered = 0;
  let isAsked = false;
  let isGivenUp = false;
  /** `half`: ended on our side; `gone`: whatever the client still sends gets a RST; `silent`: it gets nothing. */
  let state: 'open' | 'half' | 'gone' | 'silent' = 'open';
  /** Whether the client has not been told that it ends. */
  const isUp = () => state === 'open' || state === 'silent';

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
    if (fault === undefined || !('afterBytes' in fault)) return void give(chunk);
    const left = fault.afterBytes - answered;
    answered += chunk.length;
    give(chunk.subarray(0, Math.max(0, left)));
    if (chunk.length < left) return;
    isAsked = true;
    drop(fault.kind);
  }

  function ask(chunk: Buffer): void {
    isAsked = true;
    if (state === 'silent') return;
    if (state !== 'gone') fault = meet(chunk);
    if (state === 'gone' || fault?.kind === 'refuse') return void drop('reset');
    answered = 0;
    watch(chunk);
    target.write(chunk);
    if (fault?.kind !== 'half_close') return;
    state = 'half';
    client.end();
  }

  function leave(): void {
    isGivenUp ||= isUp();
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
  return {
    drop,
    isOpen: () => !client.closed,
    /** Whether the client waits for an answer, or for the rest of one. */
    isBusy: () => isAsked && isUp(),
    /** Whether the client has ended it, and nothing else before. */
    isGivenUp: () => isGivenUp,
  };
}

/**
 * Starts the way to a stand-in: a TCP proxy on loopback in front of `targetPort`, which makes it fail.
 * @param watch sees everything that goes through
 */
export async function createProxy(targetPort: number, watch: Passing['watch'] = () => undefined) {
  let fault: ProxyFault | undefined;
  let { only, times = Number.POSITIVE_INFINITY }: Meeting = {};
  let met = 0;
  /** All that were ever made. */
  const links: ReturnType<typeof createLink>[] = [];

  function meet(request: Buffer): ProxyFault | undefined {
    if (fault === undefined || times <= 0 || only?.test(request.toString('latin1')) === false) return undefined;
    times -= 1;
    met += 1;
    return fault;
  }

  function drop(how: Ending): number {
    const open = links.filter(({ isOpen }) => isOpen());
    for (const link of open) link.drop(how);
    return open.length;
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const link = createLink(client, connect({ port: targetPort, host: '127.0.0.1' }), { watch, meet });
    links.push(link);
    if (fault?.kind === 'refuse') link.drop('reset');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Fails like this from now on; `undefined` ends it, but for answers that are on their way. */
    fault(next: ProxyFault | undefined, meeting: Meeting = {}): void {
      fault = next;
      ({ only, times = Number.POSITIVE_INFINITY } = meeting);
    },
    /** How many requests have met a fault. */
    met: () => met,
    /** Ends all connections; returns how many there were. */
    drop,
    /** How many connections wait for the end of an answer, or for its beginning. */
    busy: () => links.filter(({ isBusy }) => isBusy()).length,
    /** How many connections were made. */
    made: () => links.length,
    /** How many connections the client ended although nobody else had: a request that it gave up, or its own end. */
    givenUp: () => links.filter(({ isGivenUp }) => isGivenUp()).length,
    async close(): Promise<void> {
      const closed = once(server.close(), 'close');
      drop('reset');
      await closed;
    },
  };
}

/** A proxy and its figures. */
export type Line = Awaited<ReturnType<typeof createProxy>>;
