import { connect, type Socket } from 'node:net';

/** What becomes of a connection whose request meets the fault. */
export type ProxyFault =
  /** It is reset: a new one as soon as it is made, an open one when it is used. */
  | { readonly kind: 'refuse' }
  /** The request is handed on; after so many bytes of the answer the connection is reset. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** As `reset`, with an orderly end instead. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The request is handed on; before any answer the proxy ends its own side, and goes on reading. */
  | { readonly kind: 'half_close' }
  /** Each piece of the answer comes so much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The request is handed on, and so many bytes of the answer; then nothing more ever comes. */
  | { readonly kind: 'stall'; readonly afterBytes: number };

/**
 * How connections end that nobody uses: with a FIN, with a RST, or forgotten by something on the way, which tells so
 * when they are used (as NAT does), or never (as some firewalls).
 */
export type Ending = 'end' | 'reset' | 'reset_on_use' | 'silence';

/** A connection of a client, with its own to the stand-in. */
export interface Link {
  readonly drop: (how: Ending) => void;
  /** Whether the client spoke last. */
  readonly isBusy: () => boolean;
}

export interface LinkOptions {
  readonly client: Socket;
  readonly targetPort: number;
  /** Sees each piece of data, of either side. */
  readonly watch: (chunk: Buffer) => unknown;
  /** The fault that a request meets, which begins with these bytes. */
  readonly meet: (request: Buffer) => ProxyFault | undefined;
  readonly onGivenUp: () => void;
  readonly onClose: (link: Link) => void;
}

/** Joins a client to the stand-in, as far as its faults let it. */
export function createLink({ client, targetPort, watch, meet, onGivenUp, onClose }: LinkOptions): Link {
  const target = connect({ port: targetPort, host: '127.0.0.1' });
  let fault: ProxyFault | undefined;
  /** Bytes of the answer since the last piece of a request. */
  let answered = 0;
  let isAsked = false;
  /** When the last delayed piece is handed on: none may overtake it. */
  let lastAtMs = 0;
  /** `half`: on our side; `gone`: whatever the client still sends is answered with a RST; `silent`: with nothing. */
  let ended: 'no' | 'half' | 'gone' | 'silent' = 'no';

  function end(how: 'end' | 'reset'): void {
    ended = 'gone';
    target.destroy();
    if (how === 'reset') client.resetAndDestroy();
    else client.end();
  }

  function drop(how: Ending): void {
    if (how === 'end' || how === 'reset') end(how);
    else ended = how === 'silence' ? 'silent' : 'gone';
    target.destroy();
  }

  function give(chunk: Buffer): void {
    isAsked = false;
    if (ended === 'no' && client.writable) client.write(chunk);
  }

  function answer(chunk: Buffer): void {
    watch(chunk);
    const before = answered;
    answered += chunk.length;
    const nowMs = performance.now();
    const waitMs = Math.max(lastAtMs - nowMs, fault?.kind === 'delay' ? fault.ms : 0);
    if (waitMs > 0) {
      lastAtMs = nowMs + waitMs;
      setTimeout(give, waitMs, chunk);
      return;
    }
    if (fault === undefined || !('afterBytes' in fault)) {
      give(chunk);
      return;
    }
    give(chunk.subarray(0, Math.max(0, fault.afterBytes - before)));
    if (answered < fault.afterBytes) return;
    if (fault.kind === 'stall') {
      ended = 'silent';
      isAsked = true;
    } else {
      end(fault.kind === 'reset' ? 'reset' : 'end');
    }
  }

  function ask(chunk: Buffer): void {
    isAsked = true;
    if (ended === 'silent') return;
    if (ended !== 'gone') fault = meet(chunk);
    if (ended === 'gone' || fault?.kind === 'refuse') {
      end('reset');
      return;
    }
    answered = 0;
    watch(chunk);
    target.write(chunk);
    if (fault?.kind !== 'half_close') return;
    ended = 'half';
    client.end();
  }

  function leave(): void {
    if (ended === 'no' || ended === 'silent') onGivenUp();
    ended = 'gone';
    client.destroy();
  }

  const link = { drop, isBusy: () => isAsked && (ended === 'no' || ended === 'silent') };
  client.setNoDelay(true);
  client.on('data', ask).on('end', leave).on('error', leave);
  client.on('close', () => {
    // What was sent arrives all the same.
    target.end();
    onClose(link);
  });
  target.on('data', answer);
  // A stand-in that ends an idle connection does so without an error.
  for (const event of ['end', 'error']) target.on(event, () => ended === 'no' && end('end'));
  return link;
}
