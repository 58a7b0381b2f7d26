import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allowInsecureRequests, ClientSecretPost, clientCredentialsGrant, discovery } from 'openid-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createStack, type Stack } from '../../infra/local/stack.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import { openLocalToken } from '../../infra/proxy/local-token.ts';
import type { RunningProxy } from '../../infra/proxy/server.ts';
import { type ProxyOptions, startProxy } from '../../infra/proxy/start.ts';
import { systemClock } from '../../lib/compose/journal.ts';
import { createHttpClient } from '../../lib/net/http-client.ts';
import { LARGEST_BODY_BYTES } from '../../lib/net/transport.ts';
import { caller } from '../support/principals.ts';
import { profilesOf } from '../support/profiles.ts';
import { accounts, PROJECT_AUDIENCE, profilesFor, SECRETS } from '../support/rig.ts';

const SESSION_TOKEN = 'the-session+token/of=the-role';
const home = mkdtempSync(join(tmpdir(), 'proxy-'));
let zitadel: Zitadel;
let stack: Stack;
let proxy: RunningProxy;
const lines: object[] = [];
const started: RunningProxy[] = [];
/** The time of the proxies, ahead of this machine's. */
let aheadMs = 0;

async function start(options: Partial<ProxyOptions> = {}): Promise<RunningProxy> {
  const provide = async () => ({ ...caller, sessionToken: SESSION_TOKEN });
  const made = await startProxy({
    url: stack.gateway.url,
    region: 'eu-central-1',
    port: 0,
    credentialsOf: () => provide,
    http: createHttpClient({ clock: systemClock, largestBytes: LARGEST_BODY_BYTES, env: {} }),
    clock: systemClock,
    instant: () => ({ wall: Date.now() + aheadMs, steady: 0 }),
    log: (line) => void lines.push(line),
    ...options,
  });
  started.push(made);
  return made;
}

const post = (path: string, body: Record<string, string> | string, headers: Record<string, string> = {}) =>
  fetch(proxy.url + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : new URLSearchParams(body),
    headers,
  });
const CLIENT_CREDENTIALS = { grant_type: 'client_credentials' };
const TOKEN = '/orders/oauth/v2/token';

beforeAll(async () => {
  zitadel = await createZitadel({ accounts });
  stack = await createStack({
    profiles: profilesOf(profilesFor(zitadel.url)),
    secrets: SECRETS,
    principals: [{ ...caller, sessionToken: SESSION_TOKEN }],
    write: () => undefined,
    onError: (error) => lines.push({ error: String(error) }),
  });
});
beforeEach(async () => {
  aheadMs = 0;
  lines.splice(0);
  proxy = await start();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ close }) => close()));
});
afterAll(async () => {
  await stack.close();
  await zitadel.close();
  rmSync(home, { recursive: true });
});

/** The members of an answer, and its status. */
const read = async (answering: Promise<Response>) => {
  const answered = await answering;
  const text = await answered.text();
  return { status: answered.status, headers: answered.headers, ...(text === '' ? {} : JSON.parse(text)) };
};

describe('a token through the proxy', () => {
  test('is one request to the broker for 200 callers, and for every later one', async () => {
    const before = stack.gateway.calls();
    const all = await Promise.all(Array.from({ length: 200 }, () => read(post(TOKEN, CLIENT_CREDENTIALS))));
    expect(new Set(all.map((it) => it.access_token)).size).toBe(1);
    expect(all[0]).toMatchObject({ status: 200, token_type: 'Bearer', scope: expect.stringContaining('profile') });
    expect(all[0]?.headers.get('cache-control')).toBe('no-store');
    aheadMs = 3_600_000;
    const later = await read(post(TOKEN, CLIENT_CREDENTIALS));
    expect(later.access_token).toBe(all[0]?.access_token);
    expect(all[0]?.expires_in - later.expires_in).toBeGreaterThanOrEqual(3_599);
    expect(stack.gateway.calls() - before).toBe(1);
  });

  test('the order of scopes makes no difference, other scopes do', async () => {
    const scopes = [PROJECT_AUDIENCE, 'profile'];
    const ask = (scope: string) => read(post(TOKEN, { ...CLIENT_CREDENTIALS, scope }));
    const [one, other] = [await ask(scopes.join(' ')), await ask(scopes.toReversed().join('  '))];
    expect(other.access_token).toBe(one.access_token);
    expect((await ask('profile')).access_token).not.toBe(one.access_token);
  });

  test('lives on while the broker is away, down to its last 5 s', async () => {
    const { access_token: token, expires_in: seconds } = await read(post(TOKEN, CLIENT_CREDENTIALS));
    stack.gateway.intercept((_req, res) => {
      res.socket?.destroy();
      return true;
    });
    try {
      aheadMs = (seconds - 7) * 1000;
      expect(await read(post(TOKEN, CLIENT_CREDENTIALS))).toMatchObject({ status: 200, access_token: token });
      aheadMs = (seconds - 4) * 1000;
      const refused = await read(post(TOKEN, CLIENT_CREDENTIALS));
      expect(refused).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(lines).toContainEqual(expect.objectContaining({ profile: 'orders', error: 'unreachable' }));
    } finally {
      stack.gateway.intercept(undefined);
    }
  });

  test('that an API refused is replaced; a newer one is not', async () => {
    const ask = (rejected?: string) =>
      read(post('/revocable/oauth/v2/token', { ...CLIENT_CREDENTIALS, ...(rejected && { rejected_token: rejected }) }));
    const { access_token: first } = await ask();
    expect((await read(post('/revocable/oauth/v2/revoke', { token: first }))).status).toBe(200);
    const { access_token: second } = await ask(first);
    expect(second).not.toBe(first);
    expect((await ask(first)).access_token).toBe(second);
    expect(await read(post('/revocable/oauth/v2/introspect', { token: second }))).toMatchObject({ active: true });
    expect(await read(post('/revocable/oauth/v2/introspect', { token: first }))).toMatchObject({ active: false });
  });

  test('is exchanged (RFC 8693), and says its type', async () => {
    const { access_token: subject } = await read(post(TOKEN, CLIENT_CREDENTIALS));
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subject,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    };
    const exchanged = await read(post('/exchanging/oauth/v2/token', form));
    expect(exchanged).toMatchObject({
      status: 200,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    });
    const calls = stack.gateway.calls();
    expect((await read(post('/exchanging/oauth/v2/token', form))).access_token).toBe(exchanged.access_token);
    expect(stack.gateway.calls()).toBe(calls);
  });

  test("openid-client needs the proxy's URL alone, and its secret is ignored with one line", async () => {
    for (let time = 0; time < 2; time += 1) {
      const config = await discovery(
        new URL(`${proxy.url}/orders`),
        'any-id',
        undefined,
        ClientSecretPost('any secret'),
        {
          execute: [allowInsecureRequests],
        },
      );
      expect((await clientCredentialsGrant(config)).expires_in).toBeGreaterThan(3_600);
    }
    expect(lines).toEqual([{ says: expect.stringMatching(/^client_id and client_secret are ignored/) }]);
  });
});

describe('what is refused', () => {
  const cases: readonly (readonly [
    name: string,
    path: string,
    init: RequestInit,
    status: number,
    error: string | undefined,
    says: RegExp,
  ])[] = [
    ['an unknown path', '/orders/token', { method: 'POST' }, 404, 'invalid_request', /\/\{profile\}\/oauth/],
    ['GET of a token', TOKEN, {}, 405, 'invalid_request', /use POST/],
    [
      'POST of metadata',
      '/orders/.well-known/openid-configuration',
      { method: 'POST' },
      405,
      'invalid_request',
      /use GET or HEAD/,
    ],
    [
      'JSON',
      TOKEN,
      { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
      400,
      'invalid_request',
      /x-www-form-urlencoded/,
    ],
    [
      'a body without a type',
      TOKEN,
      { method: 'POST', body: new Uint8Array([97]) },
      400,
      'invalid_request',
      /x-www-form-urlencoded/,
    ],
    [
      'no grant',
      TOKEN,
      { method: 'POST', body: new URLSearchParams({ a: 'b' }) },
      400,
      'invalid_request',
      /grant_type is missing/,
    ],
    [
      'a password',
      TOKEN,
      { method: 'POST', body: new URLSearchParams({ grant_type: 'password' }) },
      400,
      'unsupported_grant_type',
      /use client_credentials/,
    ],
    [
      'a parameter twice',
      TOKEN,
      { method: 'POST', body: new URLSearchParams('scope=a&scope=b') },
      400,
      'invalid_request',
      /more than once/,
    ],
    [
      'a long body',
      TOKEN,
      { method: 'POST', body: new URLSearchParams({ a: 'b'.repeat(200_000) }) },
      413,
      'invalid_request',
      /too long/,
    ],
    [
      'a foreign scope',
      TOKEN,
      { method: 'POST', body: new URLSearchParams({ ...CLIENT_CREDENTIALS, scope: 'x' }) },
      400,
      'invalid_scope',
      /does not grant/,
    ],
    [
      'a foreign profile',
      '/nobody/oauth/v2/token',
      { method: 'POST', body: new URLSearchParams(CLIENT_CREDENTIALS) },
      403,
      'unauthorized_client',
      /the profile does not exist, or this caller may not use it/,
    ],
    [
      'X-Forwarded-For',
      TOKEN,
      { method: 'POST', body: new URLSearchParams(CLIENT_CREDENTIALS), headers: { 'x-forwarded-for': '192.0.2.1' } },
      403,
      'invalid_request',
      /x-forwarded-for are refused/,
    ],
    [
      'a page of a browser',
      TOKEN,
      { method: 'POST', body: new URLSearchParams(CLIENT_CREDENTIALS), headers: { origin: 'null' } },
      403,
      'invalid_request',
      /origin are refused/,
    ],
  ];
  test.each(cases)('%s', async (_name, path, init, status, error, says) => {
    const answered = await read(fetch(proxy.url + path, init));
    expect(answered).toMatchObject({ status, error, error_description: expect.stringMatching(says) });
  });

  test.each(['evil.example', '127.0.0.1', 'localhost:1', 'evil.example:PORT', '[::1]:PORT', '127.0.0.1:PORT@evil', ''])(
    'the host %j',
    async (host) => {
      const port = Number(new URL(proxy.url).port);
      const socket = connect(port, '127.0.0.1');
      socket.end(`GET /healthz HTTP/1.1\r\nHost: ${host.replace('PORT', String(port))}\r\nConnection: close\r\n\r\n`);
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 40[03] /);
    },
  );

  test('without credentials, the answer says what to do', async () => {
    const { createChain } = await import('../../infra/proxy/credentials/chain.ts');
    const nothing = async () => {
      throw new Error('EHOSTUNREACH');
    };
    const deps = {
      env: { HOME: home },
      now: Date.now,
      request: nothing,
      readFile: nothing,
      run: nothing,
      runShell: nothing,
    };
    const chain = createChain(deps, nothing);
    proxy = await start({ credentialsOf: () => chain });
    expect(await read(post(TOKEN, CLIENT_CREDENTIALS))).toMatchObject({
      status: 500,
      error: 'server_error',
      error_description: expect.stringContaining('set AWS_PROFILE'),
    });
  });
});

describe('with a local token', () => {
  const localToken = () => openLocalToken(join(home, 'local-token'));
  const secretOf = ({ file }: { file: string }) => readFileSync(file, 'utf8').trim();
  const basic = (secret: string) => ({
    authorization: `Basic ${Buffer.from(`any:${encodeURIComponent(secret)}`).toString('base64')}`,
  });

  test('every endpoint demands it as the secret of the client', async () => {
    const token = localToken();
    proxy = await start({ localToken: token });
    const secret = secretOf(token);
    for (const [form, headers] of [
      [CLIENT_CREDENTIALS, {}],
      [{ ...CLIENT_CREDENTIALS, client_secret: 'wrong' }, {}],
      [CLIENT_CREDENTIALS, basic('wrong')],
      [CLIENT_CREDENTIALS, { authorization: `Bearer ${secret}` }],
    ] as const) {
      const refused = await read(post(TOKEN, { ...form }, { ...headers }));
      expect(refused).toMatchObject({ status: 401, error: 'invalid_client' });
      expect(refused.headers.get('www-authenticate')).toMatch(/^Basic /);
    }
    expect((await read(post('/orders/oauth/v2/introspect', { token: 'x' }))).status).toBe(401);
    expect((await read(post(TOKEN, { ...CLIENT_CREDENTIALS, client_secret: secret }))).status).toBe(200);
    expect((await read(post(TOKEN, CLIENT_CREDENTIALS, basic(secret)))).status).toBe(200);
    expect(lines).toEqual([]);
    expect((await fetch(`${proxy.url}/healthz`)).status).toBe(200);
  });

  test('the metadata says so', async () => {
    proxy = await start({ localToken: localToken() });
    const metadata = await read(fetch(`${proxy.url}/orders/.well-known/openid-configuration`));
    expect(metadata.token_endpoint_auth_methods_supported).toEqual(['client_secret_basic', 'client_secret_post']);
  });
});

describe('the metadata', () => {
  const paths = [
    '/orders/.well-known/openid-configuration',
    '/orders/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/orders',
  ];
  test.each(paths)('%s names the proxy, and ZITADEL where it is meant', async (path) => {
    const metadata = await read(fetch(proxy.url + path));
    expect(metadata).toMatchObject({
      status: 200,
      issuer: `${proxy.url}/orders`,
      token_endpoint: `${proxy.url}/orders/oauth/v2/token`,
      introspection_endpoint: `${proxy.url}/orders/oauth/v2/introspect`,
      revocation_endpoint: `${proxy.url}/orders/oauth/v2/revoke`,
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    });
    if (path.endsWith('openid-configuration')) expect(metadata.jwks_uri).toBe(`${zitadel.url}/oauth/v2/keys`);
    const named = await read(fetch(proxy.url.replace('127.0.0.1', 'localhost') + path));
    expect(named.issuer).toBe(`${proxy.url.replace('127.0.0.1', 'localhost')}/orders`);
  });

  test('stays while the broker is away', async () => {
    const [path = ''] = paths;
    const first = await read(fetch(proxy.url + path));
    stack.gateway.intercept((_req, res) => {
      res.socket?.destroy();
      return true;
    });
    try {
      expect((await read(fetch(proxy.url + path))).issuer).toBe(first.issuer);
      expect(await read(fetch(proxy.url + path.replace('orders', 'reports')))).toMatchObject({ status: 503 });
    } finally {
      stack.gateway.intercept(undefined);
    }
  });
});
