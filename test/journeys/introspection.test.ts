import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Intercept } from '../../infra/local/stand-in.ts';
import { MOST_INTROSPECTIONS } from '../../lib/broker/introspection/introspect.ts';
import { caller, stranger } from '../support/principals.ts';
import { accounts, createRig, type Rig, type RigOptions } from '../support/rig.ts';
import { until } from '../support/turns.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const restartWith = async (options: RigOptions) => {
  await rig.close();
  rig = await createRig(options);
};

/** A token that another service got from the broker. */
const getToken = async (): Promise<string> => String((await rig.pass(rig.ask())).json.access_token);

const introspect = (token: string, profile = 'introspecting') =>
  rig.pass(
    rig.ask({
      profile,
      endpoint: 'introspect',
      form: `token=${encodeURIComponent(token)}&token_type_hint=access_token`,
    }),
  );

describe.each([
  ['an application key (private_key_jwt)', 'introspecting'],
  ['client id and secret (Basic)', 'revocable'],
])('with %s', (_name, profile) => {
  test('a good token is active, with all that ZITADEL says of it', async () => {
    const reply = await introspect(await getToken(), profile);
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    expect(reply.json).toMatchObject({
      active: true,
      client_id: accounts.saSecret.clientId,
      aud: [accounts.project],
      token_type: 'Bearer',
    });
    expect(rig.log().at(-1)).toMatchObject({
      route: 'introspect',
      profile,
      active: true,
      source: 'zitadel',
      token: expect.stringMatching(/^[\w-]{12}$/),
    });
  });

  test('a token that is none is inactive, and not kept', async () => {
    const before = rig.zitadel.calls();
    for (const _time of [1, 2]) expect((await introspect('garbage', profile)).json).toEqual({ active: false });
    expect(rig.zitadel.calls() - before).toBe(2);
  });
});

test('one service fetches a token with its profile, another introspects it with its own, and neither can do the other', async () => {
  await restartWith({ changes: { introspecting: { callers: ['arn:aws:iam::123456789012:role/somebody-else'] } } });
  const token = await getToken();
  const form = `token=${encodeURIComponent(token)}`;
  const asked = (principal: typeof caller) =>
    rig.pass(rig.ask({ profile: 'introspecting', endpoint: 'introspect', form, principal }));
  expect((await asked(stranger)).json).toMatchObject({ active: true });
  expect((await asked(caller)).status).toBe(403);
  expect((await rig.ask({ principal: stranger })).status).toBe(403);
});

test("ZITADEL's answer goes through byte for byte", async () => {
  const body = '{"active":true , "unknown":{"deep":[1,2.50,"ü"]},"exp":9007199254740993}';
  rig.zitadel.intercept((_req, res) => Boolean(res.writeHead(200, { 'content-type': 'application/json' }).end(body)));
  expect((await introspect('t')).text).toBe(body);
});

describe('what is asked wrongly', () => {
  test.each([
    ['no token', { form: 'x=1' }, 400, 'invalid_request'],
    ['an empty token', { form: 'token=' }, 400, 'invalid_request'],
    ['two tokens', { form: 'token=a&token=b' }, 400, 'invalid_request'],
    ['a profile that does not introspect', { profile: 'orders' }, 400, 'invalid_request'],
    ['another role', { principal: stranger }, 403, 'unauthorized_client'],
    ['an unknown profile', { profile: 'nobodys' }, 403, 'unauthorized_client'],
  ])('%s', async (_name, changes, status, error) => {
    const reply = await rig.ask({ profile: 'introspecting', endpoint: 'introspect', form: 'token=t', ...changes });
    expect(reply.status).toBe(status);
    expect(reply.json.error).toBe(error);
    expect(rig.zitadel.calls()).toBe(0);
  });
});

describe('a fault is never an inactive token', () => {
  const says =
    (status: number, body: string, type = 'application/json'): Intercept =>
    (_req: IncomingMessage, res: ServerResponse) =>
      Boolean(res.writeHead(status, { 'content-type': type }).end(body));
  test.each<[string, Intercept, number]>([
    ['away', (req) => Boolean(req.destroy()), 503],
    ['slow', () => true, 503],
    ['blocked', says(429, 'Your ZITADEL instance is blocked.', 'text/plain'), 503],
    ['failing', says(500, 'unable to set instance', 'text/plain'), 503],
    ['a proxy', says(200, '<html>', 'text/html'), 502],
    ['an empty answer', says(200, ''), 502],
    ['no member active', says(200, '{}'), 502],
    ['active in text', says(200, '{"active":"false"}'), 502],
    ['inactive, but 404', says(404, '{"active":false}'), 502],
    ['a redirect', says(302, '{"active":false}'), 502],
  ])('%s', async (_name, fault, status) => {
    rig.zitadel.intercept(fault);
    const reply = await introspect('t');
    expect(reply.status).toBe(status);
    expect(reply.text).not.toContain('active');
    if (status === 503) expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  });

  test('a refused application: the secret is read again once, then 502 for 30 s', async () => {
    rig.secretsManager.put(
      'apiSecret',
      JSON.stringify({ clientId: accounts.apiSecret.clientId, clientSecret: 'wrong' }),
    );
    expect((await introspect('t', 'revocable')).status).toBe(502);
    expect(rig.secretsManager.reads('apiSecret')).toBe(2);
    expect(rig.log().at(-1)).toMatchObject({
      error: {
        kind: 'credential_refused',
        detail: expect.stringMatching(/secret apiSecret: status 400: unauthorized_client$/),
      },
      CredentialRefused: 1,
    });
    const calls = rig.zitadel.calls();
    expect((await introspect('t', 'revocable')).status).toBe(502);
    expect(rig.zitadel.calls()).toBe(calls);
  });

  test('a service-account key cannot introspect: the log says so', async () => {
    await restartWith({ changes: { introspecting: { introspection: 'reports' } } });
    expect((await introspect('t')).status).toBe(502);
    expect(rig.log().at(-1)).toMatchObject({
      error: { kind: 'credential_unusable', detail: expect.stringContaining('service-account key cannot introspect') },
    });
  });
});

describe('an active answer is kept', () => {
  test('not at all, by default', async () => {
    const token = await getToken();
    const before = rig.zitadel.calls();
    await introspect(token);
    await introspect(token);
    expect(rig.zitadel.calls() - before).toBe(2);
  });

  test('for as long as the profile says', async () => {
    await restartWith({ changes: { introspecting: { introspectionCacheSeconds: 10 } } });
    const token = await getToken();
    const before = rig.zitadel.calls();
    const first = await introspect(token);
    await rig.clock.advance(9_000);
    expect((await introspect(token)).text).toBe(first.text);
    expect(rig.log().at(-1)).toMatchObject({ source: 'memory', active: true });
    expect(rig.zitadel.calls() - before).toBe(1);
    await rig.clock.advance(1_500);
    await introspect(token);
    expect(rig.zitadel.calls() - before).toBe(2);
  });

  test('a kept answer is for its profile alone: the application of another may not see the token', async () => {
    const { clientId, clientSecret } = accounts.apiOther;
    const introspectionCacheSeconds = 60;
    const blind = { introspection: 'apiOther', introspectionCacheSeconds };
    await restartWith({
      secrets: { apiOther: JSON.stringify({ clientId, clientSecret }) },
      changes: { introspecting: { introspectionCacheSeconds }, revocable: blind },
    });
    const token = await getToken();
    expect((await introspect(token)).json.active).toBe(true);
    expect((await introspect(token, 'revocable')).json).toEqual({ active: false });
    expect((await introspect(token)).json.active).toBe(true);
  });

  test('never past the end of the token', async () => {
    await restartWith({ changes: { introspecting: { introspectionCacheSeconds: 60 } }, tokenLifetimeSeconds: 30 });
    const token = await getToken();
    expect((await introspect(token)).json.active).toBe(true);
    await rig.clock.advance(31_000);
    expect((await introspect(token)).json).toEqual({ active: false });
  });
});

test('more than the sandbox takes at once are turned away, and the others answered', async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  rig.zitadel.intercept(async () => {
    await gate;
    return false;
  });
  const asked = Array.from({ length: MOST_INTROSPECTIONS }, (_, index) =>
    rig.ask({ profile: 'introspecting', endpoint: 'introspect', form: `token=t${index}` }),
  );
  await until(() => rig.zitadel.calls() === MOST_INTROSPECTIONS);
  const shed = await rig.ask({ profile: 'introspecting', endpoint: 'introspect', form: 'token=one-too-many' });
  expect(shed.status).toBe(503);
  expect(shed.headers['retry-after']).toBe('1');
  release();
  const answered = await Promise.all(asked);
  expect(answered.map(({ status }) => status)).toEqual(Array(MOST_INTROSPECTIONS).fill(200));
});
