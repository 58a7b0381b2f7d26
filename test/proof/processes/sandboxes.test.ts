import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, type TestContext, test } from 'vitest';
import { KEYS } from './package.ts';
import type { Ending } from './proxy.ts';
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

const LIFE_SECONDS = 43_200;
const HOUR_MS = 3_600_000;

/** At this age a token is certainly due, and valid for hours. */
const DUE_MS = 9.2 * HOUR_MS;

/** On a busy machine, not each of them goes as planned. */
const ROUNDS = 5;

const scenarios = useScenarios();

async function enterEight(context: TestContext) {
  const [world, first] = await scenarios.enter(context);
  const others = await Promise.all(Array.from({ length: 7 }, () => started(world)));
  return [world, [first, ...others]] as const;
}

describe.concurrent('a sandbox of its own process', { timeout: PATIENCE_MS }, () => {
  test('cold: one exchange; warm: nothing is called', async (context) => {
    const [world, sandbox] = await scenarios.enter(context);
    const token = await obtain(sandbox);
    await world.settle();
    const calls = () => world.zitadel.issued() + world.table.calls() + world.secretsManager.calls();
    const before = calls();
    for (let hit = 0; hit < 20; hit += 1) expect(await obtain(sandbox)).toBe(token);
    expect(calls()).toBe(before);
    expect(world.zitadel.issued()).toBe(1);
    await sandbox.idle();
    expect(sandbox.output().stderr).toBe('');
    expect(sandbox.log().map(({ source }) => source)).toEqual(['issued', ...Array(20).fill('memory')]);
  });

  test('all functions, each in a process of its own', async (context) => {
    const [world, token] = await scenarios.enter(context);
    const prewarm = await started(world, 'prewarm');
    const introspect = await started(world, 'introspect');
    const revoke = await started(world, 'revoke');
    const metadata = await started(world, 'metadata');
    // It fails if the table was too slow for this machine, and continues in its next run.
    const tableGivenUp = async () => (await world.counts()).tableGivenUp;
    let runs = 0;
    let givenUp: number;
    let ran: Awaited<ReturnType<typeof prewarm.invoke>>;
    do {
      givenUp = await tableGivenUp();
      runs += 1;
      ran = await prewarm.invoke({});
    } while (ran.kind === 'error' && (await tableGivenUp()) > givenUp);
    expect(ran).toEqual({ kind: 'response', body: 'null' });
    expect(prewarm.log().at(-1)).toMatchObject({ PrewarmFailed: 0, ...(runs === 1 ? { Renewed: 5 } : {}) });
    // What was prewarmed is there for all.
    await obtain(token, 'warm-0');
    await expectExchanges(world, 5);

    const form = new URLSearchParams({ token: await obtain(token, 'revocable') }).toString();
    const look = () => introspect.ask('revocable', { endpoint: 'introspect', form });
    expect(await look()).toMatchObject({ status: 200, json: { active: true } });
    expect(await revoke.ask('revocable', { endpoint: 'revoke', form })).toMatchObject({ status: 200 });
    expect(await look()).toMatchObject({ status: 200, json: { active: false } });

    const event = { pathParameters: { profile: 'orders' }, requestContext: { domainName: 'broker.example' } };
    const discovered = await metadata.invoke(event);
    expect(discovered).toMatchObject({ kind: 'response', body: expect.stringContaining('/orders/oauth/v2/token') });
  });
});

describe('eight sandboxes', { timeout: PATIENCE_MS }, () => {
  test('cold at the same time: one exchange', async (context) => {
    const [world, sandboxes] = await enterEight(context);
    const { tokens } = await obtainAll(sandboxes);
    const givenUp = await expectExchanges(world, 1);
    expect(new Set(tokens).size).toBeLessThanOrEqual(1 + givenUp);
  });

  test('that see at the same time that there is no token: one exchange', async (context) => {
    const [world, sandboxes] = await enterEight(context);
    for (const sandbox of sandboxes) await obtain(sandbox);
    await expectExchanges(world, 1);
    for (const profile of KEYS.slice(0, ROUNDS)) {
      const before = await world.counts();
      // So late that all of them know before the first of them can change it.
      world.network.table.fault({ kind: 'delay', ms: 50 }, { only: /GetItem/, times: sandboxes.length });
      const { tokens } = await obtainAll(sandboxes, profile);
      const givenUp = await expectExchanges(world, 1, before);
      expect(new Set(tokens).size).toBeLessThanOrEqual(1 + givenUp);
    }
  });
});

describe.concurrent('a sandbox that is', { timeout: PATIENCE_MS }, () => {
  test('killed in the middle of an exchange: another one takes over once the lease has ended', async (context) => {
    const [world, doomed] = await scenarios.enter(context);
    const others = [await started(world), await started(world)];
    const { arrived, release } = hold(world);
    const lost = doomed.ask('orders');
    await arrived;
    await doomed.kill();
    release();
    expect((await lost).kind).toBe('lost');
    const { answers, tokens } = await obtainAll(others);
    if ((await expectExchanges(world, 2)) > 0) return;
    expect(tokens[0]).toBe(tokens[1]);
    // Not before the lease of 5 s has ended by a clock that is 1 s behind.
    expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeGreaterThan(4_000);
  });

  test('frozen in the middle of an exchange for longer than it may take: an error or a token, never an end', async (context) => {
    const [world, sandbox] = await scenarios.enter(context);
    const answer = await askFrozen(world, sandbox, () => sleep(3_500));
    // Depending on what was noticed first: that the time was up, or that the answer had arrived.
    if (answer.status === 200) expectToken(answer);
    else await sleep(expectUnavailable(answer));
    await obtain(sandbox);
    await expectExchanges(world, 2);
  });

  const endings: readonly Ending[] = ['end', 'reset', 'reset_on_use'];
  test.for(endings)(
    'frozen while its idle connections end (%s): new ones take their place',
    async (ending, context) => {
      const [world, sandbox] = await scenarios.enter(context);
      await obtain(sandbox, 'key-0');
      const lines = Object.values(world.network);
      const dropped = await asleep(sandbox, () => lines.map((line) => line.drop(ending)));
      await obtain(sandbox, 'key-1');
      // More only if the table was too slow for this machine.
      if ((await expectExchanges(world, 2)) > 0) return;
      // A new sandbox reads two rows at once.
      expect(dropped).toEqual([1, 1, 2]);
      expect(lines.every((line, at) => line.made() > (dropped[at] ?? 0))).toBe(true);
    },
  );

  test('frozen for an hour: the token comes from memory, and tells the life that is left', async (context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const token = await obtain(sandbox);
    await asleep(sandbox, () => world.jump(HOUR_MS));
    const answer = await sandbox.ask('orders');
    expect(expectToken(answer)).toBe(token);
    expect(Number(answer.json.expires_in)).toBeLessThanOrEqual(LIFE_SECONDS - 3600);
    expect(world.zitadel.issued()).toBe(1);
  });

  test('frozen for an hour in the middle of an exchange: the token counts from before it was asked for', async (context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const answer = await askFrozen(world, sandbox, () => world.jump(HOUR_MS), { timeoutMs: 2 * HOUR_MS });
    expectToken(answer);
    expect(Number(answer.json.expires_in)).toBeLessThanOrEqual(LIFE_SECONDS - 3600);
    await expectExchanges(world, 1);
  });

  test('frozen as soon as it has answered, before the table has: its token is stored', async (context) => {
    const [world, sandbox] = await scenarios.enter(context);
    const other = await started(world);
    world.network.table.fault({ kind: 'silence', afterBytes: 0 }, { only: /REMOVE #owner/ });
    const token = expectToken(await sandbox.ask('orders', { onAnswer: sandbox.freeze }));
    const isStored = async () => (await world.rows()).some(({ sealed }) => sealed !== undefined);
    while (!(await isStored())) {
      // It has obtained its token without the table, which was too slow for this machine.
      if ((await world.counts()).tableGivenUp > 0) return;
      await sleep(20);
    }
    world.network.table.fault(undefined);
    expect(await obtain(other)).toBe(token);
    await expectExchanges(world, 1);
    sandbox.thaw();
    expect(await obtain(sandbox)).toBe(token);
  });
});

describe('a sandbox that goes on', { timeout: PATIENCE_MS }, () => {
  test('in the middle of a renewal, until its token has ended: it hands out what another one has renewed', async (context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const other = await started(world);
    await obtain(sandbox);
    world.jump(DUE_MS);
    const { arrived, release } = hold(world);
    await obtain(sandbox);
    await arrived;
    await sandbox.idle();
    sandbox.freeze();
    release();
    world.network.zitadel.drop('reset');
    world.jump(LIFE_SECONDS * 1000 - DUE_MS);
    await obtain(other);
    sandbox.thaw();
    expect(await sandbox.ask('orders')).toMatchObject({ kind: 'response', status: 200 });
  });

  test('with two kept connections that something on the way has forgotten: it takes a new one', async (context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const profiles = ['key-0', 'key-1'];
    for (const profile of profiles) await obtain(sandbox, profile);
    world.jump(DUE_MS);
    const { release } = hold(world);
    for (const profile of profiles) await obtain(sandbox, profile);
    release();
    await world.settle();
    expect(await asleep(sandbox, () => world.network.zitadel.drop('reset_on_use'))).toBe(2);
    expect(await sandbox.ask('key-2')).toMatchObject({ kind: 'response', status: 200 });
  });
});

test('nothing secret has come out', () => scenarios.expectNoLeaks());
