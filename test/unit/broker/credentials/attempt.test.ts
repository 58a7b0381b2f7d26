import { beforeEach, describe, expect, test } from 'vitest';
import { type Attempt, createRefusals, type WithCredential } from '../../../../lib/broker/credentials/attempt.ts';
import {
  type Credentials,
  createCredentials,
  type HeldCredential,
} from '../../../../lib/broker/credentials/credentials.ts';
import type { AttemptFailure } from '../../../../lib/broker/store/failure.ts';
import { fail, ok } from '../../../../lib/core/result.ts';
import { instant, plus } from '../../../../lib/core/time.ts';
import accounts from '../../../recordings/accounts.json' with { type: 'json' };
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { createMemorySecrets, type MemorySecrets } from '../../../support/memory-secrets.ts';

const secret = (clientSecret: string) => JSON.stringify({ clientId: 'a', clientSecret });

let clock: FakeClock;
let secrets: MemorySecrets;
let credentials: Credentials;
let withCredential: WithCredential;
let tried: string[];
beforeEach(() => {
  clock = createFakeClock(instant(1_795_438_700_000));
  secrets = createMemorySecrets();
  secrets.put('mine', secret('first'));
  credentials = createCredentials({ clock, secrets });
  withCredential = createRefusals({ clock, credentials });
  tried = [];
});

const refusal = ({ id }: HeldCredential): AttemptFailure => ({
  error: { kind: 'credential_refused', detail: 'no' },
  credential: id,
});

async function held(): Promise<HeldCredential> {
  const result = await credentials.get('mine');
  if (!result.ok) throw new Error(result.error.kind);
  return result.value;
}

/** Accepts a credential from the `accepting`-th attempt on. */
const attempts =
  (accepting: number): Attempt<string> =>
  async (used) => {
    tried.push(used.id);
    return tried.length >= accepting ? ok('token') : fail(refusal(used));
  };

/** Lets the moment pass that a new key gets. */
async function run<T>(promise: Promise<T>): Promise<T> {
  await clock.advance(500);
  return promise;
}

const always = () => true;

describe('a credential that is refused', () => {
  test('is tried once where its secret has not changed, and left alone for 30 s, whatever it is for', async () => {
    const mine = await held();
    const standing = { ok: false, error: { ...refusal(mine), until: plus(clock.now(), 30_000) } };
    expect(await run(withCredential('mine', mine, attempts(9), always))).toEqual(standing);
    await clock.advance(29_000);
    // Told again, it lasts no longer for it.
    expect(await run(withCredential('mine', mine, attempts(1), always))).toEqual(standing);
    expect(tried).toEqual([mine.id]);
    await clock.advance(1_000);
    expect((await run(withCredential('mine', mine, attempts(1), always))).ok).toBe(true);
    // Read once more while it was left alone: its secret might have changed.
    expect(secrets.reads()).toBe(3);
  });

  test('gives way to a changed one at once', async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    const result = await run(withCredential('mine', mine, attempts(2), always));
    expect(result).toMatchObject({ ok: true, value: { value: 'token' } });
    expect(result.ok && result.value.held.id).toBe(tried[1]);
    expect(tried[1]).not.toBe(mine.id);
  });

  test("gives way to a changed one later, where there is no time left, and the refusal is nobody else's", async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    const result = await run(withCredential('mine', mine, attempts(2), () => false));
    expect(result).toMatchObject({ ok: false, error: { error: { kind: 'unavailable', retryAfterMs: 0 } } });
    expect(!result.ok && 'credential' in result.error).toBe(false);
    expect((await run(withCredential('mine', await held(), attempts(2), always))).ok).toBe(true);
  });

  test('gives way to one that somebody else has read since', async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    await run(withCredential('mine', mine, attempts(2), always));
    tried = [];
    const second = await run(withCredential('mine', mine, attempts(1), always));
    expect(second).toMatchObject({ ok: true, value: { value: 'token' } });
    expect(tried).toEqual([(await held()).id]);
    expect(secrets.reads()).toBe(2);
    expect(await run(withCredential('mine', mine, attempts(1), () => false))).toMatchObject({ ok: false });
  });

  test('is refused once, and a changed one twice: it may be too new', async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    expect((await run(withCredential('mine', mine, attempts(9), always))).ok).toBe(false);
    expect(tried).toHaveLength(3);
  });
});

describe('a key that is refused', () => {
  beforeEach(() => secrets.put('mine', JSON.stringify(accounts.saKey.key)));

  test('is tried again after a moment, if it has never worked here: ZITADEL may not know it yet', async () => {
    const mine = await held();
    expect((await run(withCredential('mine', mine, attempts(2), always))).ok).toBe(true);
    expect(tried).toHaveLength(2);
  });

  test('is not, once it has worked', async () => {
    const mine = await held();
    await run(withCredential('mine', mine, attempts(1), always));
    tried = [];
    expect((await run(withCredential('mine', mine, attempts(2), always))).ok).toBe(false);
    expect(tried).toHaveLength(1);
  });

  test('is not, where there is no time for it', async () => {
    const mine = await held();
    expect((await run(withCredential('mine', mine, attempts(2), () => false))).ok).toBe(false);
    expect(tried).toHaveLength(1);
  });
});

test('another failure is none of its business', async () => {
  const mine = await held();
  const failure: AttemptFailure = { error: { kind: 'unexpected_answer', detail: 'x' } };
  expect(await run(withCredential('mine', mine, async () => fail(failure), always))).toEqual({
    ok: false,
    error: failure,
  });
  expect((await run(withCredential('mine', mine, attempts(1), always))).ok).toBe(true);
  expect(secrets.reads()).toBe(1);
});

describe('an account that is not active', () => {
  const inactive: Attempt<string> = async (used) => {
    tried.push(used.id);
    return fail({ ...refusal(used), isAccount: true });
  };

  test('is asked for again sooner: after 2 s, 4 s, 8 s and then every 10 s', async () => {
    const mine = await held();
    for (const pauseMs of [2_000, 4_000, 8_000, 10_000, 10_000]) {
      tried = [];
      const until = plus(clock.now(), pauseMs);
      expect(await withCredential('mine', mine, inactive, always)).toMatchObject({ error: { until } });
      await clock.advance(pauseMs - 1);
      expect(await withCredential('mine', mine, inactive, always)).toMatchObject({ error: { until } });
      await clock.advance(1);
      expect(tried).toHaveLength(1);
    }
    expect((await withCredential('mine', mine, attempts(1), always)).ok).toBe(true);
    expect(await withCredential('mine', mine, inactive, always)).toMatchObject({
      error: { until: plus(clock.now(), 2_000) },
    });
  });

  test('is tried once, with a key or a changed secret too', async () => {
    secrets.put('mine', JSON.stringify(accounts.saKey.key));
    await withCredential('mine', await held(), inactive, always);
    expect(tried).toHaveLength(1);
    const mine = await held();
    await clock.advance(30_000);
    secrets.put('mine', secret('second'));
    tried = [];
    await withCredential('mine', mine, inactive, always);
    expect(tried).toHaveLength(2);
  });

  test('does not make another refusal shorter', async () => {
    const mine = await held();
    await withCredential('mine', mine, inactive, always);
    await clock.advance(2_000);
    expect(await withCredential('mine', mine, attempts(9), always)).toMatchObject({
      error: { until: plus(clock.now(), 30_000) },
    });
  });
});

describe('an answer that may mean a refusal, or an outage', () => {
  const suspicion = ({ id }: HeldCredential): AttemptFailure => ({
    error: { kind: 'unavailable', dependency: 'zitadel', detail: 'hm', retryAfterMs: 0 },
    credential: id,
  });
  const suspicious: Attempt<string> = async (used) => {
    tried.push(used.id);
    return fail(suspicion(used));
  };
  const taken = (used: HeldCredential) => ({
    error: { kind: 'credential_refused', detail: 'hm (twice: the credential counts as refused)' },
    credential: used.id,
    until: plus(clock.now(), 30_000),
  });

  test('is looked into once more, and nothing is remembered of it', async () => {
    const mine = await held();
    expect(await run(withCredential('mine', mine, suspicious, always))).toEqual(fail(suspicion(mine)));
    expect(tried).toHaveLength(2);
    expect((await run(withCredential('mine', mine, attempts(3), always))).ok).toBe(true);
  });

  test('is taken for a refusal the next time', async () => {
    const mine = await held();
    expect(await withCredential('mine', mine, suspicious, always, true)).toEqual(fail(taken(mine)));
    expect(tried).toHaveLength(1);
    expect(await withCredential('mine', mine, attempts(1), always)).toMatchObject({ ok: false });
    expect(tried).toHaveLength(1);
  });

  test('is not looked into where there is no time', async () => {
    const mine = await held();
    expect(await withCredential('mine', mine, suspicious, () => false)).toEqual(fail(suspicion(mine)));
    expect(tried).toHaveLength(1);
  });

  test('makes a changed secret be tried, twice if need be; the one before is not left alone', async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    expect(await run(withCredential('mine', mine, suspicious, always, true))).toMatchObject(
      fail({ error: { kind: 'unavailable', detail: 'hm' } }),
    );
    expect(tried).toHaveLength(3);
    expect(new Set(tried).size).toBe(2);
    secrets.put('mine', secret('first'));
    await clock.advance(300_000);
    expect((await run(withCredential('mine', await held(), attempts(4), always))).ok).toBe(true);
  });

  test('of a credential that has worked is looked into as well', async () => {
    const mine = await held();
    await withCredential('mine', mine, attempts(1), always);
    tried = [];
    await run(withCredential('mine', mine, suspicious, always));
    expect(tried).toHaveLength(2);
  });
});

describe('a changed credential', () => {
  test('that is refused at first and then accepted serves', async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    expect((await run(withCredential('mine', mine, attempts(3), always))).ok).toBe(true);
    expect(tried).toHaveLength(3);
  });

  test('that is left alone itself is not tried', async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    await run(withCredential('mine', mine, attempts(9), always));
    tried = [];
    expect(await run(withCredential('mine', mine, attempts(1), always))).toMatchObject({ ok: false });
    expect(tried).toEqual([]);
  });

  test('that is refused with no time left is left alone at once', async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    const result = await withCredential('mine', mine, attempts(9), (delayMs) => delayMs === 0);
    expect(result).toMatchObject({ error: { until: plus(clock.now(), 30_000) } });
    expect(tried).toHaveLength(2);
  });

  test('that meets another failure has met just that', async () => {
    const mine = await held();
    secrets.put('mine', secret('second'));
    const failure: AttemptFailure = { error: { kind: 'unexpected_answer', detail: 'x' } };
    const result = await withCredential(
      'mine',
      mine,
      async (used) => fail(used.id === mine.id ? refusal(used) : failure),
      always,
    );
    expect(result).toEqual(fail(failure));
  });

  test('that cannot be read leaves the refusal', async () => {
    const mine = await held();
    secrets.fault({ kind: 'refused', detail: 'X' });
    expect(await withCredential('mine', mine, attempts(9), always)).toMatchObject({ error: refusal(mine) });
    expect(await withCredential('mine', mine, attempts(9), always)).toMatchObject({ error: refusal(mine) });
    expect(tried).toHaveLength(1);
  });
});

test('a key that is refused at first and meets another failure then has met just that', async () => {
  secrets.put('mine', JSON.stringify(accounts.saKey.key));
  const mine = await held();
  const failure: AttemptFailure = { error: { kind: 'unexpected_answer', detail: 'x' } };
  let count = 0;
  const asked = withCredential(
    'mine',
    mine,
    async (used) => {
      count += 1;
      return fail(count === 1 ? refusal(used) : failure);
    },
    always,
  );
  await clock.advance(499);
  expect(count).toBe(1);
  await clock.advance(1);
  expect(await asked).toEqual(fail(failure));
  expect((await withCredential('mine', mine, attempts(1), always)).ok).toBe(true);
});
