import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Answer } from './function.ts';
import type { Ending } from './link.ts';
import {
  askFrozen,
  asleep,
  expectExchanges,
  expectToken,
  expectUnavailable,
  hold,
  obtain,
  obtainAll,
  PATIENCE_MS,
  started,
  useScenarios,
} from './scenarios.ts';
import { DEPENDENCIES } from './world.ts';

const LIFE_SECONDS = 43_200;
const HOUR_MS = 3_600_000;

/** At this age a token is certainly due, and valid for hours. */
const DUE_MS = 9.2 * HOUR_MS;

const scenarios = useScenarios();

describe.concurrent('a sandbox', { timeout: PATIENCE_MS }, () => {
  test('killed in the middle of an exchange: another one takes over once the lease has ended', async (context) => {
    const [world, doomed] = await scenarios.enter(context);
    const others = [await started(world), await started(world)];
    const { arrived, release } = hold(world);
    const lost = doomed.ask('orders');
    await arrived;
    await doomed.kill();
    release();
    expect((await lost).kind).toBe('lost');
    const { answers, tokens } = await obtainAll(world, others);
    if ((await expectExchanges(world, 2)) > 0) return;
    expect(tokens[0]).toBe(tokens[1]);
    // Not before the lease of 5 s has ended by a clock that is 1 s behind.
    expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeGreaterThan(4_000);
  });

  test('frozen in the middle of an exchange for longer than it may take: an error or a token, never an end', async (context) => {
    const [world, sandbox] = await scenarios.enter(context);
    const answer = await askFrozen(world, sandbox, () => sleep(3_500));
    // Depending on what was noticed first: that the time was up, or that the answer had arrived.
    if (answer.status === 200) await expectToken(world, answer);
    else await sleep(expectUnavailable(answer));
    await obtain(world, sandbox);
    await expectExchanges(world, 2);
  });

  const endings: readonly Ending[] = ['end', 'reset', 'reset_on_use'];
  test.for(endings)(
    'frozen while its idle connections end (%s): new ones take their place',
    async (ending, context) => {
      const [world, sandbox] = await scenarios.enter(context);
      await obtain(world, sandbox, 'key-0');
      const dropped = await asleep(sandbox, () =>
        DEPENDENCIES.map((dependency) => world.network[dependency].drop(ending)),
      );
      await obtain(world, sandbox, 'key-1');
      // More only if the table was too slow for this machine.
      if ((await expectExchanges(world, 2)) > 0) return;
      // A new sandbox reads two rows at once.
      expect(dropped).toEqual([1, 1, 2]);
      const made = DEPENDENCIES.map((dependency) => world.network[dependency].made());
      expect(made.every((count, at) => count > (dropped[at] ?? 0))).toBe(true);
    },
  );

  test('frozen for an hour: the token comes from memory, and tells the life that is left', async (context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const token = await obtain(world, sandbox);
    await asleep(sandbox, () => world.clock.jump(HOUR_MS));
    const answer = await sandbox.ask('orders');
    expect(await expectToken(world, answer)).toBe(token);
    expect(Number(answer.json.expires_in)).toBeLessThanOrEqual(LIFE_SECONDS - 3600);
    expect(world.zitadel.issued()).toBe(1);
  });

  test('frozen for an hour in the middle of an exchange: the token counts from before it was asked for', async (context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const answer = await askFrozen(world, sandbox, () => world.clock.jump(HOUR_MS), { timeoutMs: 2 * HOUR_MS });
    await expectToken(world, answer);
    expect(Number(answer.json.expires_in)).toBeLessThanOrEqual(LIFE_SECONDS - 3600);
    await expectExchanges(world, 1);
  });
});

describe('a sandbox that goes on', { timeout: PATIENCE_MS }, () => {
  let afterRenewal: Answer | undefined;
  let afterSilence: Answer | undefined;

  test('in the middle of a renewal, until its token has ended, while another one has renewed it', async (context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const other = await started(world);
    await obtain(world, sandbox);
    world.clock.jump(DUE_MS);
    const { arrived, release } = hold(world);
    await obtain(world, sandbox);
    await arrived;
    await sandbox.idle();
    sandbox.freeze();
    release();
    world.network.zitadel.drop('reset');
    world.clock.jump(LIFE_SECONDS * 1000 - DUE_MS);
    await obtain(world, other);
    sandbox.thaw();
    afterRenewal = await sandbox.ask('orders');
    expect(afterRenewal.kind).toBe('response');
  });
  test('then hands out the token that the other one has renewed', () => {
    expect(afterRenewal?.status).toBe(200);
  });

  test('with two kept connections to ZITADEL, both of which something on the way has forgotten', async (context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const profiles = ['key-0', 'key-1'];
    for (const profile of profiles) await obtain(world, sandbox, profile);
    world.clock.jump(DUE_MS);
    const { release } = hold(world);
    for (const profile of profiles) await obtain(world, sandbox, profile);
    release();
    const isRenewed = async () => (await world.rows()).every(({ owner }) => owner === undefined);
    await expect.poll(isRenewed, { timeout: PATIENCE_MS }).toBe(true);
    expect(await asleep(sandbox, () => world.network.zitadel.drop('reset_on_use'))).toBe(2);
    afterSilence = await sandbox.ask('key-2');
    expect(afterSilence.kind).toBe('response');
  });
  test('then takes a new connection for its second attempt', () => {
    expect(afterSilence?.status).toBe(200);
  });
});

test('nothing secret has come out', () => scenarios.expectNoLeaks());
