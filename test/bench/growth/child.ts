import { createTokenFunctions } from '../../../lib/compose/tokens.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { ok } from '../../../lib/core/result.ts';
import type { GatewayHandler } from '../../../lib/http/endpoint.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { profilesOf } from '../../support/profiles.ts';
import { FORM, SECRET, serviceName, serviceProfiles, tokenAnswer } from '../setting.ts';
import { cpuUs, inTurns } from '../turns.ts';
import { serve } from '../worker.ts';

// Measures a broker in a process with nothing else in its memory. Run with --expose-gc.

const WARM_UP = 2;
/** Callers ask for some of these: each choice is a key of its own. */
const SCOPES = Array.from({ length: 17 }, (_, index) => `scope-${index}`);

const invocation = context();
const token = tokenAnswer('a'.repeat(120), 43_199);

/** The broker over services that keep nothing, so that all the memory that grows is its own. */
const createBroker = (profiles: number): GatewayHandler =>
  createTokenFunctions(
    profilesOf(serviceProfiles(profiles, () => ({ secret: 'one', scopes: SCOPES }))),
    { TABLE_NAME: 'tokens' },
    {
      write: () => undefined,
      secrets: { read: async () => ok(redacted(SECRET)) },
      table: {
        aheadMs: () => 0,
        read: async () => ok(undefined),
        update: async (_key, { set }) => ok({ generation: 1, ...set }),
      },
      send: async () => ok(token),
    },
  ).token;

async function ask(handler: GatewayHandler, event: object): Promise<void> {
  const { statusCode } = await handler(event, invocation);
  if (statusCode !== 200) throw new Error(`a request was answered ${statusCode}`);
}

function heapUsed(): number {
  // What weak references hold is freed in a second round.
  for (let round = 0; round < 2; round += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/**
 * Has brokers of several sizes answer from memory, in turns.
 * @returns CPU for each call by size and round, in microseconds; memory of each size, in bytes
 */
async function hits(sizes: readonly number[], rounds: number, calls: number) {
  const brokers = new Map<number, () => Promise<void>>();
  const bytes: Record<number, number> = {};
  for (const size of sizes) {
    const before = heapUsed();
    const handler = createBroker(size);
    for (let profile = 0; profile < size; profile += 1) await ask(handler, tokenEvent(serviceName(profile), FORM));
    bytes[size] = heapUsed() - before;
    // One event with another name each time: Lambda's are new as well, and so in the processor's caches.
    const event = tokenEvent(serviceName(0), FORM);
    let next = 0;
    brokers.set(size, () => {
      const profile = serviceName(next);
      // Round and round, so that every key is asked for equally often.
      next = (next + 1) % size;
      return ask(handler, { ...event, pathParameters: { profile } });
    });
  }
  const sample = (size: number) => {
    const hit = brokers.get(size);
    if (hit === undefined) throw new Error(`there is no broker of ${size} profiles`);
    return cpuUs(calls, hit);
  };
  return { cpuUs: await inTurns(sizes, { rounds, warmUp: WARM_UP, sample }), bytes };
}

/**
 * Asks one broker for ever new keys.
 * @returns memory in use after so many keys, in bytes
 */
async function plateau(keys: number, step: number) {
  const handler = createBroker(1);
  const askKey = (key: number) => {
    const chosen = SCOPES.filter((_, index) => ((key + 1) >> index) & 1);
    return ask(handler, tokenEvent(serviceName(0), `${FORM}&scope=${chosen.join('+')}`));
  };
  await askKey(0);
  const before = heapUsed();
  const points: [keys: number, bytes: number][] = [[1, 0]];
  for (let key = 1; key < keys; key += 1) {
    await askKey(key);
    if ((key + 1) % step === 0) points.push([key + 1, heapUsed() - before]);
  }
  return points;
}

const program = { hits, plateau };
export type Program = typeof program;

serve(program);
