import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Granted } from '../src/decision.ts';
import { BrokerError } from '../src/errors.ts';
import { createTokens } from '../src/tokens.ts';

const HOUR = 3_600_000;

/** A broker whose requests are answered by hand. */
function createScript() {
  let nowMs = 1_795_438_700_000;
  const waiting: { resolve: (granted: Granted) => void; reject: (error: unknown) => void }[] = [];
  const rejected: (string | undefined)[] = [];
  const tokens = createTokens(
    () => ({ wall: nowMs, steady: nowMs }),
    () => 0.5,
  );
  const get = (key = 'orders') =>
    tokens.get(key, (token) => {
      rejected.push(token);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    tokens,
    get,
    /** What each request said about a rejected token. */
    rejected,
    pass: (ms: number) => {
      nowMs += ms;
    },
    async answer(token: string, lifeMs = HOUR) {
      waiting.shift()?.resolve({ token, lifeMs });
      await settle();
    },
    async fail(retryAfterMs?: number) {
      waiting.shift()?.reject(new BrokerError('temporarily_unavailable', { what: 'token of orders', retryAfterMs }));
      await settle();
    },
  };
}

let script: ReturnType<typeof createScript>;
beforeEach(() => {
  script = createScript();
});

/** Gets a first token. */
async function start(token = 'first'): Promise<void> {
  const first = script.get();
  await script.answer(token);
  await first;
}

describe('one request', () => {
  test('for 1,000 callers at once', async () => {
    const callers = Array.from({ length: 1_000 }, () => script.get());
    await script.answer('first');
    expect(new Set((await Promise.all(callers)).map(({ token }) => token))).toEqual(new Set(['first']));
    expect(script.rejected).toHaveLength(1);
  });

  test('for callers that come while others wait, whatever their number and keys', async () => {
    const check = fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 60 }),
      async (keys) => {
        script = createScript();
        const callers = keys.map((key) => script.get(key));
        for (const key of new Set(keys)) await script.answer(`of ${key}`);
        expect((await Promise.all(callers)).map(({ token }) => token)).toEqual(keys.map((key) => `of ${key}`));
        expect(script.rejected).toHaveLength(new Set(keys).size);
      },
    );
    await fc.assert(check);
  });

  test('in the background, while a valid token is handed out', async () => {
    await start();
    script.pass(0.75 * HOUR);
    const served = await Promise.all(Array.from({ length: 1_000 }, () => script.get()));
    expect(new Set(served.map(({ token }) => token))).toEqual(new Set(['first']));
    expect(script.rejected).toHaveLength(2);
    await script.answer('second');
    expect((await script.get()).token).toBe('second');
  });
});

describe('a failure', () => {
  test('fails no call while the token lives, and waits for Retry-After', async () => {
    await start();
    script.pass(0.8 * HOUR);
    await script.get();
    await script.fail(30_000);
    for (const [passMs, requests] of [
      [0, 2],
      [29_999, 2],
      [1, 3],
    ] as const) {
      script.pass(passMs);
      expect((await script.get()).token).toBe('first');
      expect(script.rejected).toHaveLength(requests);
    }
  });

  test('is the answer to all until Retry-After has passed', async () => {
    const callers = [script.get(), script.get()];
    const outcomes = Promise.allSettled(callers);
    await script.fail(30_000);
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    script.pass(29_999);
    await expect(script.get()).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    expect(script.rejected).toHaveLength(1);
    script.pass(1);
    const next = script.get();
    await script.answer('first');
    expect((await next).token).toBe('first');
  });

  test('without Retry-After is remembered for a second', async () => {
    const outcome = Promise.allSettled([script.get()]);
    await script.fail();
    await outcome;
    script.pass(999);
    await expect(script.get()).rejects.toThrow();
    expect(script.rejected).toHaveLength(1);
  });
});

describe('a rejected token', () => {
  test('is dropped and reported, once', async () => {
    await start();
    script.tokens.reject('orders', 'first');
    const next = script.get();
    await script.answer('second');
    expect((await next).token).toBe('second');
    script.tokens.reject('orders', 'second');
    void script.get();
    expect(script.rejected).toEqual([undefined, 'first', 'second']);
  });

  test('of the past drops no newer one', async () => {
    await start();
    script.tokens.reject('orders', 'an older one');
    expect((await script.get()).token).toBe('first');
    expect(script.rejected).toHaveLength(1);
  });

  test('does not come back with a renewal that was under way', async () => {
    await start();
    script.pass(0.8 * HOUR);
    await script.get();
    script.tokens.reject('orders', 'first');
    const next = script.get();
    await script.answer('first');
    await script.answer('second');
    expect((await next).token).toBe('second');
    expect(script.rejected).toEqual([undefined, undefined, 'first']);
  });

  test('is not reported again for a minute where the broker finds it valid', async () => {
    await start();
    script.tokens.reject('orders', 'first');
    const again = script.get();
    await script.answer('first');
    expect((await again).token).toBe('first');
    script.pass(59_999);
    script.tokens.reject('orders', 'first');
    await script.get();
    expect(script.rejected).toHaveLength(2);
    script.pass(1);
    script.tokens.reject('orders', 'first');
    void script.get();
    expect(script.rejected).toEqual([undefined, 'first', 'first']);
  });

  test('never takes the newest with it, in any order of renewals and rejections', async () => {
    const step = fc.oneof(fc.constant('renew' as const), fc.nat({ max: 9 }));
    const check = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      script = createScript();
      let newest = 0;
      await start('0');
      for (const one of steps) {
        if (one === 'renew') {
          script.pass(0.8 * HOUR);
          await script.get();
          newest += 1;
          await script.answer(String(newest));
        } else if (one < newest) {
          script.tokens.reject('orders', String(one));
        }
        expect((await script.get()).token).toBe(String(newest));
      }
    });
    await fc.assert(check);
  });
});

test('a revoked token is forgotten under every key', async () => {
  await start('shared');
  script.tokens.forget('shared');
  void script.get();
  expect(script.rejected).toEqual([undefined, undefined]);
});

test('remembers the 500 keys that were used last', async () => {
  await start();
  for (let key = 0; key < 499; key += 1) {
    void script.get(`key ${key}`);
    await script.answer('other');
  }
  expect((await script.get()).token).toBe('first');
  void script.get('one more');
  await script.answer('other');
  void script.get('key 0');
  expect(script.rejected).toHaveLength(502);
  expect((await script.get()).token).toBe('first');
});
