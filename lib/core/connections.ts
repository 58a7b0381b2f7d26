/** The part of a Node.js agent that holds its idle connections. */
interface IdleConnections {
  readonly freeSockets: Readonly<Record<string, readonly { readonly destroy: () => unknown }[] | undefined>>;
}

/** Closes all idle connections: if one is dead, the others may be too. */
export function dropIdle({ freeSockets }: IdleConnections): void {
  for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
