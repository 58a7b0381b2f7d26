import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEY_HEADER } from '../../infra/local/page/guard.ts';
import { createLocalTls } from '../../infra/local/tls/kept-authority.ts';
import { HOUR_MS, MINUTE_MS } from '../../lib/core/time.ts';
import { createPageStack, type PageStack, pageFile } from '../support/page-stack.ts';

let local: PageStack;
const press = (id: string, profile?: string) => local.press(id, profile);
const profileOf = async (name: string) => (await local.read()).state.profiles.find((profile) => profile.name === name);
/** The last line of the log that has this route. */
const logged = (route: string): Record<string, unknown> =>
  local.lines.map((line) => JSON.parse(line)).findLast((fields) => fields.route === route);

/** A request with any headers: `fetch` sets its own host and origin. */
function send(method: string, path: string, headers: Record<string, string>) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const { port } = local.page;
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
        // The events do not end.
        if (path === '/api/events') sent.destroy();
      });
      answer.on('close', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    sent.on('error', reject).end();
  });
}

describe('who may use the page', () => {
  beforeEach(async () => {
    local = await createPageStack();
  });
  afterEach(() => local.close());

  test('it listens on loopback, and its key is in the fragment alone', () => {
    expect(local.page.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#key=[\w-]{32}$/);
  });

  test('host, origin and key are checked', async () => {
    const { key } = local;
    const { port } = local.page;
    const own = `127.0.0.1:${port}`;
    const cases: [method: string, path: string, headers: Record<string, string>, status: number][] = [
      ['GET', '/', { host: own }, 200],
      ['GET', '/page.js', { host: own }, 200],
      ['GET', '/', { host: `localhost:${port}` }, 200],
      ['GET', '/favicon.ico', { host: own }, 204],
      ['GET', '/../main.ts', { host: own }, 404],
      ['POST', '/', { host: own }, 405],
      ['GET', '/', { host: 'evil.example' }, 403],
      ['GET', '/', { host: `evil.example:${port}` }, 403],
      ['GET', '/', { host: '127.0.0.1' }, 403],
      ['GET', `http://evil.example:${port}/`, { host: own }, 403],
      ['GET', '/', { host: own, origin: 'http://evil.example' }, 403],
      ['GET', '/', { host: own, origin: `http://localhost:${port}` }, 403],
      ['GET', '/', { host: own, origin: 'null' }, 403],
      ['GET', '/api/events', { host: own }, 401],
      ['GET', `/api/events?key=${key}`, { host: own }, 401],
      ['GET', '/api/events', { host: own, [KEY_HEADER]: `${key.slice(0, -1)}~` }, 401],
      ['GET', '/api/events', { host: own, [KEY_HEADER]: key }, 200],
      ['POST', '/api/token/orders', { host: own }, 401],
      ['POST', '/api/token/orders', { host: 'evil.example', [KEY_HEADER]: key }, 403],
      ['POST', '/api/token/orders', { host: own, origin: 'http://evil.example', [KEY_HEADER]: key }, 403],
      ['POST', '/api/token/orders', { host: own, origin: `http://${own}`, [KEY_HEADER]: key }, 200],
      ['POST', '/api/token/nobody', { host: own, [KEY_HEADER]: key }, 404],
      ['POST', '/api/constructor/orders', { host: own, [KEY_HEADER]: key }, 404],
    ];
    for (const [method, path, headers, status] of cases) {
      expect([method, path, headers, (await send(method, path, headers)).status]).toEqual([
        method,
        path,
        headers,
        status,
      ]);
    }
    // Those that were refused did nothing.
    expect(local.lines.filter((line) => line.includes('"route":"token"'))).toHaveLength(1);
  });

  test('its answers allow nothing from elsewhere', async () => {
    for (const path of ['/', '/page.js', '/api/events', '/nothing']) {
      const { headers } = await send('GET', path, { host: `127.0.0.1:${local.page.port}`, [KEY_HEADER]: local.key });
      expect(headers).toMatchObject({
        'content-security-policy': expect.stringMatching(/^default-src 'self';.*frame-ancestors 'none'$/),
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      });
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      expect(String(headers['content-security-policy'])).not.toContain('unsafe');
    }
  });

  test('its two files are small, and name no other place', () => {
    const files = pageFile('index.html') + pageFile('page.js');
    expect(Buffer.byteLength(files)).toBeLessThanOrEqual(30_000);
    expect(files).not.toMatch(/https?:|\/\/[\w.]+\.\w|innerHTML|eval\(/);
  });

  test('its events contain no secret, key or token; only the command has the keys of its caller', async () => {
    const token = async () => {
      const text = await press('curl');
      const [, user = '', session = ''] = /--user "([^"]+)" --header "x-amz-security-token: ([^"]+)"/.exec(text) ?? [];
      return [...user.split(':'), session];
    };
    const command = await token();
    const { principal } = local.keys.get('orders') ?? {};
    expect(command).toEqual([principal?.accessKeyId, principal?.secretAccessKey, principal?.sessionToken]);

    const told = [];
    for (const id of ['token', 'replace', 'revoke', 'zitadel-down', 'hour', 'sandbox', 'token', 'flush', 'lock']) {
      told.push(await press(id));
    }
    told.push(await press('token', 'reports'), await press('rotate', 'reports'));
    await local.stack.secretsManager.settled();
    const { text } = await local.read();
    expect(text).toContain('"route":"rotate"'.replaceAll('"', '\\"'));
    const current = Object.keys(local.demo.secrets).map((name) => local.stack.secretsManager.current(name) ?? '');
    const members = [...Object.values(local.demo.secrets), ...current].flatMap((secret) => {
      const { clientSecret, key } = JSON.parse(secret);
      return [clientSecret ?? key.split('\n')[1]];
    });
    const keys = [...local.keys.values()].flatMap(({ principal: { secretAccessKey, sessionToken = '' } }) => [
      secretAccessKey,
      sessionToken,
    ]);
    for (const secret of [...members, ...keys, local.key]) {
      expect(secret.length).toBeGreaterThan(20);
      expect(text + told.join()).not.toContain(secret);
    }
    // The tokens of the stand-in are compact JWEs.
    expect(text + told.join()).not.toMatch(/eyJ[\w-]+\./);
  });
});

describe('each switch is seen in what the broker does', () => {
  beforeEach(async () => {
    local = await createPageStack();
  });
  afterEach(() => local.close());

  test('a token comes from ZITADEL, then from memory, and its life is shown', async () => {
    expect(await press('token')).toBe('200 orders: answered 200, from ZITADEL.');
    expect(await press('token')).toBe('200 orders: answered 200, from memory.');
    const { answers, life } = (await profileOf('orders')) ?? {};
    expect(answers).toMatchObject({ memory: 1, store: 0, issued: 1, failed: 0, last: 'memory' });
    const { obtainedAt = 0, renewedFrom = 0, renewedBy = 0, minimumAt = 0, expiresAt = 0 } = life ?? {};
    const lifeMs = expiresAt - obtainedAt;
    // ZITADEL counts whole seconds of 12 h.
    expect(Math.abs(12 * HOUR_MS - lifeMs)).toBeLessThanOrEqual(2_000);
    expect([renewedFrom, renewedBy].map((at) => Math.ceil(((at - obtainedAt) * 100) / lifeMs))).toEqual([70, 75]);
    expect(expiresAt - minimumAt).toBe(MINUTE_MS);
  });

  test.each(['kubernetes', 'github'])('a workload without IAM gets the same token (%s)', async (kind) => {
    await press('token');
    await press('hour');
    expect(await press(`token-${kind}`)).toBe('200 orders: answered 200, from the table.');
    expect((await profileOf('orders'))?.answers).toMatchObject({ issued: 1, last: 'store' });
    expect(logged('federated')).toMatchObject({ caller: expect.stringMatching(`^${kind}:`), status: 200 });
    expect(await press(`curl-${kind}`)).toMatch(
      /^200 curl .*client_assertion@- \S+\/federated\/orders\/oauth\/v2\/token$/,
    );
    expect(await press(`token-${kind}`, 'reports')).toMatch(/^409 Its callers do not list a (pod|job) /);
  });

  test('ZITADEL down and +8 h: callers are served until the token ends', async () => {
    await press('token');
    expect(await press('zitadel-down')).toBe('200 ZITADEL now closes every connection.');
    expect((await profileOf('orders'))?.states['zitadel-down']).toMatchObject({ isOn: true });
    await press('eight-hours');
    expect(await press('token')).toBe('200 orders: answered 200, from memory.');
    await press('hour');
    expect(await press('token')).toBe('200 orders: answered 200, from the table.');
    expect(logged('token')).toMatchObject({ level: 'warn', renewal: { dependency: 'zitadel' }, degraded: ['zitadel'] });
    await press('eight-hours');
    expect(await press('token')).toBe('200 orders: answered 503 temporarily_unavailable.');
    expect((await local.read()).state.aheadMs).toBe(17 * HOUR_MS);
    expect(await press('zitadel-down')).toBe('200 ZITADEL works again.');
    await press('minute');
    expect(await press('token')).toBe('200 orders: answered 200, from ZITADEL.');
  });

  test.each([
    ['zitadel-500', /500/],
    ['zitadel-429', /429/],
  ])('%s: no token without one in the cache', async (id, detail) => {
    await press(id);
    expect(await press('token', 'billing')).toBe('200 billing: answered 503 temporarily_unavailable.');
    expect(logged('token').error).toMatchObject({ dependency: 'zitadel', detail: expect.stringMatching(detail) });
  });

  test('zitadel-slow: the request takes longer', async () => {
    await press('zitadel-slow');
    expect(await press('token')).toMatch(/answered/);
    // A timer may be a little early.
    expect(logged('token').ms).toBeGreaterThan(2_900);
  });

  test('one fault of ZITADEL ends the other', async () => {
    await press('zitadel-500');
    await press('zitadel-429');
    expect((await profileOf('orders'))?.states).toMatchObject({
      'zitadel-500': { isOn: false },
      'zitadel-429': { isOn: true },
    });
  });

  test('new sandbox: the token comes from the table; without the table, from ZITADEL', async () => {
    await press('token');
    await press('sandbox');
    expect(await press('token')).toBe('200 orders: answered 200, from the table.');
    await press('table-away');
    await press('sandbox');
    expect(await press('token')).toBe('200 orders: answered 200, from ZITADEL.');
    expect(logged('token')).toMatchObject({ degraded: ['table'] });
    await press('table-away');
    await press('sandbox');
    expect(await press('token')).toMatch(/from the table/);
  });

  test('Secrets Manager away: tokens from memory, none in a new sandbox', async () => {
    await press('token');
    await press('secrets-away');
    expect(await press('token')).toMatch(/from memory/);
    await press('sandbox');
    expect(await press('token')).toBe('200 orders: answered 503 temporarily_unavailable.');
    expect(logged('token').error).toMatchObject({ dependency: 'secrets-manager' });
    expect(await press('rotate', 'reports')).toMatch(/^502 Rotate the key failed: \w+\.$/);
  });

  test.each(['orders', 'reports', 'billing', 'shipping'])('the credential of %s is replaced', async (profile) => {
    await press('token', profile);
    const before = local.stack.secretsManager.current(`zitadel/${profile}`);
    expect(await press('replace', profile)).toMatch(/^200 zitadel\/\w+ has another credential/);
    expect(local.stack.secretsManager.current(`zitadel/${profile}`)).not.toBe(before);
    await press('flush', profile);
    await press('sandbox');
    expect(await press('token', profile)).toMatch(/answered 200, from (ZITADEL|the table|memory)/);
    expect(local.lines.join()).not.toMatch(/"error"|credential_refused/);
    // ZITADEL does not accept the old one.
    local.stack.secretsManager.put(`zitadel/${profile}`, before ?? '');
    await press('flush', profile);
    await press('sandbox');
    expect(await press('token', profile)).toMatch(/answered 50\d/);
  });

  test('a locked account gets no token until it is active again', async () => {
    expect(await press('lock', 'reports')).toMatch(/has locked the account/);
    expect(await press('token', 'reports')).toMatch(/answered 50\d/);
    expect(await press('lock', 'reports')).toMatch(/active again/);
    await press('minute');
    expect(await press('token', 'reports')).toBe('200 reports: answered 200, from ZITADEL.');
  });

  test('the key rotates, and callers get tokens', async () => {
    const keyId = () => JSON.parse(local.stack.secretsManager.current('zitadel/reports') ?? '').keyId;
    const before = keyId();
    expect(await press('rotate', 'reports')).toMatch(/^200 The rotation of zitadel\/reports has started/);
    await local.stack.secretsManager.settled();
    expect(keyId()).not.toBe(before);
    expect(logged('rotate')).toMatchObject({ level: 'info', step: 'finishSecret' });
    expect(await press('token', 'reports')).toMatch(/answered 200/);
  });

  test('a revoked token is replaced', async () => {
    await press('token');
    expect(await press('revoke')).toBe('200 orders: answered 200.');
    expect(await press('token')).toBe('200 orders: answered 200, from ZITADEL.');
  });

  test('a flush voids the token within a minute', async () => {
    await press('token');
    await press('flush');
    expect(await press('token')).toMatch(/from memory/);
    await press('minute');
    expect(await press('token')).toMatch(/from ZITADEL/);
    await press('table-away');
    expect(await press('flush')).toMatch(/The table cannot be reached/);
  });
});

test('your own ZITADEL: the page says what it cannot change, and does not do it', async () => {
  local = await createPageStack({ isForeign: true });
  try {
    const reports = await profileOf('reports');
    const unavailable = Object.entries(reports?.states ?? {}).filter(([, { obstacle }]) =>
      obstacle?.includes('your own ZITADEL'),
    );
    const faults = ['zitadel-down', 'zitadel-slow', 'zitadel-500', 'zitadel-429'];
    expect(unavailable.map(([id]) => id).sort()).toEqual(
      [...faults, 'eight-hours', 'hour', 'lock', 'minute', 'replace', 'rotate'].sort(),
    );
    for (const [id] of unavailable)
      expect(await press(id, 'reports')).toMatch(/^409 The profiles use your own ZITADEL/);
    expect((await local.read()).state.aheadMs).toBe(0);
    for (const id of ['token', 'sandbox', 'flush']) expect(await press(id, 'reports')).toMatch(/^200/);
  } finally {
    await local.close();
  }
});

test('with https it trusts the authority of the stack', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'page-'));
  local = await createPageStack({ tls: await createLocalTls(folder, Date.now()) });
  try {
    expect(await press('token')).toBe('200 orders: answered 200, from ZITADEL.');
    expect(await press('curl')).toContain(`--cacert "${folder}`);
  } finally {
    await local.close();
    rmSync(folder, { recursive: true });
  }
});
