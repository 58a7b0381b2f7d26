import { describe, expect, type TestContext, test } from 'vitest';
import type { FunctionProcess } from '../processes/function.ts';
import { expectExchanges, obtain, obtainAll, PATIENCE_MS, started, usePackage } from '../processes/scenarios.ts';
import { createWorld, type World } from '../processes/world.ts';
import { createBothPackages, OLD } from './old-package.ts';

const both = usePackage(createBothPackages);

const PROFILES = ['orders', 'reports', 'billing', 'revocable'] as const;

/** A world, and starters of processes of either version, which share its table. */
async function enter({ onTestFinished }: TestContext) {
  const world = await createWorld(both());
  onTestFinished(() => world.close());
  return { world, startOld: () => started(world, OLD), startNew: () => started(world) };
}

const pks = async (world: World) => (await world.rows()).map(({ pk }) => String(pk?.S));

/** Neither version has said that something is wrong. */
function expectQuiet(...sandboxes: readonly FunctionProcess[]): void {
  expect(sandboxes.map((sandbox) => sandbox.output().stderr).join('')).toBe('');
  expect(sandboxes.flatMap((sandbox) => sandbox.log()).filter(({ level }) => level === 'error')).toEqual([]);
}

describe('0.1.0 and today, one table', { timeout: PATIENCE_MS }, () => {
  test.for([
    ['up', OLD, 'token'],
    ['back', 'token', OLD],
  ] as const)(
    '%s: each obtains tokens of its own, and finds those of its own version',
    async ([, from, to], context) => {
      const { world } = await enter(context);
      const first = await started(world, from);
      for (const profile of PROFILES) await obtain(first, profile);
      const written = await pks(world);
      const second = await started(world, to);
      const before = await world.counts();
      for (const profile of PROFILES) await obtain(second, profile);
      expect((await world.counts(before)).exchanges).toBeGreaterThanOrEqual(PROFILES.length);
      // What the other version wrote is all there, and a new process of it goes on with it.
      expect(await pks(world)).toEqual(expect.arrayContaining(written));
      const again = await started(world, from);
      const since = await world.counts();
      for (const profile of PROFILES) await obtain(again, profile);
      await expectExchanges(world, 0, since);
      expectQuiet(first, second, again);
    },
  );

  test('at the same time, while a deployment shifts: one token request for each version', async (context) => {
    const { world, startOld, startNew } = await enter(context);
    const sandboxes = [await startOld(), await startNew(), await startOld(), await startNew()];
    const { tokens } = await obtainAll(sandboxes);
    const givenUp = await expectExchanges(world, 2);
    expect(new Set(tokens).size).toBeLessThanOrEqual(2 + givenUp);
    expectQuiet(...sandboxes);
  });

  test('a revocation by today’s version: it replaces the token, and 0.1.0 goes on handing out its own', async (context) => {
    const { world, startOld, startNew } = await enter(context);
    const [old, today, revoke] = [await startOld(), await startNew(), await started(world, 'revoke')];
    const dead: unknown[] = [];
    for (const sandbox of [old, today]) {
      const token = await obtain(sandbox, 'revocable');
      const form = new URLSearchParams({ token }).toString();
      expect(await revoke.ask('revocable', { endpoint: 'revoke', form })).toMatchObject({ status: 200 });
      dead.push(token);
    }
    // A process that starts afterwards reads the notice of the revocation.
    expect(dead).not.toContain(await obtain(await startNew(), 'revocable'));
    // docs/upgrading.md says so: 0.1.0 reads no notices.
    for (const sandbox of [old, await startOld()]) {
      expect((await sandbox.ask('revocable')).json).toMatchObject({ access_token: dead[0] });
    }
    expectQuiet(old, today, revoke);
  });
});
