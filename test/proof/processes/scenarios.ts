import { beforeAll, expect, type TestContext } from 'vitest';
import type { Answer, Ask, FunctionProcess } from './function.ts';
import { judge } from './judge.ts';
import { createPackage, type FunctionName, type Package } from './package.ts';
import { type Counts, createWorld, type Evidence, findLeaks, type World, type WorldOptions } from './world.ts';

/** Processes wait for one another here, on a machine that may be busy with others. */
export const PATIENCE_MS = 60_000;

/** Packages the functions once for all tests of a file. */
export function usePackage(create: () => Promise<Package> = createPackage): () => Package {
  let broker: Package;
  beforeAll(async () => {
    broker = await create();
    return broker.remove;
  }, PATIENCE_MS);
  return () => broker;
}

/** Prepares worlds for the tests of a file. */
export function useScenarios() {
  const broker = usePackage();
  const evidence: Evidence[] = [];
  return {
    /** A world of the test's own, which ends with the test, and a sandbox in it that has started. */
    async enter({ onTestFinished }: TestContext, options?: WorldOptions): Promise<readonly [World, FunctionProcess]> {
      const world = await createWorld(broker(), options);
      onTestFinished(async ({ task }) => {
        const seen = await world.evidence();
        evidence.push(seen);
        // Callers are not told what failed; the logs are.
        const errors = seen.text.match(/"error":\{.*?\}/g) ?? [];
        if (task.result?.state === 'fail') process.stderr.write(`${errors.join('\n')}\n`);
        await world.close();
      });
      return [world, await started(world)];
    },
    /** Fails if a secret has come out of any world that has ended. */
    expectNoLeaks(): void {
      const traffic = evidence[0]?.traffic ?? '';
      const [, token = ''] = /"access_token":"([\w.-]+)"/.exec(traffic) ?? [];
      // The search finds what it looks for.
      expect(findLeaks({ traffic, text: `… ${token.slice(-20, -8)} …`, stderr: '' })).toHaveLength(1);
      expect(evidence.flatMap(findLeaks)).toEqual([]);
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
export function expectToken(answer: Answer): string {
  expect(judge(answer, { isCalm: true }), answer.text).toEqual([]);
  return String(answer.json.access_token);
}

/** Asks for a token of a profile, and expects one. */
export const obtain = async (sandbox: FunctionProcess, profile = 'orders'): Promise<string> =>
  expectToken(await sandbox.ask(profile));

/** All of them ask for a token at the same time. */
export async function obtainAll(sandboxes: readonly FunctionProcess[], profile = 'orders') {
  const answers = await Promise.all(sandboxes.map((sandbox) => sandbox.ask(profile)));
  return { answers, tokens: answers.map(expectToken) };
}

/** The error that says that something behind the broker is down; returns how many milliseconds it asks to wait. */
export function expectUnavailable(answer: Answer): number {
  expect(answer.status).toBe(503);
  expect(judge(answer)).toEqual([]);
  return Number(answer.headers['retry-after']) * 1000;
}

/**
 * As many exchanges at ZITADEL as promised, and those of sandboxes for which the table was too slow.
 * @returns how many of these there may be
 */
export async function expectExchanges(world: World, promised: number, before?: Counts): Promise<number> {
  const { exchanges, leases, tableGivenUp } = await world.counts(before);
  expect(leases).toBeLessThanOrEqual(promised);
  expect(exchanges).toBeLessThanOrEqual(promised + tableGivenUp);
  return tableGivenUp;
}

/** Holds the answers of ZITADEL's token endpoint until `release`. `arrived` resolves with the first request. */
export function hold({ zitadel }: World) {
  const released = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  zitadel.intercept(async ({ url = '' }) => {
    if (!url.endsWith('/token')) return false;
    arrived.resolve();
    await released.promise;
    return false;
  });
  function release(): void {
    zitadel.intercept(undefined);
    released.resolve();
  }
  return { arrived: arrived.promise, release };
}

/** Freezes a sandbox once it waits for work, as Lambda does, for as long as something happens. */
export async function asleep<T>(sandbox: FunctionProcess, happen: () => T): Promise<T> {
  await sandbox.idle();
  sandbox.freeze();
  const happened = happen();
  sandbox.thaw();
  return happened;
}

/** Freezes a sandbox in the middle of an exchange, for as long as something happens; returns its answer. */
export async function askFrozen(world: World, sandbox: FunctionProcess, happen: () => unknown, request?: Ask) {
  const { arrived, release } = hold(world);
  const asked = sandbox.ask('orders', request);
  await arrived;
  sandbox.freeze();
  release();
  await happen();
  sandbox.thaw();
  return asked;
}
