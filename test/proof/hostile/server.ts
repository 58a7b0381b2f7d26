import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { perform, type Sent, type Step } from './play.ts';
import { type Security, secure } from './secure.ts';
import type { Watch } from './time.ts';

/** What a server does. */
export interface Behaviour {
  readonly respond: (sent: Sent) => Promise<readonly Step[]>;
  /** What it does before anything has come; `undefined`: nothing. */
  readonly greet?: () => readonly Step[] | undefined;
  /** How a connection is secured; `undefined`: not at all. */
  readonly security?: () => Security | undefined;
}

/** Takes one request with a length off the front of `received`; `undefined` until it is complete. */
function takeRequest(received: string): { sent: Sent; rest: string } | undefined {
  const [, head = '', rest] = /^(.*?)\r\n\r\n(.*)$/s.exec(received) ?? [];
  const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
  if (rest === undefined || rest.length < length) return undefined;
  return { sent: { head, body: rest.slice(0, length) }, rest: rest.slice(length) };
}

/** Opens a server on loopback that speaks bytes. */
export async function createServer(watch: Watch, { respond, greet, security }: Behaviour) {
  const sockets = new Set<Socket>();
  const sent: Sent[] = [];

  async function listenTo(socket: Socket): Promise<void> {
    let received = '';
    for await (const chunk of socket) {
      received += (chunk as Buffer).toString('latin1');
      for (let next = takeRequest(received); next !== undefined; next = takeRequest(received)) {
        received = next.rest;
        sent.push(next.sent);
        watch.moves += 1;
        // Not awaited: only a server that goes on reading sees that the other side hangs up.
        void perform({ socket, watch }, await respond(next.sent));
      }
    }
  }

  const server = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    watch.moves += 1;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      watch.moves += 1;
    });
    const greeting = greet?.();
    if (greeting !== undefined) return void perform({ socket, watch }, greeting);
    const secured = security?.();
    const stream = secured === undefined ? socket : secure(socket, secured);
    // If the other side hangs up or breaks off, so does this one.
    listenTo(stream).then(
      () => stream.end(),
      () => stream.destroy(),
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    /** Every request, in order. */
    sent,
    /** The number of open connections. */
    open: () => sockets.size,
    /** Cuts every open connection. */
    drop,
    async close() {
      drop();
      await once(server.close(), 'close');
    },
  };
}
export type Server = Awaited<ReturnType<typeof createServer>>;
