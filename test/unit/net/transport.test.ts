import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listen, type StandIn } from '../../../infra/local/stand-in.ts';
import { instant } from '../../../lib/core/time.ts';
import { createTransport, LARGEST_BODY_BYTES } from '../../../lib/net/transport.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/turns.ts';

let clock: FakeClock;
let send: Send;
const closing: (() => unknown)[] = [];

beforeEach(() => {
  clock = createFakeClock(instant(1_795_438_700_000));
  send = createTransport({ clock, allowLoopbackHttp: true });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server that speaks bytes: `speak` gets each connection. */
async function raw(speak: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    speak(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth/v2/token`;
}

const request = (url: string) => ({ url, body: 'grant_type=client_credentials', secrets: [] });

/** Answers with these bytes once a request has come. */
const says =
  (...parts: string[]) =>
  (socket: Socket): void => {
    socket.once('data', () => {
      for (const part of parts) socket.write(part);
    });
  };

const EMPTY = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

test.each([
  ['a GET', {}, 'GET'],
  ['a DELETE', { method: 'DELETE' as const }, 'DELETE'],
])('%s has no body, and no headers of one', async (_name, more, method) => {
  let sent = '';
  const url = await raw((socket) => {
    socket.on('data', (bytes) => {
      sent += bytes;
      if (sent.endsWith('\r\n\r\n')) socket.write(EMPTY);
    });
  });
  const answer = await send({ url, secrets: [], ...more });
  expect(answer.ok).toBe(true);
  expect(sent.split('\r\n')[0]).toBe(`${method} /oauth/v2/token HTTP/1.1`);
  expect(sent).not.toMatch(/content-(type|length)|transfer-encoding/i);
});

test.each([
  ['no authorization', {}],
  ['one', { authorization: 'Basic x' }],
])('what is sent, with %s', async (_name, authorization) => {
  let sent = '';
  const url = await raw((socket) => {
    socket.on('data', (bytes) => {
      sent += bytes;
      if (sent.endsWith('client_credentials')) socket.write(EMPTY);
    });
  });
  await send({ ...request(url), ...authorization });
  const [head = '', body] = sent.split('\r\n\r\n');
  const [line, ...headers] = head.split('\r\n');
  expect(line).toBe('POST /oauth/v2/token HTTP/1.1');
  expect(body).toBe('grant_type=client_credentials');
  expect(Object.fromEntries(headers.map((header) => header.split(': ')))).toEqual({
    accept: 'application/json',
    'accept-encoding': 'identity',
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': '29',
    'user-agent': 'zitadel-token-broker',
    Host: new URL(url).host,
    Connection: 'keep-alive',
    ...authorization,
  });
});

describe('what comes back', () => {
  test('an answer of any status, with its headers and body', async () => {
    const url = await raw(says('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\nno'));
    const result = await send(request(url));
    expect(result).toMatchObject({
      ok: true,
      value: { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: 'no' },
    });
  });

  test('a body that is as long as may be', async () => {
    const body = 'a'.repeat(LARGEST_BODY_BYTES);
    const url = await raw(says(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGEST_BODY_BYTES}\r\n\r\n${body}`));
    expect(await send(request(url))).toMatchObject({ ok: true, value: { body } });
  });

  test.each([
    [
      'a body that is too long',
      `HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n${'a'.repeat(LARGEST_BODY_BYTES + 1)}`,
      'oversized',
      /bytes/,
    ],
    [
      'chunks without an end',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n${'a'.repeat(0x40000)}\r\n`,
      'oversized',
      /bytes/,
    ],
    ['no HTTP', 'garbage\r\n\r\n', 'garbled', /^HPE_/],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`, 'garbled', /^HPE_/],
  ])('%s', async (_name, bytes, kind, detail) => {
    const result = await send(request(await raw(says(bytes))));
    expect(result).toMatchObject({ ok: false, error: { kind, detail: expect.stringMatching(detail) } });
  });

  test.each([
    ['cut before the answer', (socket: Socket) => void socket.once('data', () => socket.destroy())],
    [
      'cut in mid-answer',
      (socket: Socket) =>
        void socket.once('data', () => {
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"access_token"');
        }),
    ],
  ])('a connection that is %s', async (_name, speak) => {
    const result = await send(request(await raw(speak)));
    expect(result).toMatchObject({ ok: false, error: { kind: 'unreachable' } });
  });

  test('nobody listens', async () => {
    const result = await send(request('http://127.0.0.1:1/oauth/v2/token'));
    expect(result).toEqual({ ok: false, error: { kind: 'unreachable', detail: 'ECONNREFUSED' } });
  });

  test('a certificate that nobody vouches for', async () => {
    const url = (await raw(says('plain text where TLS should be'))).replace('http:', 'https:');
    const result = await send(request(url));
    expect(result).toMatchObject({
      ok: false,
      error: { kind: 'unreachable', detail: expect.stringMatching(/^[A-Z0-9_]+$/) },
    });
  });
});

describe('time', () => {
  test.each([
    ['an answer that does not come', 'http:'],
    ['a connection that is not secured', 'https:'],
  ])('%s in 3 s', async (_name, protocol) => {
    let isAsked = false;
    const url = await raw(
      (socket) =>
        void socket.once('data', () => {
          isAsked = true;
        }),
    );
    const sent = send(request(url.replace('http:', protocol)));
    await until(() => isAsked);
    await clock.advance(3_000);
    expect(await sent).toEqual({ ok: false, error: { kind: 'timeout', detail: 'total' } });
    expect(clock.dropTimers()).toBe(0);
  });

  test('a connection that stands may take its time, the kept one too; one that is given up is closed', async () => {
    let asked = 0;
    let socket: Socket | undefined;
    let isClosed = false;
    const url = await raw((opened) => {
      socket = opened;
      opened.on('close', () => {
        isClosed = true;
      });
      opened.on('data', () => {
        asked += 1;
      });
    });
    for (const round of [1, 2]) {
      const sent = send(request(url));
      await until(() => asked === round);
      await clock.advance(2_999);
      socket?.write(EMPTY);
      expect((await sent).ok).toBe(true);
    }
    expect(isClosed).toBe(false);
    const late = send(request(url));
    await until(() => asked === 3);
    await clock.advance(3_000);
    expect((await late).ok).toBe(false);
    await until(() => isClosed);
  });

  test('an answer that drips', async () => {
    let socket: Socket | undefined;
    const url = await raw((opened) => {
      opened.once('data', () => {
        opened.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na');
        socket = opened;
      });
    });
    const sent = send(request(url));
    await until(() => socket !== undefined);
    for (let dripped = 0; dripped < 30; dripped += 1) {
      socket?.write('a');
      await clock.advance(100);
    }
    expect(await sent).toEqual({ ok: false, error: { kind: 'timeout', detail: 'total' } });
  });

  test('no timer is left behind', async () => {
    const url = await raw(says(EMPTY));
    await send(request(url));
    await send(request(url.replace('http:', 'https:')));
    expect(clock.dropTimers()).toBe(0);
  });
});

describe('connections', () => {
  let server: StandIn;
  beforeEach(async () => {
    server = await listen((_req, res) => res.end('{}'));
    closing.push(() => server.close());
  });

  test('are reused', async () => {
    const ports = new Set<number | undefined>();
    server.intercept((req) => {
      ports.add(req.socket.remotePort);
      return false;
    });
    for (let sent = 0; sent < 5; sent += 1) await send(request(server.url));
    expect(ports.size).toBe(1);
    expect(server.calls()).toBe(5);
  });

  test('a kept one that the server has closed meanwhile is replaced, unseen by the caller', async () => {
    let isFirst = true;
    const url = await raw((socket) => {
      let requests = 0;
      const dies = isFirst;
      isFirst = false;
      socket.on('data', () => {
        requests += 1;
        if (dies && requests === 2) socket.resetAndDestroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
      });
    });
    expect((await send(request(url))).ok).toBe(true);
    expect((await send(request(url))).ok).toBe(true);
  });

  test('where one is found dead, all that are kept are given up', async () => {
    const waiting: Socket[] = [];
    let connections = 0;
    const url = await raw((socket) => {
      connections += 1;
      if (connections > 2) return says(EMPTY)(socket);
      socket.once('data', () => {
        socket.once('data', () => socket.resetAndDestroy());
        if (waiting.push(socket) === 2) for (const one of waiting) one.write(EMPTY);
      });
    });
    await Promise.all([send(request(url)), send(request(url))]);
    expect((await send(request(url))).ok).toBe(true);
    expect(connections).toBe(3);
  });

  test.each([
    ['there is time left', 2_999, 2, true],
    ['the sandbox was frozen for all of it', 3_000, 1, false],
  ])('a dead one is replaced once, if %s', async (_name, frozenMs, opened, isAnswered) => {
    let connections = 0;
    let frozenForMs = 0;
    const now = () => instant(clock.now() + frozenForMs);
    const frozen = createTransport({ clock: { now, after: clock.after }, allowLoopbackHttp: true });
    const url = await raw((socket) => {
      connections += 1;
      if (connections > 1) return says(EMPTY)(socket);
      socket.once('data', () => {
        socket.write(EMPTY);
        socket.once('data', () => {
          frozenForMs = frozenMs;
          socket.resetAndDestroy();
        });
      });
    });
    await frozen(request(url));
    expect((await frozen(request(url))).ok).toBe(isAnswered);
    expect(connections).toBe(opened);
  });

  test('what fails otherwise is not tried again', async () => {
    let asked = 0;
    const url = await raw((socket) => {
      socket.on('data', () => {
        asked += 1;
        if (asked === 3) socket.resetAndDestroy();
        else socket.write(asked === 1 ? EMPTY : 'garbage\r\n\r\n');
      });
    });
    await send(request(url));
    expect(await send(request(url))).toMatchObject({ ok: false, error: { kind: 'garbled' } });
    expect(await send(request(url))).toMatchObject({ ok: false, error: { kind: 'unreachable' } });
    expect(asked).toBe(3);
  });

  test.each([
    ['plain HTTP beyond this machine', 'http://zitadel.example/oauth/v2/token', true],
    ['… whose name begins like this one', 'http://localhost.example/oauth/v2/token', true],
    ['… or ends so', 'http://not-localhost/oauth/v2/token', true],
    ['plain HTTP on this machine, outside the local stack', '', false],
    ['another scheme', 'ftp://127.0.0.1/oauth/v2/token', true],
  ])('%s: nothing is sent', async (_name, url, allowLoopbackHttp) => {
    const strict = createTransport({ clock, allowLoopbackHttp });
    const result = await strict(request(url === '' ? server.url : url));
    expect(result).toEqual({ ok: false, error: { kind: 'unreachable', detail: 'PLAIN_HTTP_REFUSED' } });
    expect(server.calls()).toBe(0);
  });
});
