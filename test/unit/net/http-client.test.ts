import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { instant } from '../../../lib/core/time.ts';
import { createHttpClient, type HttpClient } from '../../../lib/net/http-client.ts';
import { createTransport } from '../../../lib/net/transport.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { turn, until } from '../../support/turns.ts';

const certificate = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../proof/hostile/certificates', name), 'utf8');
const trusted = tls.getCACertificates('default');
const clock = createFakeClock(instant(1_795_438_700_000));
const options = { clock, largestBytes: 1_000, env: {} };

let server: Server;
let url: URL;
let client: HttpClient;
/** All connections so far, and those of them that are open. */
let connections: number;
let open: Set<Socket>;
/** What becomes of the next requests; by default they are answered. */
let fates: ('reset' | 'silence')[];

beforeAll(() => tls.setDefaultCACertificates([certificate('ca.pem')]));
afterAll(() => tls.setDefaultCACertificates(trusted));
beforeEach(async () => {
  [connections, open, fates] = [0, new Set(), []];
  server = createServer({ key: certificate('key.pem'), cert: certificate('good.pem') }, (request, response) => {
    const fate = fates.shift();
    if (fate === undefined) response.end('{}');
    else if (fate === 'reset') request.socket.destroy();
  });
  server.on('secureConnection', (socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = new URL(`https://localhost:${(server.address() as AddressInfo).port}/`);
  client = createHttpClient(options);
});
afterEach(() => {
  client.dropIdle();
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const request = () => client.send({ url, headers: {}, body: 'x' }, 1_000);
/** Has a connection opened, by the client or another, and waits for it. */
const connect = async (begin = () => client.connect(url)) => {
  const before = connections;
  begin();
  await until(() => connections > before);
};

/** Enough for a connection on loopback. */
const turns = async () => {
  for (let count = 0; count < 50; count += 1) await turn();
};

describe('a connection that is opened ahead', () => {
  test.each([
    ['localhost', 'localhost'],
    ['127.0.0.1', false],
  ])('to %s names its server as requests do', async (host, name) => {
    const named = new Promise((resolve) => server.once('secureConnection', ({ servername }) => resolve(servername)));
    client.connect(new URL(url.href.replace('localhost', host)));
    expect(await named).toBe(name);
  });

  test('is taken by the next request, and kept', async () => {
    await connect();
    client.connect(url);
    expect([(await request()).ok, connections]).toEqual([true, 1]);
    await turns();
    client.connect(url);
    await turns();
    expect([(await request()).ok, connections]).toEqual([true, 1]);
  });

  test('is taken while it is being opened', async () => {
    client.connect(url);
    expect([(await request()).ok, connections]).toEqual([true, 1]);
  });

  test('is taken by one request only', async () => {
    await connect();
    const [one, other] = await Promise.all([request(), request()]);
    expect([one.ok, other.ok, connections]).toEqual([true, true, 2]);
  });

  test('is replaced if the server has closed it', async () => {
    for (let times = 0; times < 2; times += 1) {
      await connect();
      for (const socket of open) socket.end();
      await until(() => open.size === 0);
    }
    expect([(await request()).ok, connections]).toEqual([true, 3]);
  });

  test('may be dead, as one that is kept: a token request is sent again over a new one', async () => {
    const send = createTransport({ clock, allowLoopbackHttp: false, env: {} });
    fates = ['reset'];
    await connect(() => send.connect?.(url.href));
    const answer = await send({ url: url.href, body: 'x', secrets: [] });
    expect([answer.ok, connections]).toEqual([true, 2]);
    fates = ['reset', 'reset'];
    client.connect(url);
    expect(await request()).toMatchObject({ error: { reset: 'new' } });
    await connect();
    expect(await request()).toMatchObject({ error: { reset: 'reused' } });
  });

  test('is closed with the idle ones', async () => {
    await connect();
    client.dropIdle();
    await until(() => open.size === 0);
    expect([(await request()).ok, connections]).toEqual([true, 2]);
  });

  test('is no one’s business if it fails: the request finds out itself', async () => {
    server.setSecureContext({ key: certificate('key.pem'), cert: certificate('elsewhere.pem') });
    client.connect(url);
    expect(await request()).toMatchObject({ error: { kind: 'unreachable', detail: 'ERR_TLS_CERT_ALTNAME_INVALID' } });
    const failed = new Promise((resolve) =>
      server.once('tlsClientError', resolve).once('secureConnection', (socket) => socket.once('close', resolve)),
    );
    client.connect(url);
    await failed;
    server.setSecureContext({ key: certificate('key.pem'), cert: certificate('good.pem') });
    expect((await request()).ok).toBe(true);
  });

  test.each([
    ['a proxy', () => createHttpClient({ ...options, env: { HTTPS_PROXY: 'http://127.0.0.1:9' } }), (it: URL) => it],
    ['plain HTTP', () => client, (it: URL) => new URL(it.href.replace('https', 'http'))],
  ])('is not made for %s', async (_name, create, at) => {
    let raw = 0;
    server.on('connection', () => {
      raw += 1;
    });
    create().connect(at(url));
    await turns();
    expect(raw).toBe(0);
  });
});

test('says when a request is on its way, before there is an answer', async () => {
  fates = ['silence'];
  let isSent = false;
  const answered = client.send({ url, headers: {}, body: 'x' }, 1_000, () => {
    isSent = true;
  });
  await until(() => isSent);
  await clock.advance(2_000);
  expect(await answered).toMatchObject({ error: { kind: 'timeout' } });
});
