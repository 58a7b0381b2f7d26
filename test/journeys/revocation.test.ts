import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Sandbox } from '../../lib/compose/sandbox.ts';
import { context, tokenEvent } from '../support/events.ts';
import { accounts, createRig, type Rig } from '../support/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const form = (token: string) => `token=${encodeURIComponent(token)}`;
const revoke = (token: string, profile = 'revocable') =>
  rig.pass(rig.ask({ profile, endpoint: 'revoke', form: form(token) }));
const isActive = async (token: string) =>
  (await rig.pass(rig.ask({ profile: 'revocable', endpoint: 'introspect', form: form(token) }))).json.active;

const tokenFrom = async ({ token }: Sandbox): Promise<string> => {
  const answer = await rig.pass(token(tokenEvent('revocable', 'grant_type=client_credentials'), context()));
  return JSON.parse(answer.body).access_token;
};

test('token, active, revoke, inactive, a new token: in two sandboxes, the other one within a minute', async () => {
  const [one, other] = [rig.addSandbox(), rig.addSandbox()];
  const token = await tokenFrom(one);
  expect(await tokenFrom(other)).toBe(token);
  expect(await isActive(token)).toBe(true);

  const reply = await revoke(token);
  expect(reply.status).toBe(200);
  expect(reply.text).toBe('');
  expect(await isActive(token)).toBe(false);

  await rig.clock.advance(60_000);
  const issued = rig.zitadel.issued();
  const newer = await tokenFrom(one);
  expect(newer).not.toBe(token);
  expect(await tokenFrom(other)).toBe(newer);
  expect(await isActive(newer)).toBe(true);
  expect(rig.zitadel.issued()).toBe(issued + 1);
});

test('where tokens are handed out by the process that revokes: a new one at once', async () => {
  const ask = async () => String((await rig.pass(rig.ask({ profile: 'revocable' }))).json.access_token);
  const token = await ask();
  expect(await ask()).toBe(token);
  expect((await revoke(token)).status).toBe(200);
  const newer = await ask();
  expect(newer).not.toBe(token);
  expect(await ask()).toBe(newer);
});

test('a sandbox that starts after the revocation never hands the token out', async () => {
  const token = await tokenFrom(rig.addSandbox());
  await revoke(token);
  expect(await tokenFrom(rig.addSandbox())).not.toBe(token);
});

test('a late writer does not bring it back', async () => {
  const client = new DynamoDBClient({});
  const token = await tokenFrom(rig.addSandbox());
  const { Items = [] } = await client.send(new ScanCommand({ TableName: 'tokens' }));
  const row = Items.find(({ sealed }) => sealed !== undefined);
  expect(row?.sealed?.S).toMatch(/^eyJ/);
  await revoke(token);
  const newer = await tokenFrom(rig.addSandbox());
  expect(newer).not.toBe(token);
  // The row as it was before the revocation, written after it.
  await client.send(new PutItemCommand({ TableName: 'tokens', Item: row }));
  const newest = await tokenFrom(rig.addSandbox());
  expect(newest).not.toBe(token);
  expect(await tokenFrom(rig.addSandbox())).toBe(newest);
  client.destroy();
});

test('revoking an old token leaves a newer one alone', async () => {
  const sandbox = rig.addSandbox();
  const old = await tokenFrom(sandbox);
  await rig.clock.advance(10 * 3_600_000);
  const newer = await tokenFrom(sandbox);
  expect(newer).not.toBe(old);
  await revoke(old);
  await rig.clock.advance(60_000);
  expect(await tokenFrom(sandbox)).toBe(newer);
});

test('memory is held against the table about once a minute, in such profiles only', async () => {
  const sandbox = rig.addSandbox();
  await tokenFrom(sandbox);
  const reads = () => rig.table.calls('GetItem');
  const before = reads();
  for (let second = 0; second < 600; second += 10) {
    await tokenFrom(sandbox);
    await rig.clock.advance(10_000);
  }
  expect(reads() - before).toBeGreaterThanOrEqual(10);
  expect(reads() - before).toBeLessThanOrEqual(12);
});

describe('what is answered', () => {
  test('200 for a token that was never known', async () => {
    expect((await revoke('garbage')).status).toBe(200);
  });

  test('400 for a token that the profile did not obtain, and the log explains', async () => {
    const foreign = String((await rig.pass(rig.ask({ profile: 'orders' }))).json.access_token);
    const reply = await revoke(foreign);
    expect(reply.status).toBe(400);
    expect(reply.json.error).toBe('unsupported_token_type');
    expect(rig.log().at(-1)).toMatchObject({
      error: {
        kind: 'unsupported_token_type',
        detail: expect.stringContaining('this profile cannot revoke this token'),
      },
    });
    expect((await rig.pass(rig.ask({ profile: 'orders' }))).json.access_token).toBe(foreign);
  });

  test('400 in a profile that cannot revoke', async () => {
    const reply = await revoke('t', 'orders');
    expect(reply.json.error).toBe('unsupported_token_type');
    expect(rig.zitadel.calls()).toBe(0);
  });

  test('400 without a token', async () => {
    expect((await rig.ask({ profile: 'revocable', endpoint: 'revoke', form: 'x=1' })).json.error).toBe(
      'invalid_request',
    );
  });

  test('503 with ZITADEL away, and nothing is pretended', async () => {
    const sandbox = rig.addSandbox();
    const token = await tokenFrom(sandbox);
    rig.zitadel.intercept((req) => Boolean(req.destroy()));
    expect((await revoke(token)).status).toBe(503);
    rig.zitadel.intercept(undefined);
    await rig.clock.advance(61_000);
    expect(await tokenFrom(sandbox)).toBe(token);
    expect(await isActive(token)).toBe(true);
  });

  test('503 with the table away: dead at ZITADEL, and to be asked again', async () => {
    const token = await tokenFrom(rig.addSandbox());
    rig.table.intercept((req) => Boolean(req.destroy()));
    expect((await revoke(token)).status).toBe(503);
    rig.table.intercept(undefined);
    expect((await revoke(token)).status).toBe(200);
  });

  test('502 with a refused application', async () => {
    rig.secretsManager.put(
      'shipping',
      JSON.stringify({ clientId: accounts.oidcSecret.clientId, clientSecret: 'wrong' }),
    );
    expect((await revoke('t')).status).toBe(502);
  });
});
