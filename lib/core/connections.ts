/** The part of an agent of Node's that holds its connections that wait for use. */
interface IdleConnections {
  readonly freeSockets: Readonly<Record<string, readonly { readonly destroy: () => unknown }[] | undefined>>;
}

/** Closes the connections that wait for use: where one of them is dead, the others may be so too. */
export function dropIdle({ freeSockets }: IdleConnections): void {
  for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
