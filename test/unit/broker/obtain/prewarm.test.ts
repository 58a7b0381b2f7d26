import { describe, expect, test } from 'vitest';
import type { Tokens } from '../../../../lib/broker/obtain/memory.ts';
import { AHEAD_MS, PARALLEL_RENEWALS, prewarm } from '../../../../lib/broker/obtain/prewarm.ts';
import type { Obtained } from '../../../../lib/broker/obtain/renewal.ts';
import type { Profile, Profiles } from '../../../../lib/broker/profiles/profile.ts';
import type { BrokerError } from '../../../../lib/core/error.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok } from '../../../../lib/core/result.ts';
import { instant, plus } from '../../../../lib/core/time.ts';

const NOW = instant(1_795_438_700_000);

const profile = (name: string, isWanted = true): Profile => ({
  name,
  issuer: 'https://example.zitadel.cloud',
  secret: name,
  scopes: ['profile'],
  callers: [],
  prewarm: isWanted,
  introspectionCacheMs: 0,
  minValidityMs: 60_000,
});

const profiles = (...all: Profile[]): Profiles => new Map(all.map((one) => [one.name, one]));

const obtained = (source: Obtained['source']): Obtained => ({
  token: { accessToken: redacted('t'), obtainedAt: NOW, expiresAt: plus(NOW, 60_000), refreshAt: plus(NOW, 45_000) },
  source,
});

const refused: BrokerError = { kind: 'credential_refused', detail: 'status 400' };

const tokens = (renew: Tokens['renew']): Tokens => ({
  renew,
  expiry: async () => undefined,
  obtain: () => {
    throw new Error('the schedule does not obtain');
  },
});

describe('prewarm', () => {
  test('renews the profiles that want it, by all of their scopes', async () => {
    const asked: unknown[] = [];
    const renew: Tokens['renew'] = async (demand) => {
      asked.push(demand);
      return ok(obtained('issued'));
    };
    const wanted = profile('orders');
    const done = await prewarm(
      { profiles: profiles(wanted, profile('idle', false)), tokens: tokens(renew) },
      plus(NOW, 60_000),
    );
    expect(done).toEqual([{ profile: 'orders', outcome: 'renewed' }]);
    expect(asked).toEqual([{ profile: wanted, scopes: ['profile'] }]);
  });

  test.each([
    ['issued', ok(obtained('issued')), { outcome: 'renewed' }],
    ['found in the store', ok(obtained('store')), { outcome: 'kept' }],
    [
      'kept because its renewal failed',
      ok({ ...obtained('store'), failure: { error: refused, until: plus(NOW, 30_000), count: 1 } }),
      { outcome: 'failed', error: refused },
    ],
    ['not to be had', fail(refused), { outcome: 'failed', error: refused }],
  ] as const)('a token that is %s', async (_name, result, expected) => {
    const done = await prewarm(
      { profiles: profiles(profile('orders')), tokens: tokens(async () => result) },
      plus(NOW, 60_000),
    );
    expect(done).toEqual([{ profile: 'orders', ...expected }]);
  });

  test('a failure is of its own profile', async () => {
    const renew: Tokens['renew'] = async (demand) =>
      demand.profile.name === 'b' ? fail(refused) : ok(obtained('issued'));
    const done = await prewarm(
      { profiles: profiles(profile('a'), profile('b'), profile('c')), tokens: tokens(renew) },
      plus(NOW, 60_000),
    );
    expect(done.map(({ outcome }) => outcome)).toEqual(['renewed', 'failed', 'renewed']);
  });

  test('a bug in one profile is reported as a failure of that profile', async () => {
    const renew: Tokens['renew'] = async (demand) => {
      if (demand.profile.name === 'b') throw new TypeError('a bug');
      return ok(obtained('issued'));
    };
    const done = await prewarm(
      { profiles: profiles(profile('a'), profile('b'), profile('c')), tokens: tokens(renew) },
      plus(NOW, 60_000),
    );
    expect(done.map(({ profile: name, outcome }) => [name, outcome])).toEqual([
      ['a', 'renewed'],
      ['b', 'failed'],
      ['c', 'renewed'],
    ]);
  });

  test('five at a time', async () => {
    let underWay = 0;
    let most = 0;
    const renew: Tokens['renew'] = async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return ok(obtained('issued'));
    };
    const many = Array.from({ length: 23 }, (_, index) => profile(`p${index}`));
    const done = await prewarm({ profiles: profiles(...many), tokens: tokens(renew) }, plus(NOW, 60_000));
    expect(done).toHaveLength(23);
    expect(most).toBe(PARALLEL_RENEWALS);
  });
});

describe('the order', () => {
  const of = (issuer: string, name: string): Profile => ({ ...profile(name), issuer });
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  /** Renews in steps of one turn each, and tells who was begun, and how many of each issuer were under way at most. */
  async function watch(all: Profile[], expiry: Tokens['expiry'] = async () => undefined) {
    const begun: string[] = [];
    const underWay = new Map<string, number>();
    const most = new Map<string, number>();
    const change = (issuer: string, by: number) => {
      const count = (underWay.get(issuer) ?? 0) + by;
      underWay.set(issuer, count);
      most.set(issuer, Math.max(most.get(issuer) ?? 0, count));
    };
    const renew: Tokens['renew'] = async ({ profile: { name, issuer } }) => {
      begun.push(name);
      change(issuer, 1);
      await turn();
      change(issuer, -1);
      return ok(obtained('issued'));
    };
    const done = await prewarm({ profiles: profiles(...all), tokens: { renew, expiry } }, plus(NOW, 60_000));
    return { begun, most, done: done.map(({ profile: name }) => name) };
  }

  test('what ends first is renewed first, and what has no token before all', async () => {
    const ends: Record<string, number> = { a: 30, b: 10, d: 20 };
    const { begun, done } = await watch(
      ['a', 'b', 'c', 'd'].map((name) => profile(name)),
      async ({ profile: { name } }) => (ends[name] === undefined ? undefined : plus(NOW, ends[name])),
    );
    expect(begun).toEqual(['c', 'b', 'd', 'a']);
    expect(done).toEqual(['a', 'b', 'c', 'd']);
  });

  test('while several issuers wait, three of each at the most, and the one with the fewest goes first; then the last has all', async () => {
    const names = Array.from({ length: 16 }, (_, index) => index);
    const all = [
      ...names.map((index) => of('x', `x${index}`)),
      ...names.slice(0, 4).map((index) => of('y', `y${index}`)),
    ];
    const { begun, most, done } = await watch(all);
    expect(begun.slice(0, 5)).toEqual(['x0', 'y0', 'x1', 'y1', 'x2']);
    expect([most.get('x'), begun.length, done.length]).toEqual([PARALLEL_RENEWALS, 20, 20]);
    expect(most.get('y')).toBeLessThanOrEqual(3);
  });

  test('one issuer that hangs does not keep the others waiting', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const begun: string[] = [];
    const renew: Tokens['renew'] = async ({ profile: { name, issuer } }) => {
      begun.push(name);
      if (issuer === 'x') await gate;
      return ok(obtained('issued'));
    };
    const all = [
      ...[0, 1, 2, 3, 4, 5].map((index) => of('x', `x${index}`)),
      ...[0, 1, 2, 3].map((index) => of('y', `y${index}`)),
    ];
    const asked = prewarm({ profiles: profiles(...all), tokens: tokens(renew) }, plus(NOW, 60_000));
    for (let turns = 0; turns < 5; turns += 1) await turn();
    expect(begun.indexOf('x3')).toBeGreaterThan(begun.indexOf('y3'));
    expect([...begun].sort()).toEqual(['x0', 'x1', 'x2', 'x3', 'x4', 'y0', 'y1', 'y2', 'y3']);
    release();
    expect(await asked).toHaveLength(10);
  });

  test('20 rows are read at a time', async () => {
    let reading = 0;
    let most = 0;
    const expiry: Tokens['expiry'] = async () => {
      reading += 1;
      most = Math.max(most, reading);
      await turn();
      reading -= 1;
      return undefined;
    };
    await watch(
      Array.from({ length: 45 }, (_, index) => profile(`p${index}`)),
      expiry,
    );
    expect(most).toBe(20);
  });
});

test('a renewal ends a second before the schedule does, and looks ahead as far as the next run', async () => {
  expect(AHEAD_MS).toBe(360_000);
  const asked: unknown[] = [];
  const renew: Tokens['renew'] = async (_demand, ...options) => {
    asked.push(options);
    return ok(obtained('issued'));
  };
  await prewarm({ profiles: profiles(profile('a')), tokens: tokens(renew) }, plus(NOW, 60_000));
  expect(asked).toEqual([[NOW + 59_000, AHEAD_MS]]);
});

describe('what has no time left', () => {
  const OUT_OF_TIME: BrokerError = { kind: 'out_of_time', detail: 'no time left', retryAfterMs: 1_000 };
  const deadline = plus(NOW, 60_000);
  const away: BrokerError = { kind: 'unavailable', dependency: 'zitadel', detail: 'x', retryAfterMs: 0 };
  test.each<[name: string, end: number | undefined, error: BrokerError, outcome: string]>([
    ['is postponed if its token lasts until the next run has ended', 420_000, OUT_OF_TIME, 'postponed'],
    ['has failed if its token ends a little earlier', 419_999, OUT_OF_TIME, 'failed'],
    ['has failed if it has no token', undefined, OUT_OF_TIME, 'failed'],
    ['has failed for another reason, however long its token lasts', 9_000_000, away, 'failed'],
  ])('%s', async (_name, end, error, outcome) => {
    const expiry = async () => (end === undefined ? undefined : plus(deadline, end));
    const renew = async () => fail(error);
    const [done] = await prewarm({ profiles: profiles(profile('a')), tokens: { renew, expiry } }, deadline);
    expect(done).toEqual({ profile: 'a', outcome, ...(outcome === 'failed' ? { error } : {}) });
  });
});

test('a bug is told, with what was thrown', async () => {
  const thrown = new TypeError('bug');
  const done = await prewarm(
    { profiles: profiles(profile('a')), tokens: tokens(() => Promise.reject(thrown)) },
    plus(NOW, 60_000),
  );
  const error = { kind: 'unexpected_answer', detail: 'an internal error of the broker' };
  expect(done).toEqual([{ profile: 'a', outcome: 'failed', error, bug: thrown }]);
});

test('of a failure nothing is said to be a bug', async () => {
  const [failed] = await prewarm(
    { profiles: profiles(profile('a')), tokens: tokens(async () => fail(refused)) },
    plus(NOW, 60_000),
  );
  expect(failed && 'bug' in failed).toBe(false);
});
