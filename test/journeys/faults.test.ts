import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { Intercept } from '../../infra/local/stand-in.ts';
import { context, tokenEvent } from '../support/events.ts';
import { accounts, createRig, type Rig, type RigOptions, SECRETS } from '../support/rig.ts';
import { until } from '../support/turns.ts';

let rig: Rig;
afterEach(() => rig.close());

const start = async (options: RigOptions = {}) => {
  rig = await createRig(options);
};

/** Takes the request and never answers. */
const hang: Intercept = () => true;
const cut: Intercept = (req) => {
  req.destroy();
  return true;
};
const answer =
  (status: number, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }): Intercept =>
  (_req: IncomingMessage, res: ServerResponse) => {
    res.writeHead(status, headers).end(body);
    return true;
  };

const HOUR = 3_600_000;
/** Tokens live 12 h: the renewal is due at 9 h less 2.5 %, and callers wait for it in the last minute. */
const DUE = 9 * HOUR;
const LAST_MINUTE = 12 * HOUR - 30_000;
const LAST_SECONDS = 12 * HOUR - 4_000;

/** Gets a token, then lets its life pass up to an instant. */
async function agedToken(ms: number): Promise<unknown> {
  const first = await rig.ask();
  expect(first.status).toBe(200);
  await rig.clock.advance(ms);
  return first.json.access_token;
}

/** Asks until another token is handed out. */
async function untilChanged(token: unknown): Promise<void> {
  while ((await rig.ask()).json.access_token === token) await until(() => true);
}

const lastLog = () => rig.log().at(-1);

describe('DynamoDB', () => {
  const faults: [name: string, fault: Intercept, passMs: number][] = [
    ['hangs', hang, 300],
    ['cuts the connection', cut, 0],
    [
      'throttles',
      answer(400, '{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}', {
        'content-type': 'application/x-amz-json-1.0',
      }),
      0,
    ],
    ['fails', answer(500, '{"__type":"InternalServerError"}', { 'content-type': 'application/x-amz-json-1.0' }), 0],
    ['answers nonsense', answer(200, '<html>'), 0],
  ];

  test.each(faults)('%s, a valid token is known: 200 from memory', async (_name, fault) => {
    await start();
    const token = await agedToken(1000);
    const calls = rig.table.calls();
    rig.table.intercept(fault);
    const reply = await rig.ask();
    expect(reply.json.access_token).toBe(token);
    expect(rig.table.calls()).toBe(calls);
  });

  test.each(faults)(
    '%s, none is known: one token request without it, and the next request is served from memory',
    async (_name, fault) => {
      await start();
      rig.table.intercept(fault);
      const first = await rig.pass(rig.ask());
      expect(first.status).toBe(200);
      expect(lastLog()).toMatchObject({ source: 'issued' });
      const second = await rig.ask();
      expect(second.json.access_token).toBe(first.json.access_token);
      expect(rig.zitadel.issued()).toBe(1);
    },
  );

  test('away with ZITADEL: at most one attempt per key and sandbox in 10 s', async () => {
    await start();
    rig.table.intercept(cut);
    rig.zitadel.intercept(answer(500, 'down', { 'content-type': 'text/plain' }));
    expect((await rig.pass(rig.ask())).status).toBe(503);
    expect(rig.zitadel.calls()).toBe(1);
    await rig.clock.advance(5_000);
    const second = await rig.pass(rig.ask());
    expect(second.status).toBe(503);
    expect(Number(second.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(rig.zitadel.calls()).toBe(1);
    rig.zitadel.intercept(undefined);
    await rig.clock.advance(31_000);
    expect((await rig.pass(rig.ask())).status).toBe(200);
    expect(rig.zitadel.calls()).toBe(2);
  });
});

describe('Secrets Manager', () => {
  const faults: [name: string, apply: () => void][] = [
    ['throttles', () => rig.secretsManager.throttle(100)],
    ['fails', () => rig.secretsManager.fail(100)],
    ['cuts the connection', () => rig.secretsManager.intercept(cut)],
    ['hangs', () => rig.secretsManager.intercept(hang)],
  ];

  test.each(faults)('%s, a valid token is known: 200', async (_name, apply) => {
    await start();
    const token = await agedToken(HOUR);
    apply();
    expect((await rig.ask()).json.access_token).toBe(token);
  });

  test.each(faults)('%s, a renewal is due: the last known secret serves', async (_name, apply) => {
    await start();
    const token = await agedToken(DUE);
    apply();
    const reply = await rig.pass(rig.ask());
    expect(reply.status).toBe(200);
    await rig.pass(until(() => rig.zitadel.issued() === 2));
    await rig.pass(untilChanged(token));
  });

  test.each(faults)('%s, nothing is known: 503 with Retry-After', async (_name, apply) => {
    await start();
    apply();
    const reply = await rig.pass(rig.ask());
    expect(reply.status).toBe(503);
    expect(reply.json).toMatchObject({ error: 'temporarily_unavailable', request_id: expect.any(String) });
    expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(lastLog()).toMatchObject({ status: 503, error: { kind: 'unavailable' } });
  });

  test('the last known secret serves for 24 hours and no longer', async () => {
    await start({ tokenLifetimeSeconds: 600 });
    await agedToken(0);
    rig.secretsManager.intercept(cut);
    await rig.clock.advance(24 * HOUR - 1000);
    expect((await rig.pass(rig.ask())).status).toBe(200);
    await rig.clock.advance(HOUR);
    expect((await rig.pass(rig.ask())).status).toBe(503);
  });

  test.each([['is absent', { secret: 'no-such-secret' }, /no-such-secret.*ResourceNotFoundException/]])(
    'the secret %s: 502, and the log says what to do',
    async (_name, change, detail) => {
      await start({ changes: { orders: change } });
      expect((await rig.ask()).status).toBe(502);
      expect(lastLog()).toMatchObject({
        error: { kind: 'credential_unusable', detail: expect.stringMatching(detail) },
      });
    },
  );
});

describe('ZITADEL', () => {
  const down: [name: string, fault: Intercept][] = [
    ['hangs', hang],
    ['cuts the connection', cut],
    ['answers 500', answer(500, 'unable to set instance using origin …', { 'content-type': 'text/plain' })],
    ['answers 429', answer(429, 'Your ZITADEL instance is blocked.', { 'content-type': 'text/plain' })],
    [
      'answers 429 in HTML',
      answer(429, '<html>busy</html>', { 'content-type': 'text/html', 'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT' }),
    ],
    ['answers 503', answer(503, 'no healthy upstream', { 'content-type': 'text/plain' })],
  ];
  const nonsense: [name: string, fault: Intercept][] = [
    ['HTML', answer(200, '<html></html>', { 'content-type': 'text/html' })],
    ['no token', answer(200, '{"token_type":"Bearer"}')],
    ['a redirect', answer(302, '', { location: 'http://127.0.0.1:1/' })],
    ['too much', answer(200, `{"access_token":"${'a'.repeat(70_000)}"}`)],
    ['404', answer(404, 'Not Found', { 'content-type': 'text/plain' })],
    ['a life of 1.8e19 s', answer(200, '{"access_token":"a","token_type":"Bearer","expires_in":18446744073709552000}')],
    [
      'no HTTP',
      (_req, res) => {
        res.socket?.end('garbage\r\n\r\n');
        return true;
      },
    ],
  ];

  test.each([...down, ...nonsense])('%s, the token is due: it is handed out at once', async (_name, fault) => {
    await start();
    const token = await agedToken(DUE);
    rig.zitadel.intercept(fault);
    const reply = await rig.pass(rig.ask());
    expect(reply.status).toBe(200);
    expect(reply.json.access_token).toBe(token);
  });

  test.each([...down, ...nonsense])(
    '%s in the last minute: after the failed renewal the token is handed out, marked',
    async (_name, fault) => {
      await start();
      const token = await agedToken(LAST_MINUTE);
      rig.zitadel.intercept(fault);
      const reply = await rig.pass(rig.ask());
      expect(reply.json.access_token).toBe(token);
      expect(reply.json.expires_in).toBeLessThanOrEqual(30);
      expect(lastLog()).toMatchObject({ status: 200, renewal: { kind: expect.any(String) } });
      const calls = rig.zitadel.calls();
      expect((await rig.pass(rig.ask())).json.access_token).toBe(token);
      expect(rig.zitadel.calls()).toBe(calls);
    },
  );

  describe('hangs, and the token is in its last minute', () => {
    /** How long a caller waits, by the clock of the broker. */
    async function waitMs(): Promise<number> {
      const askedAt = rig.clock.now();
      expect((await rig.pass(rig.ask())).status).toBe(200);
      return rig.clock.now() - askedAt;
    }

    test('one attempt keeps callers waiting, later ones do not', async () => {
      await start();
      await agedToken(LAST_MINUTE);
      rig.zitadel.intercept(hang);
      expect(await waitMs()).toBeGreaterThanOrEqual(3_000);
      await rig.clock.advance(3_000);
      const calls = rig.zitadel.calls();
      expect(await waitMs()).toBeLessThanOrEqual(200);
      expect(lastLog()).toMatchObject({ status: 200, renewal: { kind: 'unavailable' } });
      expect(rig.zitadel.calls()).toBe(calls + 1);
    });

    test('what failed long ago counts for nothing', async () => {
      await start();
      await agedToken(DUE);
      rig.zitadel.intercept(hang);
      expect(await waitMs()).toBeLessThanOrEqual(200);
      await rig.clock.advance(LAST_MINUTE - DUE);
      expect(await waitMs()).toBeGreaterThanOrEqual(3_000);
    });
  });

  test('its tokens live for 20 s, of which it says 19: they are kept', async () => {
    await start({ tokenLifetimeSeconds: 20 });
    const first = await rig.ask();
    expect(first.json.expires_in).toBe(19);
    await rig.clock.advance(10_000);
    expect((await rig.ask()).json.access_token).toBe(first.json.access_token);
    expect(rig.zitadel.issued()).toBe(1);
  });

  test.each(down)('%s, none is known: 503 with Retry-After, remembered', async (_name, fault) => {
    await start();
    rig.zitadel.intercept(fault);
    const reply = await rig.pass(rig.ask());
    expect(reply.status).toBe(503);
    expect(reply.json.error).toBe('temporarily_unavailable');
    const retryAfter = Number(reply.headers['retry-after']);
    expect(retryAfter).toBeGreaterThanOrEqual(2);
    expect(retryAfter).toBeLessThanOrEqual(30);
    const again = await Promise.all(Array.from({ length: 20 }, () => rig.ask()));
    expect(again.map(({ status }) => status)).toEqual(Array(20).fill(503));
    expect(rig.zitadel.calls()).toBe(1);
    rig.restart();
    expect((await rig.ask()).status).toBe(503);
    expect(rig.zitadel.calls()).toBe(1);
    rig.zitadel.intercept(undefined);
    await rig.clock.advance(retryAfter * 1000);
    expect((await rig.pass(rig.ask())).status).toBe(200);
  });

  test.each(nonsense)('answers %s, none is known: 502', async (_name, fault) => {
    await start();
    rig.zitadel.intercept(fault);
    const reply = await rig.pass(rig.ask());
    expect(reply.status).toBe(502);
    expect(reply.json).toMatchObject({ error: 'server_error', request_id: expect.any(String) });
  });

  test('down with less than 5 s left: refused', async () => {
    await start();
    await agedToken(LAST_SECONDS);
    rig.zitadel.intercept(cut);
    expect((await rig.pass(rig.ask())).status).toBe(503);
  });

  test('hangs: the caller waits 3 s, and the connection is given up', async () => {
    await start();
    rig.zitadel.intercept(hang);
    const asked = rig.ask();
    await until(() => rig.zitadel.calls() === 1);
    await rig.clock.advance(2_900);
    let isDone = false;
    void asked.then(() => {
      isDone = true;
    });
    expect(isDone).toBe(false);
    await rig.clock.advance(200);
    expect((await rig.pass(asked)).status).toBe(503);
  });
});

describe('a refused credential', () => {
  const wrong = JSON.stringify({ clientId: accounts.saSecret.clientId, clientSecret: 'wrong-secret-wrong-secret' });

  test('a valid token is known: 200', async () => {
    await start();
    const token = await agedToken(DUE);
    rig.secretsManager.put('orders', wrong);
    await rig.clock.advance(HOUR);
    expect((await rig.pass(rig.ask())).json.access_token).toBe(token);
  });

  test('the secret has changed: read again, once, and the caller gets a token', async () => {
    await start({ secrets: { orders: wrong } });
    const reads = () => rig.secretsManager.reads('orders');
    rig.zitadel.intercept(() => {
      rig.secretsManager.put('orders', SECRETS.orders ?? '');
      rig.zitadel.intercept(undefined);
      return false;
    });
    expect((await rig.pass(rig.ask())).status).toBe(200);
    expect(reads()).toBe(2);
    expect(rig.zitadel.calls()).toBe(2);
  });

  test('the secret has not changed: 502, remembered for 30 s', async () => {
    await start({ secrets: { orders: wrong } });
    const reply = await rig.pass(rig.ask());
    expect(reply.status).toBe(502);
    expect(reply.json.error).toBe('server_error');
    expect(lastLog()).toMatchObject({
      error: { kind: 'credential_refused', detail: expect.stringContaining('Errors.User.Machine.Secret.Invalid') },
      CredentialRefused: 1,
    });
    expect(rig.zitadel.calls()).toBe(1);
    expect(rig.secretsManager.reads('orders')).toBe(2);
    await rig.clock.advance(29_000);
    expect((await rig.pass(rig.ask({ form: 'grant_type=client_credentials&scope=profile' }))).status).toBe(502);
    expect(rig.zitadel.calls()).toBe(1);
    await rig.clock.advance(2_000);
    expect((await rig.pass(rig.ask())).status).toBe(502);
    expect(rig.zitadel.calls()).toBe(2);
  });

  test('a key that was added a moment ago: refused once, then accepted, and the caller sees nothing of it', async () => {
    await start();
    let refusals = 1;
    rig.zitadel.intercept((_req: IncomingMessage, res: ServerResponse) => {
      if (refusals === 0) return false;
      refusals -= 1;
      res.writeHead(400, { 'content-type': 'application/json' });
      res.end('{"error":"invalid_grant","error_description":"invalid assertion"}');
      return true;
    });
    expect((await rig.pass(rig.ask({ profile: 'reports' }))).status).toBe(200);
    expect(rig.zitadel.calls()).toBe(2);
  });

  test("an API application cannot exchange: 502, and the log has ZITADEL's reason", async () => {
    await start();
    expect((await rig.pass(rig.ask({ profile: 'api' }))).status).toBe(502);
    expect(lastLog()).toMatchObject({ error: { detail: expect.stringContaining('no active client not found') } });
  });
});

describe("the end of the Lambda's time", () => {
  test('under 1.5 s left, none is known: 503 at once, and nothing is begun', async () => {
    await start({ lambdaTimeoutMs: 1_400 });
    const reply = await rig.ask();
    expect(reply.status).toBe(503);
    expect(reply.headers['retry-after']).toBe('1');
    expect(rig.zitadel.calls() + rig.table.calls() + rig.secretsManager.calls()).toBe(0);
  });

  test.each([
    ['fresh', 0],
    ['due', DUE],
    ['in its last minute', LAST_MINUTE],
  ])('under 1.5 s left, a token that is %s is known: 200 at once', async (_name, ageMs) => {
    await start();
    const sandbox = rig.addSandbox();
    const ask = (remainingMs: number) =>
      sandbox.token(tokenEvent('orders', 'grant_type=client_credentials'), context(remainingMs));
    const first = await rig.pass(ask(15_000));
    await rig.clock.advance(ageMs);
    const calls = [rig.zitadel.calls(), rig.secretsManager.calls()];
    const rowsRead = rig.table.calls();
    const second = await ask(1_400);
    expect(JSON.parse(second.body).access_token).toBe(JSON.parse(first.body).access_token);
    await rig.clock.advance(5_000);
    expect([rig.zitadel.calls(), rig.secretsManager.calls()]).toEqual(calls);
    // What all sandboxes must know is looked up, and nothing else.
    expect(rig.table.calls() - rowsRead).toBe(ageMs === 0 ? 0 : 1);
  });
});
