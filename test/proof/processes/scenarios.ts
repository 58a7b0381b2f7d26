import { afterAll, beforeAll, expect, type TestContext } from 'vitest';
import type { Answer, FunctionProcess } from './function.ts';
import { createPackage, type FunctionName, type Package } from './package.ts';
import { type Evidence, findLeaks } from './secrets.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

/** Processes wait for one another here, on a machine that may be busy with others. */
export const PATIENCE_MS = 60_000;

/** Worlds for the tests of a file. */
export interface Scenarios {
  /** A world of the test's own; it ends with the test. */
  readonly enter: (context: TestContext, options?: WorldOptions) => Promise<World>;
  /** Fails if a secret has come out of any world that has ended. */
  readonly expectNoLeaks: () => void;
}

/** Prepares worlds for the tests of this file: the functions are packaged once. */
export function useScenarios(): Scenarios {
  let broker: Package;
  const evidence: Evidence[] = [];
  beforeAll(async () => {
    broker = await createPackage();
  }, PATIENCE_MS);
  afterAll(() => broker.remove());
  return {
    async enter({ onTestFinished }, options) {
      const world = await createWorld(broker, options);
      onTestFinished(async () => {
        evidence.push(await world.evidence());
        await world.close();
      });
      return world;
    },
    expectNoLeaks() {
      const [first] = evidence;
      const [, token = ''] = /"access_token":"([\w.-]+)"/.exec(first?.traffic ?? '') ?? [];
      // The search finds what it looks for.
      const leak = { traffic: first?.traffic ?? '', text: `… ${token.slice(-20, -8)} …`, stderr: '' };
      expect(findLeaks([leak])).toHaveLength(1);
      expect(findLeaks(evidence)).toEqual([]);
    },
  };
}

let starting: Promise<unknown> = Promise.resolve();

/**
 * A process that waits for its first request. They start one after the other: many at once would keep this machine so
 * busy that the table seems slow to those that run.
 */
export function started(world: World, name: FunctionName = 'token'): Promise<FunctionProcess> {
  const start = async () => {
    const sandbox = await world.start(name);
    await sandbox.idle();
    return sandbox;
  };
  const begun = starting.then(start, start);
  starting = begun;
  return begun;
}

/** A token, and not one that lives longer than ZITADEL says. */
export async function expectToken(world: World, answer: Answer): Promise<string> {
  expect(answer).toMatchObject({ kind: 'response', status: 200 });
  const { access_token: token, expires_in: expiresIn } = answer.json;
  const end = await world.tokenEnd(token);
  const leftMs = (end ?? 0) - answer.answeredAt;
  expect(Number(expiresIn)).toBeGreaterThanOrEqual(5);
  // What was told may be a moment old.
  expect(Number(expiresIn) * 1000).toBeLessThanOrEqual(leftMs + answer.tookMs + 1000);
  return String(token);
}

/** The error that says that something behind the broker is down; answers how many milliseconds it asks to wait. */
export function expectUnavailable(answer: Answer): number {
  expect(answer).toMatchObject({ kind: 'response', status: 503, json: { error: 'temporarily_unavailable' } });
  expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(30);
  return Number(answer.headers['retry-after']) * 1000;
}

/** Exchanges at ZITADEL: as many as were promised, and those of sandboxes for which the table was too slow. */
export async function expectExchanges(world: World, promised: number): Promise<void> {
  expect(await world.leases()).toBeLessThanOrEqual(promised);
  expect(world.zitadel.issued()).toBeLessThanOrEqual(promised + world.tableGivenUp());
}

/** Holds the answers of ZITADEL's token endpoint. `arrived` resolves with the first request that is held, `release` lets them go. */
export function hold({ zitadel }: World): { readonly arrived: Promise<void>; readonly release: () => void } {
  const released = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  zitadel.intercept(async ({ url = '' }) => {
    if (!url.endsWith('/token')) return false;
    arrived.resolve();
    await released.promise;
    return false;
  });
  return {
    arrived: arrived.promise,
    release: () => {
      zitadel.intercept(undefined);
      released.resolve();
    },
  };
}
