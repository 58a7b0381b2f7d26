import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSandbox, type Sandbox } from '../../lib/compose/sandbox.ts';
import { context, tokenEvent } from '../support/events.ts';
import { profilesOf } from '../support/profiles.ts';
import { createRig, profilesFor, type Rig } from '../support/rig.ts';
import { until } from '../support/turns.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const askFor = (sandbox: Sandbox) => sandbox.token(tokenEvent('orders', 'grant_type=client_credentials'), context());

const tokensOf = (answers: readonly { readonly body: string }[]) =>
  new Set(answers.map(({ body }) => JSON.parse(body).access_token as unknown));

/** Sandboxes that share nothing but the services: every module of the broker is loaded anew for each. */
async function isolatedSandboxes(count: number): Promise<Sandbox[]> {
  const sandboxes: Sandbox[] = [];
  const profiles = profilesOf(profilesFor(rig.zitadel.url));
  for (let made = 0; made < count; made += 1) {
    vi.resetModules();
    const { createSandbox } = await import('../../lib/compose/sandbox.ts');
    const env = { TABLE_NAME: 'tokens', BROKER_LOCAL: 'true' };
    sandboxes.push(createSandbox(profiles, env, { clock: rig.clock, write: (line) => rig.lines.push(line) }));
  }
  return sandboxes;
}

test('1,000 concurrent cold callers in one process: 1 token request, 1 secret read', async () => {
  const sandbox = rig.addSandbox();
  const answers = await rig.pass(Promise.all(Array.from({ length: 1_000 }, () => askFor(sandbox))));
  expect(answers.every(({ statusCode }) => statusCode === 200)).toBe(true);
  expect(tokensOf(answers).size).toBe(1);
  expect(rig.zitadel.calls()).toBe(1);
  expect(rig.secretsManager.reads()).toBe(1);
});

test('50 isolated sandboxes × 20 callers, all cold: 1 token request', async () => {
  const sandboxes = await isolatedSandboxes(50);
  const asked = sandboxes.flatMap((sandbox) => Array.from({ length: 20 }, () => askFor(sandbox)));
  const answers = await rig.pass(Promise.all(asked));
  expect(answers.filter(({ statusCode }) => statusCode !== 200)).toEqual([]);
  expect(tokensOf(answers).size).toBe(1);
  expect(rig.zitadel.calls()).toBe(1);
});

test('50 isolated sandboxes × 20 callers, the leader killed in mid-exchange: at most 2 token requests', async () => {
  const [leader, ...others] = await isolatedSandboxes(51);
  if (leader === undefined) throw new Error('no leader');
  // The leader's request reaches ZITADEL, and nothing of the leader is ever heard again.
  rig.zitadel.intercept(() => true);
  let isLeaderHeard = false;
  void askFor(leader).then(() => {
    isLeaderHeard = true;
  });
  await until(() => rig.zitadel.calls() === 1);
  rig.zitadel.intercept(undefined);
  const killed = rig.clock.dropTimers();
  const asked = others.flatMap((sandbox) => Array.from({ length: 20 }, () => askFor(sandbox)));
  const answers = await rig.pass(Promise.all(asked));
  expect(killed).toBeGreaterThan(0);
  expect(isLeaderHeard).toBe(false);
  expect(answers.filter(({ statusCode }) => statusCode !== 200)).toEqual([]);
  expect(rig.zitadel.calls()).toBe(2);
});

test('a token close to its end: callers keep getting it at once while one of them renews it', async () => {
  const sandbox = rig.addSandbox();
  const [first] = await Promise.all([rig.pass(askFor(sandbox))]);
  const token = JSON.parse(first.body).access_token as unknown;
  await rig.clock.advance(10 * 3_600_000);
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  rig.zitadel.intercept(async () => {
    await gate;
    return false;
  });
  const renewing = askFor(sandbox);
  await until(() => rig.zitadel.calls() === 2);
  // No time passes from here: whoever had to wait for the renewal would wait for ever.
  const meanwhile = await Promise.all(Array.from({ length: 100 }, () => askFor(sandbox)));
  expect(tokensOf(meanwhile)).toEqual(new Set([token]));
  release();
  const renewed = await renewing;
  expect(JSON.parse(renewed.body).access_token).not.toBe(token);
  const after = await askFor(sandbox);
  expect(JSON.parse(after.body).access_token).toBe(JSON.parse(renewed.body).access_token);
  expect(rig.zitadel.calls()).toBe(2);
});

test('a warm hit with a trace logs one line of at most 480 bytes', async () => {
  const env = { TABLE_NAME: 'tokens', BROKER_LOCAL: 'true', METRICS_NAMESPACE: 'zitadel-token-broker-prod' };
  const lines: string[] = [];
  const sandbox = createSandbox(rig.profiles, env, { clock: rig.clock, write: (line) => lines.push(line) });
  const { headers, ...event } = tokenEvent('orders', 'grant_type=client_credentials');
  const traced = { 'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1' };
  const ask = () => sandbox.token({ ...event, headers: { ...(headers as object), ...traced } }, context());
  await rig.pass(ask());
  const { body } = await ask();
  const [first = '', warm = '', ...more] = lines;
  expect(more).toEqual([]);
  expect(JSON.parse(first)).toMatchObject({ source: 'issued', cold: true });
  const SecondsLeft = JSON.parse(body).expires_in;
  expect(JSON.parse(warm)).toMatchObject({ source: 'memory', SecondsLeft, trace: expect.any(String) });
  expect(JSON.parse(warm)).not.toHaveProperty('cold');
  expect(Buffer.byteLength(warm)).toBeLessThanOrEqual(480);
});

test('10,000 requests on a warm sandbox: no call to AWS or ZITADEL', async () => {
  const sandbox = rig.addSandbox();
  await rig.pass(askFor(sandbox));
  const calls = () => rig.zitadel.calls() + rig.secretsManager.calls() + rig.table.calls();
  const before = calls();
  for (let asked = 0; asked < 10_000; asked += 1) {
    const { statusCode } = await askFor(sandbox);
    if (statusCode !== 200) throw new Error(`request ${asked} was answered ${statusCode}`);
  }
  expect(calls()).toBe(before);
  expect(rig.lines.length).toBe(10_001);
});
