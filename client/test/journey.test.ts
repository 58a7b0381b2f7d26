import { fromEnv } from '@aws-sdk/credential-providers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createStack, type Stack } from '../../infra/local/stack.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import { caller } from '../../test/support/principals.ts';
import { profilesOf } from '../../test/support/profiles.ts';
import { accounts, profilesFor, SECRETS } from '../../test/support/rig.ts';
import { type Broker, createBroker } from '../src/index.ts';

let zitadel: Zitadel;
let stack: Stack;
const lines: string[] = [];
const SESSION_TOKEN = 'the-session+token/of=the-role';
const credentials = async () => ({ ...caller, sessionToken: SESSION_TOKEN });
const brokerOf = (options = {}): Broker =>
  createBroker({ url: stack.gateway.url, region: 'eu-central-1', credentials, ...options });

beforeAll(async () => {
  zitadel = await createZitadel({ accounts });
  stack = await createStack({
    profiles: profilesOf(profilesFor(zitadel.url)),
    secrets: SECRETS,
    principals: [{ ...caller, sessionToken: SESSION_TOKEN }],
    write: (line) => lines.push(line),
    onError: (error) => lines.push(String(error)),
  });
});
afterAll(async () => {
  await stack.close();
  await zitadel.close();
});
afterEach(() => void lines.splice(0));

describe('against the local stack', () => {
  test('1,000 callers get one token by one request', async () => {
    const before = stack.gateway.calls();
    const orders = brokerOf().profile('orders');
    const tokens = await Promise.all(Array.from({ length: 1_000 }, () => orders.token()));
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
    expect(tokens[0]?.expiration.getTime()).toBeGreaterThan(Date.now() + 11 * 3_600_000);
    expect(stack.gateway.calls() - before).toBe(1);
  });

  test('a token lives until it is revoked', async () => {
    const profile = brokerOf().profile('revocable');
    const { token } = await profile.token();
    expect(await profile.introspect(token)).toMatchObject({ active: true });
    await profile.revoke(token);
    expect(await profile.introspect(token)).toEqual({ active: false });
    expect((await profile.token()).token).not.toBe(token);
  });

  test('a token is exchanged, for an audience that the profile allows', async () => {
    const { token: subjectToken } = await brokerOf().profile('orders').token();
    const exchanging = brokerOf().profile('exchanging');
    const exchanged = await exchanging.exchange({ subjectToken });
    expect(exchanged.token).not.toBe(subjectToken);
    expect(await exchanging.exchange({ subjectToken })).toEqual(exchanged);
    const refused = exchanging.exchange({ subjectToken, audience: accounts.otherProject });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_target', status: 400 });
  });

  test('a token that is revoked behind the back of the client is replaced at the first 401', async () => {
    const [mine, admin] = [brokerOf().profile('revocable'), brokerOf().profile('revocable')];
    const { token: dead } = await mine.token();
    await admin.revoke(dead);
    const api = async (_input: unknown, init?: RequestInit) => {
      const token = new Headers(init?.headers).get('authorization')?.slice('Bearer '.length) ?? '';
      const { active } = await admin.introspect(token);
      return new Response(token, { status: active ? 200 : 401 });
    };
    const sending = createBroker({
      url: stack.gateway.url,
      region: 'eu-central-1',
      credentials,
      fetch: (input, init) => (String(input).startsWith('https://api.example') ? api(input, init) : fetch(input, init)),
    }).profile('revocable');
    const { token: live } = await sending.token();
    await admin.revoke(live);
    const response = await sending.fetch(['https://api.example'])('https://api.example/orders');
    expect(response.status).toBe(200);
    expect(await response.text()).not.toBe(live);
  });

  test.each([
    [
      'a role without a profile',
      { credentials },
      'secret',
      { code: 'unauthorized_client', status: 403, requestId: expect.any(String) },
    ],
    [
      'a wrong key',
      { credentials: async () => ({ ...caller, secretAccessKey: 'wrong', sessionToken: SESSION_TOKEN }) },
      'orders',
      { code: 'forbidden', status: 403, requestId: undefined },
    ],
    ['another region', { region: 'us-east-1' }, 'orders', { code: 'forbidden' }],
    ['a clock that is an hour behind', { now: () => Date.now() - 3_600_000 }, 'orders', { code: 'forbidden' }],
  ])('refuses %s', async (_name, options, profile, facts) => {
    await expect(brokerOf(options).profile(profile).token()).rejects.toMatchObject(facts);
  });

  test.each([
    ['the keys of the environment', undefined],
    ['a provider of the AWS SDK', fromEnv()],
  ])('%s serve', async (_name, given) => {
    const before = { ...process.env };
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: caller.accessKeyId,
      AWS_SECRET_ACCESS_KEY: caller.secretAccessKey,
      AWS_SESSION_TOKEN: SESSION_TOKEN,
    });
    try {
      await brokerOf({ credentials: given }).profile('orders').token();
    } finally {
      process.env = before;
    }
  });
});
