import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Clock } from '../../../lib/core/clock.ts';
import { perform, type Sent, type Step } from './play.ts';
import { type Security, secure } from './secure.ts';
import type { Watch } from './time.ts';

/** What a server does about a request: `isHostile` where that is what the case is about. */
export interface Scene {
  readonly steps: readonly Step[];
  readonly isHostile: boolean;
}

/** TLS, and whether it is what the case is about. */
export interface Secured {
  readonly security: Security;
  readonly isHostile: boolean;
}

export interface TheatreOptions {
  readonly clock: Clock;
  readonly watch: Watch;
  readonly direct: (sent: Sent) => Scene | Promise<Scene>;
  /** What is done with a connection before anything has come; `undefined`: nothing. */
  readonly greet: () => Scene | undefined;
  /** How a connection is secured; `undefined`: not at all. */
  readonly security: () => Secured | undefined;
}

/** A server that speaks bytes. */
export interface Theatre {
  readonly port: number;
  /** Every request, in its order. */
  readonly sent: readonly Sent[];
  /** How many connections are open. */
  readonly open: () => number;
  /** Cuts every open connection. */
  readonly drop: () => void;
  readonly close: () => Promise<void>;
}

const HEAD_END = '\r\n\r\n';

/** Takes one request with a length off the front of `received`; `undefined` while it is not whole. */
function takeRequest(received: string): { sent: Sent; rest: string } | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = received.slice(0, headEnd);
  const bodyAt = headEnd + HEAD_END.length;
  const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
  if (received.length < bodyAt + length) return undefined;
  return { sent: { head, body: received.slice(bodyAt, bodyAt + length) }, rest: received.slice(bodyAt + length) };
}

/** Opens a theatre on loopback. */
export async function createTheatre({ clock, watch, direct, greet, security }: TheatreOptions): Promise<Theatre> {
  const sockets = new Set<Socket>();
  const sent: Sent[] = [];

  async function play(socket: Socket, { steps, isHostile }: Scene): Promise<void> {
    if (isHostile) watch.strike();
    const onMove = () => watch.move(isHostile);
    onMove();
    await perform(socket, steps, { clock, onMove });
  }

  async function listenTo(socket: Socket): Promise<void> {
    let received = '';
    for await (const chunk of socket) {
      received += (chunk as Buffer).toString('latin1');
      for (let next = takeRequest(received); next !== undefined; next = takeRequest(received)) {
        received = next.rest;
        sent.push(next.sent);
        watch.move(false);
        const scene = await direct(next.sent);
        // Reading goes on meanwhile: only so is it seen that the other side hangs up.
        void play(socket, scene);
      }
    }
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    watch.move(watch.isHostileLast());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      watch.move(watch.isHostileLast());
    });
    const greeting = greet();
    if (greeting !== undefined) return void play(socket, greeting);
    const secured = security();
    if (secured?.isHostile) watch.strike();
    const stream = secured === undefined ? socket : secure(socket, secured.security);
    // The other side has hung up, or broken off: so does this one.
    listenTo(stream).then(
      () => stream.end(),
      () => stream.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    sent,
    open: () => sockets.size,
    drop,
    close: () => {
      drop();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
