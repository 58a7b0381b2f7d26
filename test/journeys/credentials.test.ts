import http, { type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listen, type StandIn } from '../../infra/local/stand-in.ts';
import { stranger } from '../support/principals.ts';
import { accounts, createRig, PROJECT_AUDIENCE, profilesFor, type Rig } from '../support/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

describe('each kind of credential obtains a token', () => {
  test.each([
    ['client id and secret', 'orders', 1],
    ['client id and secret with odd characters', 'odd', 1],
    ['service-account key', 'reports', 1],
    ["application key, by exchange of its subject's token", 'billing', 2],
    ["OIDC application id and secret, by exchange of its subject's token", 'shipping', 2],
  ])('%s', async (_kind, profile, requests) => {
    const first = await rig.pass(rig.ask({ profile }));
    expect(first.json).toMatchObject({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
    });
    expect(first.headers).toMatchObject({ 'cache-control': 'no-store', 'content-type': 'application/json' });
    expect(rig.zitadel.calls()).toBe(requests);
    await rig.clock.advance(60_000);
    const second = await rig.pass(rig.ask({ profile }));
    expect(second.json.access_token).toBe(first.json.access_token);
    // A machine that is slow lets some more time pass.
    const passed = Number(first.json.expires_in) - Number(second.json.expires_in);
    expect(passed).toBeGreaterThanOrEqual(60);
    expect(passed).toBeLessThanOrEqual(65);
    expect(first.json.expires_in).toBeGreaterThan(43_190);
    rig.restart();
    const third = await rig.pass(rig.ask({ profile }));
    expect(third.json.access_token).toBe(first.json.access_token);
    expect(rig.log().map(({ source }) => source)).toEqual(['issued', 'memory', 'store']);
    expect(rig.zitadel.calls()).toBe(requests);
  });
});

test('what is sent to ZITADEL: one form, client authentication in the header, no redirects, no compression', async () => {
  let seen: IncomingMessage | undefined;
  rig.zitadel.intercept((req: IncomingMessage) => {
    seen = req;
    return false;
  });
  await rig.pass(rig.ask());
  expect(seen?.headers).toMatchObject({
    'content-type': 'application/x-www-form-urlencoded',
    'accept-encoding': 'identity',
    accept: 'application/json',
    authorization: `Basic ${Buffer.from(`${accounts.saSecret.clientId}:${accounts.saSecret.clientSecret}`).toString('base64')}`,
  });
});

describe('events', () => {
  test.each([
    ['HTTP API', {}],
    ['HTTP API, a named stage', { stage: 'dev' }],
    ['HTTP API, behind the base path of a domain', { basePath: 'tokens' }],
    ['REST API', { payload: 'v1' as const, stage: 'dev' }],
    ['REST API, behind the base path of a domain', { payload: 'v1' as const, stage: 'dev', basePath: 'tokens' }],
  ])('%s', async (_name, options) => {
    await rig.close();
    rig = await createRig(options);
    const reply = await rig.pass(rig.ask());
    expect(reply.status).toBe(200);
    expect(rig.log()[0]).toMatchObject({
      profile: 'orders',
      caller: '123456789012:orders-service',
      id: expect.stringMatching(/.+/),
    });
  });
});

describe('scopes', () => {
  test("a part of the profile's scopes is another token, with that scope", async () => {
    const all = await rig.pass(rig.ask());
    const part = await rig.pass(rig.ask({ form: 'grant_type=client_credentials&scope=profile' }));
    expect(part.status).toBe(200);
    expect(part.json.access_token).not.toBe(all.json.access_token);
    expect(part.json.scope).toBe('profile');
    expect(String(all.json.scope).split(' ').sort()).toEqual(['profile', PROJECT_AUDIENCE].sort());
  });

  test('in any order, the same token', async () => {
    const scope = (text: string) => ({ form: `grant_type=client_credentials&scope=${encodeURIComponent(text)}` });
    const one = await rig.pass(rig.ask(scope(`profile ${PROJECT_AUDIENCE}`)));
    const other = await rig.pass(rig.ask(scope(`${PROJECT_AUDIENCE} profile profile`)));
    expect(other.json.access_token).toBe(one.json.access_token);
    expect(rig.zitadel.calls()).toBe(1);
  });
});

describe('who may not, and what is malformed', () => {
  const form = 'grant_type=client_credentials';
  test.each([
    ['another role', { principal: stranger }, 403, 'unauthorized_client'],
    ['an unknown profile', { profile: 'nobodys' }, 403, 'unauthorized_client'],
    ['no grant type', { form: 'scope=profile' }, 400, 'invalid_request'],
    ['an empty grant type', { form: 'grant_type=' }, 400, 'invalid_request'],
    ['an unknown grant', { form: 'grant_type=password&username=a' }, 400, 'unsupported_grant_type'],
    ['a parameter twice', { form: `${form}&scope=profile&scope=profile` }, 400, 'invalid_request'],
    ['a foreign scope', { form: `${form}&scope=email` }, 400, 'invalid_scope'],
    ["ZITADEL's own API", { form: `${form}&scope=urn:zitadel:iam:org:project:id:zitadel:aud` }, 400, 'invalid_scope'],
    ['another client id', { form: `${form}&client_id=reports` }, 400, 'invalid_request'],
    ['an audience', { form: `${form}&audience=x` }, 400, 'invalid_target'],
    ['JSON', { form: '{"grant_type":"client_credentials"}', contentType: 'application/json' }, 400, 'invalid_request'],
    ['a body over 4 kB', { form: `${form}&x=${'y'.repeat(4096)}` }, 400, 'invalid_request'],
    ['a broken escape', { form: `${form}&x=%zz` }, 400, 'invalid_request'],
    ['no body', { form: '' }, 400, 'invalid_request'],
  ])('%s', async (_name, request, status, error) => {
    const reply = await rig.pass(rig.ask(request));
    expect(reply.status).toBe(status);
    expect(reply.json).toEqual({
      error,
      error_description: expect.any(String),
      request_id: expect.stringMatching(/.+/),
    });
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(rig.zitadel.calls() + rig.table.calls() + rig.secretsManager.calls()).toBe(0);
  });

  test('an unknown profile and a foreign one are answered alike', async () => {
    const unknown = await rig.ask({ profile: 'nobodys' });
    const foreign = await rig.ask({ principal: stranger });
    const { request_id: _one, ...answerToUnknown } = unknown.json;
    const { request_id: _other, ...answerToForeign } = foreign.json;
    expect(answerToUnknown).toEqual(answerToForeign);
  });

  test('client_id equal to the profile, and parameters that nobody knows, do no harm', async () => {
    expect((await rig.pass(rig.ask({ form: `${form}&client_id=orders&unknown=1` }))).status).toBe(200);
  });
});

describe('a secret that cannot serve: 502, and the log names profile, secret and field', () => {
  const key = accounts.saKey.key;
  test.each([
    ['no JSON', 'orders', 'not json at all', /secret orders: secret is a plain text of 15 characters/],
    ['a field missing', 'orders', '{"clientId":"orders-worker"}', /secret orders: clientSecret is missing/],
    [
      'a PEM that is no key',
      'reports',
      JSON.stringify({ ...key, key: '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----' }),
      /secret reports: key must be an unencrypted private key/,
    ],
    [
      'an expired key',
      'reports',
      JSON.stringify({ ...key, expirationDate: '2020-01-01T00:00:00Z' }),
      /secret reports: expirationDate has passed/,
    ],
    [
      'an application key without a subject',
      'orders',
      JSON.stringify(accounts.oidcKey),
      /profile orders, secret orders: an application key obtains no token on its own/,
    ],
    ['a service-account key with a subject', 'shipping', JSON.stringify(key), /a service-account key cannot exchange/],
  ])('%s', async (_name, profile, secret, detail) => {
    rig.secretsManager.put(profile, secret);
    const reply = await rig.pass(rig.ask({ profile }));
    expect(reply.status).toBe(502);
    expect(reply.json.error).toBe('server_error');
    expect(rig.log().at(-1)).toMatchObject({
      profile,
      error: { kind: 'credential_unusable', detail: expect.stringMatching(detail) },
    });
    expect(JSON.stringify(rig.lines)).not.toContain(secret.slice(0, 40));
  });
});

describe('a proxy in front of ZITADEL has another name than ZITADEL', () => {
  let proxy: StandIn;
  beforeEach(async () => {
    proxy = await listen((req, res) => {
      const { host } = new URL(rig.zitadel.url);
      const options = { method: req.method ?? '', headers: { ...req.headers, host } };
      req.pipe(
        http.request(new URL(req.url ?? '', rig.zitadel.url), options, (answer) => {
          res.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(res);
        }),
      );
    });
    await rig.close();
    const names = Object.keys(profilesFor('').profiles);
    rig = await createRig({ changes: Object.fromEntries(names.map((name) => [name, { issuer: proxy.url }])) });
  });
  afterEach(() => proxy.close());

  test('a client secret does not mind', async () => {
    expect((await rig.pass(rig.ask())).status).toBe(200);
  });

  test('a refused key names both issuers, and discovery is asked once', async () => {
    expect((await rig.pass(rig.ask({ profile: 'reports' }))).status).toBe(502);
    const token = encodeURIComponent('no-token');
    await rig.pass(rig.ask({ profile: 'introspecting', endpoint: 'introspect', form: `token=${token}` }));
    const detail = `the profile's issuer is ${proxy.url}, ZITADEL's is ${rig.zitadel.url}`;
    for (const line of rig.log()) {
      expect(line).toMatchObject({ error: { kind: 'credential_refused', detail: expect.stringContaining(detail) } });
    }
    expect(rig.log()).toHaveLength(2);
  });
});
