import { afterEach, beforeEach, expect, test } from 'vitest';
import { context } from '../support/events.ts';
import { accounts, createRig, type Rig } from '../support/rig.ts';

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

/** As EventBridge delivers the move of a staging label. */
const labelUpdated = (secret: string) => ({
  source: 'aws.secretsmanager',
  'detail-type': 'Secret Label Updated',
  resources: [rig.secretsManager.arn(secret)],
});

/** A new key of the account `reports`, also at ZITADEL unless it is a bad one. */
async function changeKey(isGood: boolean): Promise<void> {
  const { keyId, key, userId } = accounts.saKey.key;
  const id = keyId.replace(/.$/, '0');
  if (isGood) rig.zitadel.addKey({ holder: userId, keyId: id, key });
  rig.secretsManager.put('reports', JSON.stringify({ ...accounts.saKey.key, keyId: id }));
}

test('a changed credential is tried at once, also by a sandbox that knew the old one; other profiles are left alone', async () => {
  const { prewarm } = rig.addSandbox();
  await rig.pass(prewarm({}, context(60_000)));
  await changeKey(true);
  await rig.pass(prewarm(labelUpdated('reports'), context(60_000)));
  expect(rig.log().at(-1)).toMatchObject({ level: 'info', renewed: ['reports'], kept: [] });
  // What has not changed is not obtained again.
  await rig.pass(prewarm(labelUpdated('reports'), context(60_000)));
  expect(rig.log().at(-1)).toMatchObject({ renewed: [], kept: ['reports'] });
  expect(rig.zitadel.issued()).toBe(3);
});

test('a bad credential raises the alarm, while callers still get the tokens that are cached', async () => {
  const { prewarm } = rig.addSandbox();
  await rig.pass(prewarm({}, context(60_000)));
  const before = await rig.pass(rig.ask({ profile: 'reports' }));
  await changeKey(false);
  await expect(rig.pass(prewarm(labelUpdated('reports'), context(60_000)))).rejects.toThrow('failed for reports');
  expect(rig.log().at(-1)).toMatchObject({ level: 'error', CredentialRefused: 1, RenewalsFailed: 1 });
  const after = await rig.pass(rig.ask({ profile: 'reports' }));
  expect([after.status, after.json.access_token]).toEqual([200, before.json.access_token]);
});

test('a secret that no prewarmed profile uses changes nothing, and is not logged', async () => {
  const { prewarm } = rig.addSandbox();
  rig.secretsManager.put('unknown', 'x');
  await rig.pass(prewarm(labelUpdated('unknown'), context(60_000)));
  await rig.pass(prewarm(labelUpdated('odd'), context(60_000)));
  expect([rig.zitadel.calls(), rig.lines]).toEqual([0, []]);
});

test('a run reports the days that the first credential has left', async () => {
  const endsAt = new Date(rig.clock.now() + 20.55 * 24 * HOUR).toISOString();
  rig.secretsManager.put('reports', JSON.stringify({ ...accounts.saKey.key, expirationDate: endsAt }));
  const { prewarm } = rig.addSandbox();
  await rig.pass(prewarm({}, context(60_000)));
  expect(rig.log().at(-1)).toMatchObject({ CredentialDaysLeft: 20.5 });
});
