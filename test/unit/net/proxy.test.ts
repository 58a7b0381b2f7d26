import dns from 'node:dns';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createDynamoDbCall } from '../../../lib/aws/dynamodb-call.ts';
import { createSecretsManagerStore } from '../../../lib/aws/secrets-manager.ts';
import { REQUEST_MS } from '../../../lib/core/limits.ts';
import { instant } from '../../../lib/core/time.ts';
import { readProxies } from '../../../lib/net/proxy.ts';
import { createTransport } from '../../../lib/net/transport.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/turns.ts';

const PROXY = 'http://proxy.example:3128';
const NEVER =
  '.localhost,127.0.0.0-127.255.255.255,::1,169.254.0.0-169.254.255.255,fd00:ec2::23,fd00:ec2::123,fd00:ec2::253,fd00:ec2::254';

describe('the environment', () => {
  test.each<[env: Record<string, string>, https: string | undefined]>([
    [{ HTTPS_PROXY: PROXY }, PROXY],
    [{ https_proxy: PROXY }, PROXY],
    [{ HTTPS_PROXY: 'http://upper.example', https_proxy: PROXY }, PROXY],
    [{ HTTPS_PROXY: ' proxy.example:3128 ' }, PROXY],
    [{ HTTPS_PROXY: 'https://user:word@proxy.example' }, 'https://user:word@proxy.example'],
    [{ HTTPS_PROXY: '', NO_PROXY: '*' }, undefined],
    [{}, undefined],
  ])('%j', (env, expected) => expect(readProxies(env)?.HTTPS_PROXY).toBe(expected));

  test.each([
    [{ HTTPS_PROXY: PROXY }, { HTTPS_PROXY: PROXY, NO_PROXY: NEVER }],
    [{ HTTP_PROXY: PROXY }, { HTTP_PROXY: PROXY, NO_PROXY: NEVER }],
    [
      { http_proxy: PROXY, HTTPS_PROXY: PROXY },
      { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, NO_PROXY: NEVER },
    ],
    [{ NO_PROXY: 'example.com' }, undefined],
  ])('%j: for each scheme its own', (env, expected) => expect(readProxies(env)).toEqual(expected));

  test('a fault names its variable', () => {
    expect(() => readProxies({ HTTP_PROXY: 'ftp://proxy.example' })).toThrow(/^HTTP_PROXY must be/);
  });

  test.each([
    'socks5://user:s3cr3t@proxy.example',
    'http://',
    'http://user:s3cr3t@:x',
    'ftp://proxy.example',
    'xhttp://a',
    'https-x://a',
  ])('%s is refused, and not repeated', (HTTPS_PROXY) => {
    expect(() => readProxies({ HTTPS_PROXY })).toThrow(/^HTTPS_PROXY must be a URL such as http:/);
    expect(() => readProxies({ HTTPS_PROXY })).not.toThrow(/s3cr3t/);
  });

  test.each([
    ['', ''],
    ['*', '*'],
    ['zitadel.example.com', '.zitadel.example.com'],
    ['.Example.com, amazonaws.com.', '.example.com,.amazonaws.com'],
    ['*.example.com internal', '*.example.com,.internal'],
    ['example.com:8443', 'example.com:8443'],
    ['10.1.2.3,[::2],[::3]:443', '10.1.2.3,::2,::3:443'],
    [
      '10.0.0.0/8,192.168.77.5/24,0.0.0.0/0',
      '10.0.0.0-10.255.255.255,192.168.77.0-192.168.77.255,0.0.0.0-255.255.255.255',
    ],
    ['a.example , ,\tb.example', '.a.example,.b.example'],
    ['1.2.3.4-host,x-1.2.3.4,1.2.3.4', '.1.2.3.4-host,.x-1.2.3.4,1.2.3.4'],
    ['[::4]x', '::4x'],
    ['10.0.0.1-10.0.0.9,10.0.0.0/33', '10.0.0.1-10.0.0.9,10.0.0.0/33'],
  ])('NO_PROXY=%s', (list, expected) => {
    const named = expected === '' ? '' : `${expected},`;
    expect(readProxies({ HTTPS_PROXY: PROXY, NO_PROXY: list })?.NO_PROXY).toBe(`${named}${NEVER}`);
  });
});

describe('with a proxy', () => {
  const certificate = (name: string): string =>
    readFileSync(`${import.meta.dirname}/../../proof/hostile/certificates/${name}.pem`, 'utf8');
  const clock = createFakeClock(instant(1_795_438_700_000));
  const trusted = tls.getCACertificates('default');
  const before = { ...process.env };
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let refusal = '';
  let server: https.Server;
  let proxy: http.Server;

  beforeAll(async () => {
    tls.setDefaultCACertificates([...trusted, certificate('ca')]);
    const answer = '{"SecretString":"s","Item":{}}';
    server = https.createServer({ cert: certificate('elsewhere'), key: certificate('key') }, (_req, res) => {
      res.setHeader('content-type', 'application/json').end(answer);
    });
    proxy = http.createServer();
    proxy.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      if (refusal === 'silence') return;
      if (refusal !== '') return void socket.end(`HTTP/1.1 ${refusal}\r\n\r\n`);
      const onward = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
      for (const end of [socket, onward]) end.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const each of [server, proxy]) await once(each.listen(0, '127.0.0.1'), 'listening');
  });
  beforeEach(() => {
    asked.length = 0;
    refusal = '';
    const { port } = proxy.address() as AddressInfo;
    Object.assign(process.env, {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIATEST',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL: 'https://elsewhere.example',
      HTTPS_PROXY: `http://user:word@127.0.0.1:${port}`,
      NO_PROXY: '',
    });
    delete process.env.AWS_ENDPOINT_URL_DYNAMODB;
    delete process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER;
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });
  afterAll(async () => {
    tls.setDefaultCACertificates(trusted);
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await Promise.all([server, proxy].map((each) => new Promise((resolve) => each.close(resolve))));
  });

  const transport = () => createTransport({ clock, allowLoopbackHttp: true, env: process.env });
  const post = (url: string) => transport()({ url, body: 'a=b', secrets: [] });
  const clients: [name: string, ask: () => Promise<{ ok: boolean }>][] = [
    ['ZITADEL', () => post('https://elsewhere.example/oauth/v2/token')],
    ['DynamoDB', () => createDynamoDbCall({ clock, limitMs: 1_000 })('GetItem', {})],
    ['Secrets Manager', () => createSecretsManagerStore({ clock }).read('orders')],
  ];

  test.each(clients)('%s is reached through it', async (_name, ask) => {
    expect(await ask()).toMatchObject({ ok: true });
    expect(asked).toEqual(['elsewhere.example:443 Basic dXNlcjp3b3Jk']);
  });

  test.each(clients)('%s is not, where NO_PROXY names it', async (_name, ask) => {
    process.env.NO_PROXY = 'example';
    expect(await ask()).toMatchObject({ ok: false });
    expect(asked).toEqual([]);
  });

  test.each([
    'https://localhost:1',
    'https://127.0.0.1:1',
    'https://[::1]:1',
    'https://127.9.9.9:1',
    'https://a.localhost:1',
  ])('%s is never asked of it', async (url) => {
    expect(await post(url)).toMatchObject({ ok: false });
    expect(asked).toEqual([]);
  });

  test('without it, each address of a host is tried: an IPv6 one without IPv6, one where nobody listens', async () => {
    process.env.NO_PROXY = '*';
    const found = ['2001:db8::1', '127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: net.isIP(address) }));
    const lookup = vi
      .spyOn(dns, 'lookup')
      .mockImplementation(
        ((_host: string, _options: object, done: (error: null, found: object[]) => void) =>
          void done(null, found)) as typeof dns.lookup,
      );
    const { port } = server.address() as AddressInfo;
    expect(await post(`https://elsewhere.example:${port}/`)).toMatchObject({ ok: true });
    lookup.mockRestore();
    expect(asked).toEqual([]);
  });

  test('a refusal says its status', async () => {
    refusal = '407 Proxy Authentication Required';
    const error = { kind: 'unreachable', detail: 'ERR_PROXY_TUNNEL 407' };
    expect(await post('https://elsewhere.example/')).toEqual({ ok: false, error });
    expect(await createSecretsManagerStore({ clock }).read('orders')).toMatchObject({
      error: { kind: 'away', detail: 'ERR_PROXY_TUNNEL' },
    });
  });

  test('a proxy that does not answer costs no more than the time of the request', async () => {
    refusal = 'silence';
    const sent = post('https://elsewhere.example/');
    await until(() => asked.length === 1);
    await clock.advance(REQUEST_MS);
    expect(await sent).toEqual({ ok: false, error: { kind: 'timeout', detail: 'total' } });
  });
});

test('each of several addresses has longer than a round trip around the world', () => {
  createTransport({ clock: createFakeClock(instant(1)), allowLoopbackHttp: false });
  expect(net.getDefaultAutoSelectFamilyAttemptTimeout()).toBeGreaterThanOrEqual(1_000);
});
