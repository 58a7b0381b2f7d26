import { describe, expect, type TestContext, test } from 'vitest';
import { KEYS } from './package.ts';
import { expectExchanges, obtain, obtainAll, PATIENCE_MS, started, useScenarios } from './scenarios.ts';

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
    const token = await obtain(world, sandbox);
    const calls = () => world.zitadel.issued() + world.table.calls() + world.secretsManager.calls();
    const before = calls();
    for (let hit = 0; hit < 20; hit += 1) expect(await obtain(world, sandbox)).toBe(token);
    expect(calls()).toBe(before);
    expect(world.zitadel.issued()).toBe(1);
    await sandbox.idle();
    expect(sandbox.output().stderr).toBe('');
    expect(sandbox.log().map(({ source }) => source)).toEqual(['issued', ...Array(20).fill('memory')]);
  });

  test('all functions, each in a process of its own', async (context) => {
    const [world, token] = await scenarios.enter(context);
    const [prewarm, introspect, revoke, metadata] = [
      await started(world, 'prewarm'),
      await started(world, 'introspect'),
      await started(world, 'revoke'),
      await started(world, 'metadata'),
    ];
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
    await obtain(world, token, 'warm-0');
    await expectExchanges(world, 5);

    const form = new URLSearchParams({ token: await obtain(world, token, 'revocable') }).toString();
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
    const { tokens } = await obtainAll(world, sandboxes);
    const givenUp = await expectExchanges(world, 1);
    expect(new Set(tokens).size).toBeLessThanOrEqual(1 + givenUp);
  });

  test('that see at the same time that there is no token: one exchange', async (context) => {
    const [world, sandboxes] = await enterEight(context);
    for (const sandbox of sandboxes) await obtain(world, sandbox);
    await expectExchanges(world, 1);
    for (const profile of KEYS.slice(0, ROUNDS)) {
      const before = await world.counts();
      // So late that all of them know before the first of them can change it.
      world.network.table.fault({ kind: 'delay', ms: 50 }, { only: /GetItem/, times: sandboxes.length });
      const { tokens } = await obtainAll(world, sandboxes, profile);
      const givenUp = await expectExchanges(world, 1, before);
      expect(new Set(tokens).size).toBeLessThanOrEqual(1 + givenUp);
    }
  });
});

test('nothing secret has come out', () => scenarios.expectNoLeaks());
