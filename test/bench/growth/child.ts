import type { GatewayHandler } from '../../../lib/http/endpoint.ts';
import { ask, createBroker, profileEvent, profileName, scopesEvent } from './broker.ts';

/** What the parent asks for. */
export type Order =
  | { readonly kind: 'hits'; readonly sizes: readonly number[]; readonly rounds: number; readonly calls: number }
  | { readonly kind: 'plateau'; readonly keys: number; readonly step: number };

/** What comes back: CPU for each call by size and round, in microseconds; memory of each size, in bytes. */
export interface Hits {
  readonly cpuUs: Readonly<Record<number, readonly number[]>>;
  readonly bytes: Readonly<Record<number, number>>;
}

/** Memory in use after so many keys, in bytes. */
export type Plateau = readonly (readonly [keys: number, bytes: number])[];

function heapUsed(): number {
  // Run with --expose-gc. What weak references hold is let go in a second round.
  for (let round = 0; round < 2; round += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

async function hits({ sizes, rounds, calls }: Extract<Order, { kind: 'hits' }>): Promise<Hits> {
  const brokers: { size: number; handler: GatewayHandler; next: number }[] = [];
  const bytes: Record<number, number> = {};
  for (const size of sizes) {
    const before = heapUsed();
    const handler = createBroker(size);
    for (let profile = 0; profile < size; profile += 1) await ask(handler, profileEvent(profile));
    bytes[size] = heapUsed() - before;
    brokers.push({ size, handler, next: 0 });
  }
  const cpuUs: Record<number, number[]> = Object.fromEntries(sizes.map((size) => [size, []]));
  for (let round = -2; round < rounds; round += 1) {
    for (const broker of brokers) {
      const { size, handler } = broker;
      // One event with another name each time: Lambda's are new as well, and so at hand for the processor.
      const event = profileEvent(0);
      const before = process.cpuUsage();
      for (let call = 0; call < calls; call += 1) {
        await ask(handler, { ...event, pathParameters: { profile: profileName(broker.next) } });
        // Round and round, so that no key is asked for more than another.
        broker.next = (broker.next + 1) % size;
      }
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) cpuUs[size]?.push((user + system) / calls);
    }
  }
  return { cpuUs, bytes };
}

async function plateau({ keys, step }: Extract<Order, { kind: 'plateau' }>): Promise<Plateau> {
  const handler = createBroker(1);
  await ask(handler, scopesEvent(0));
  const before = heapUsed();
  const points: [number, number][] = [[1, 0]];
  for (let key = 1; key < keys; key += 1) {
    await ask(handler, scopesEvent(key));
    if ((key + 1) % step === 0) points.push([key + 1, heapUsed() - before]);
  }
  return points;
}

process.once('message', async (order: Order) => {
  process.send?.(order.kind === 'hits' ? await hits(order) : await plateau(order), () => process.disconnect());
});
