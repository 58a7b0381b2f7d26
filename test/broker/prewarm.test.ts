import { describe, expect, test } from 'vitest';
import { PARALLEL_RENEWALS, prewarm } from '../../lib/broker/prewarm.ts';
import type { Profile, Profiles } from '../../lib/broker/profile.ts';
import type { Obtained } from '../../lib/broker/renewal.ts';
import type { Tokens } from '../../lib/broker/tokens.ts';
import type { BrokerError } from '../../lib/core/error.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { fail, ok } from '../../lib/core/result.ts';
import { instant, plus } from '../../lib/core/time.ts';

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
  token: { accessToken: redacted('t'), earnedAt: NOW, expiresAt: plus(NOW, 60_000), refreshAt: plus(NOW, 45_000) },
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
      return ok(obtained('exchange'));
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
    ['earned', ok(obtained('exchange')), { outcome: 'renewed' }],
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
      demand.profile.name === 'b' ? fail(refused) : ok(obtained('exchange'));
    const done = await prewarm(
      { profiles: profiles(profile('a'), profile('b'), profile('c')), tokens: tokens(renew) },
      plus(NOW, 60_000),
    );
    expect(done.map(({ outcome }) => outcome)).toEqual(['renewed', 'failed', 'renewed']);
  });

  test('a bug in one profile is reported as a failure of that profile', async () => {
    const renew: Tokens['renew'] = async (demand) => {
      if (demand.profile.name === 'b') throw new TypeError('a bug');
      return ok(obtained('exchange'));
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
      return ok(obtained('exchange'));
    };
    const many = Array.from({ length: 23 }, (_, index) => profile(`p${index}`));
    const done = await prewarm({ profiles: profiles(...many), tokens: tokens(renew) }, plus(NOW, 60_000));
    expect(done).toHaveLength(23);
    expect(most).toBe(PARALLEL_RENEWALS);
  });
});
