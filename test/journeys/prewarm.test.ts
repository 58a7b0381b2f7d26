import { afterEach, beforeEach, expect, test } from 'vitest';
import { context } from '../support/events.ts';
import { createRig, type Rig } from '../support/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const HOUR = 3_600_000;

test('a run obtains what is missing, the next keeps it, and a later one renews what is due; callers notice nothing', async () => {
  const { prewarm } = rig.addSandbox();
  const runOnce = async () => {
    await rig.pass(prewarm({}, context(60_000)));
    return rig.log().at(-1);
  };
  expect(await runOnce()).toMatchObject({
    level: 'info',
    route: 'prewarm',
    renewed: ['orders', 'reports'],
    kept: [],
    failed: [],
    Renewed: 2,
    PrewarmFailed: 0,
  });
  const first = await rig.pass(rig.ask());
  expect(rig.log().at(-1)).toMatchObject({ source: 'store' });
  expect(await runOnce()).toMatchObject({ renewed: [], kept: ['orders', 'reports'] });
  await rig.clock.advance(9 * HOUR);
  expect(await runOnce()).toMatchObject({ renewed: ['orders', 'reports'] });
  rig.restart();
  const renewed = await rig.pass(rig.ask());
  expect(renewed.json.access_token).not.toBe(first.json.access_token);
  expect(rig.zitadel.issued()).toBe(4);
});

test('one failing profile fails no other, and the invocation fails so that the alarm sees it', async () => {
  rig.secretsManager.put('orders', 'no JSON');
  const { prewarm } = rig.addSandbox();
  await expect(rig.pass(prewarm({}, context(60_000)))).rejects.toThrow('prewarm failed for orders');
  expect(rig.log()).toMatchObject([
    {
      level: 'error',
      renewed: ['reports'],
      failed: [{ profile: 'orders', kind: 'credential_unusable', detail: expect.stringContaining('secret orders') }],
      CredentialRefused: 1,
    },
  ]);
});

test('with ZITADEL away every profile is reported, and the run ends in time', async () => {
  rig.zitadel.intercept(() => true);
  const { prewarm } = rig.addSandbox();
  const begun = rig.clock.now();
  await expect(rig.pass(prewarm({}, context(60_000)))).rejects.toThrow('prewarm failed for orders, reports');
  expect(rig.clock.now() - begun).toBeLessThan(10_000);
});
