import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mayRepeatUntil } from '../../../lib/broker/credentials/deadline.ts';
import { nextStep } from '../../../lib/broker/obtain/reading.ts';
import { receivedLife } from '../../../lib/broker/obtain/receive.ts';
import { pollMs } from '../../../lib/broker/obtain/renewal.ts';
import { matchesRole, parseRolePattern, type RolePrincipal } from '../../../lib/broker/profiles/caller.ts';
import { authorize, grantExchangeScopes, grantScopes } from '../../../lib/broker/profiles/policy.ts';
import type { Profile } from '../../../lib/broker/profiles/profile.ts';
import {
  createFailure,
  currentError,
  failureFromRow,
  failureToRow,
  isRecent,
  isSuspicionAgainst,
  pauseMs,
  stands,
} from '../../../lib/broker/store/failure.ts';
import { cacheKey } from '../../../lib/broker/token/demand.ts';
import {
  freshness,
  isSameToken,
  isWorthKeeping,
  LEAST_CACHED_LIFE_MS,
  LEAST_LEFT_MS,
  limitLife,
  shiftToken,
  tokenLife,
} from '../../../lib/broker/token/freshness.ts';
import { createBoundedMap } from '../../../lib/core/bounded-map.ts';
import type { BrokerError } from '../../../lib/core/error.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { instant, plus } from '../../../lib/core/time.ts';

const NOW = instant(1_795_438_700_000);

const profile = (changes: Partial<Profile> = {}): Profile => ({
  name: 'orders',
  issuer: 'https://example.zitadel.cloud',
  secret: 'zitadel/orders',
  scopes: ['a', 'b', 'c'],
  callers: [{ partition: 'aws', account: '123456789012', role: 'orders-service', isPrefix: false }],
  prewarm: false,
  introspectionCacheMs: 0,
  minValidityMs: 60_000,
  ...changes,
});

const principal = (changes: Partial<RolePrincipal> = {}): RolePrincipal => ({
  kind: 'iam_role',
  partition: 'aws',
  account: '123456789012',
  role: 'orders-service',
  ...changes,
});

describe('callers', () => {
  test.each([
    ['orders-service', {}, true],
    ['orders-service', { role: 'orders-service2' }, false],
    ['orders-service', { role: 'Orders-service' }, false],
    ['orders-service', { account: '210987654321' }, false],
    ['orders-service', { partition: 'aws-cn' }, false],
    ['orders-*', {}, true],
    ['orders-*', { role: 'orders-' }, true],
    ['orders-*', { role: 'reports-orders-x' }, false],
    ['orders-*', { account: '210987654321' }, false],
    ['orders.service', {}, false],
  ])('%s, used by %o: %s', (name, caller, isMeant) => {
    const pattern = parseRolePattern(`arn:aws:iam::123456789012:role/${name}`);
    expect(pattern.ok && matchesRole(pattern.value, principal(caller))).toBe(isMeant);
  });

  test('an unknown profile and a foreign one differ in the log only', () => {
    const profiles = new Map([['orders', profile()]]);
    const unknown = authorize(profiles, 'nobodys', principal());
    const foreign = authorize(profiles, 'orders', principal({ role: 'other' }));
    expect([unknown, foreign]).toEqual([
      { ok: false, error: { kind: 'not_allowed', detail: 'no such profile' } },
      { ok: false, error: { kind: 'not_allowed', detail: 'the profile does not list this caller' } },
    ]);
    expect(authorize(profiles, 'orders', principal())).toEqual({ ok: true, value: profile() });
    expect(authorize(profiles, '__proto__', principal()).ok).toBe(false);
  });

  test.each<[string, Partial<Profile>, Partial<RolePrincipal>, string]>([
    [
      'the listed role in another partition',
      {},
      { partition: 'aws-cn' },
      'the profile does not list this caller: the caller is in partition aws-cn, the list has its role in aws',
    ],
    [
      'a prefix of roles in another partition',
      { callers: [{ partition: 'aws-us-gov', account: '123456789012', role: 'orders-', isPrefix: true }] },
      {},
      'the profile does not list this caller: the caller is in partition aws, the list has its role in aws-us-gov',
    ],
    [
      'another role in another partition',
      {},
      { partition: 'aws-cn', role: 'other' },
      'the profile does not list this caller',
    ],
    [
      'another account in another partition',
      {},
      { partition: 'aws-cn', account: '210987654321' },
      'the profile does not list this caller',
    ],
  ])('the log says why for %s', (_name, changes, caller, detail) => {
    const profiles = new Map([['orders', profile(changes)]]);
    expect(authorize(profiles, 'orders', principal(caller))).toEqual({
      ok: false,
      error: { kind: 'not_allowed', detail },
    });
  });

  test('one of the profile’s patterns is enough', () => {
    const [pattern, other] = ['orders-service', 'reports-service'].map((name) => {
      const parsed = parseRolePattern(`arn:aws:iam::123456789012:role/${name}`);
      if (!parsed.ok) throw new Error(parsed.error);
      return parsed.value;
    });
    if (pattern === undefined || other === undefined) throw new Error('no pattern');
    const both = profile({ callers: [other, pattern] });
    expect(authorize(new Map([['orders', both]]), 'orders', principal())).toEqual({ ok: true, value: both });
  });
});

describe('scopes', () => {
  test.each([
    [undefined, ['a', 'b', 'c']],
    ['a', ['a']],
    ['c a', ['a', 'c']],
    ['b b', ['b']],
    ['d', undefined],
    ['a d', undefined],
    ['a  b', undefined],
    [' a', undefined],
    ['', undefined],
    ['A', undefined],
    ['a\tb', undefined],
  ])('%j', (requested, scopes) => {
    const granted = grantScopes(profile(), requested);
    expect(granted).toEqual(
      scopes === undefined
        ? { ok: false, error: { kind: 'invalid_scope', detail: expect.stringMatching(/\w{5}/) } }
        : { ok: true, value: scopes },
    );
  });
});

describe('cache keys', () => {
  test.each([
    ['the name', { profile: profile({ name: 'order' }) }],
    ['the issuer', { profile: profile({ issuer: 'https://other.example' }) }],
    ['the secret', { profile: profile({ secret: 'other' }) }],
    ['the grant', { profile: profile({ grant: 'client_credentials' as const }) }],
    ['the subject', { profile: profile({ subject: 'reports' }) }],
    ['the application that revokes', { profile: profile({ revocation: { secret: 'app', callers: [] } }) }],
    ['a scope', { scopes: ['a'] }],
    ['where scopes end', { scopes: ['a b'] }],
    ['no scope', { scopes: [] }],
  ])('%s makes another', (_name, change) => {
    const demand = { profile: profile(), scopes: ['a', 'b'] };
    expect(cacheKey({ ...demand, ...change })).not.toBe(cacheKey(demand));
    expect(cacheKey(demand)).toMatch(/^[\w-]{43}$/);
  });

  test('callers, prewarm and ages do not: they do not decide which token comes out', () => {
    const scopes = ['a'];
    expect(cacheKey({ profile: profile({ callers: [], prewarm: true, minValidityMs: 5_000 }), scopes })).toBe(
      cacheKey({ profile: profile(), scopes }),
    );
  });

  test('are made once for all the scopes of a profile, and are no others for that', () => {
    let looks = 0;
    const counted = {
      ...profile(),
      get name() {
        looks += 1;
        return 'orders';
      },
    };
    const all = { profile: counted, scopes: counted.scopes };
    const key = cacheKey(all);
    const looksForOne = looks;
    expect(looksForOne).toBeGreaterThan(0);
    expect(cacheKey(all)).toBe(key);
    expect(looks).toBe(looksForOne);
    expect(cacheKey({ profile: counted, scopes: [...counted.scopes] })).toBe(key);
    expect(cacheKey({ profile: counted, scopes: ['a'] })).not.toBe(key);
    expect(cacheKey({ profile: profile({ name: 'other' }), scopes: counted.scopes })).not.toBe(key);
  });

  test('stay what they are from release to release: rows are found by them', () => {
    // SHA-256 of v2, name, issuer, secret, grant, subject, revocation and scopes, each after its length in four bytes.
    expect(
      cacheKey({ profile: profile({ name: 'orders', issuer: 'https://a.example', secret: 'b' }), scopes: ['c', 'ü'] }),
    ).toBe('c2TqzvxbY8R6Snw7WgNr6ddoHTAlajbiKTigmPSBXPg');
  });

  test('two demands have one key only if they are the same', () => {
    const part = fc.constantFrom('', 'a', 'b', 'ab', 'a b', '\u0000', 'ü');
    const demand = fc.record({
      name: part,
      secret: part,
      subject: part,
      scopes: fc.uniqueArray(part, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(demand, demand, (one, other) => {
        const key = ({ name, secret, subject, scopes }: typeof one) =>
          cacheKey({ profile: profile({ name, secret, subject }), scopes });
        expect(key(one) === key(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('freshness', () => {
  const life = (lifeMs: number, random = 0) => tokenLife(NOW, { lifeMs, random });
  const state = (lifeMs: number, ageMs: number, minValidityMs = 60_000) =>
    freshness(life(lifeMs), { now: plus(NOW, ageMs), minValidityMs });

  test.each([
    [43_200_000, 0, 'fresh'],
    [43_200_000, 32_399_999, 'fresh'],
    [43_200_000, 32_400_000, 'due'],
    [43_200_000, 43_140_000, 'due'],
    [43_200_000, 43_140_001, 'last_resort'],
    [43_200_000, 43_195_000, 'last_resort'],
    [43_200_000, 43_195_001, 'dead'],
    [43_200_000, 99_999_999, 'dead'],
    [100_000, 75_000, 'due'],
    [100_000, 75_001, 'last_resort'],
    [20_000, 14_999, 'fresh'],
    [20_000, 15_000, 'due'],
    [20_000, 15_001, 'dead'],
  ])('a life of %i ms, after %i ms: %s', (lifeMs, ageMs, expected) => expect(state(lifeMs, ageMs)).toBe(expected));

  test.each([
    [0, 75_000],
    [0.5, 72_500],
    [0.999_999, 70_000],
  ])('jitter %d', (random, refreshMs) => expect(life(100_000, random).refreshAt - NOW).toBe(refreshMs));

  test('an age shortens a life, and never lengthens it', () => {
    expect(tokenLife(NOW, { lifeMs: 43_200_000, maxAgeMs: 3_600_000, random: 0 })).toEqual({
      obtainedAt: NOW,
      expiresAt: plus(NOW, 3_600_000),
      refreshAt: plus(NOW, 2_700_000),
    });
    expect(tokenLife(NOW, { lifeMs: 60_000, maxAgeMs: 3_600_000, random: 0 }).expiresAt).toBe(plus(NOW, 60_000));
  });

  test.each([
    [18_999, false],
    [19_000, true],
  ])('a life of %i ms is worth keeping: %s', (lifeMs, isWorth) => expect(isWorthKeeping(life(lifeMs))).toBe(isWorth));

  test('goes one way, is never handed out in its last 5 s, and is fresh at first', () => {
    const order = ['fresh', 'due', 'last_resort', 'dead'];
    const lifeMs = fc.integer({ min: 20_000, max: 2_592_000_000 });
    const min = fc.integer({ min: 5_000, max: 3_600_000 });
    fc.assert(
      fc.property(
        lifeMs,
        min,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(),
        fc.nat(),
        (ms, minValidityMs, random, a, b) => {
          const token = tokenLife(NOW, { lifeMs: ms, random });
          const at = (age: number) => freshness(token, { now: plus(NOW, age), minValidityMs });
          const [early, late] = [Math.min(a, b), Math.max(a, b)];
          expect(order.indexOf(at(late))).toBeGreaterThanOrEqual(order.indexOf(at(early)));
          expect(at(0)).toBe('fresh');
          expect(at(ms - LEAST_LEFT_MS + 1)).toBe('dead');
        },
      ),
    );
  });
});

describe('what to do about a row', () => {
  const states = ['fresh', 'due', 'last_resort', 'dead'] as const;
  test.each([
    ['nothing stands in the way', { failed: false, leased: false }, ['serve', 'acquire', 'acquire', 'acquire']],
    ['another sandbox renews', { failed: false, leased: true }, ['serve', 'serve', 'wait', 'wait']],
    [
      'a failure stands',
      { failed: true, leased: false },
      ['serve', 'report_failure', 'report_failure', 'report_failure'],
    ],
    ['both', { failed: true, leased: true }, ['serve', 'report_failure', 'report_failure', 'report_failure']],
  ])('%s', (_name, row, steps) => expect(states.map((state) => nextStep(state, row))).toEqual(steps));

  test('polls are from 50 ms to 1 s apart', () => {
    expect([0, 1, 20].map((round) => pollMs(round, 0))).toEqual([50, 75, 500]);
    expect(pollMs(20, 1)).toBe(1_000);
  });
});

describe('failures', () => {
  const unavailable = (retryAfterMs = 0): BrokerError => ({
    kind: 'unavailable',
    dependency: 'zitadel',
    detail: 'x',
    retryAfterMs,
  });
  const refused: BrokerError = { kind: 'credential_refused', detail: 'x' };

  test.each([
    [1, 0, 0, 2_000],
    [2, 0, 0, 4_000],
    [4, 0, 0, 16_000],
    [5, 0, 0, 30_000],
    [500, 0.99, 0, 30_000],
    [1, 0.5, 0, 2_200],
    [1, 0, 7_000, 7_000],
    [1, 0, 3_600_000, 30_000],
  ])('failure %i, random %d, asked for %i ms: %i ms', (count, random, askedMs, ms) =>
    expect(pauseMs(count, { random, askedMs })).toBe(ms),
  );

  test('a refusal is left alone for 30 s, another failure for 2 s at first', () => {
    expect(createFailure({ error: refused, credential: 'c1' }, { now: NOW, earlier: 0, random: 0 })).toEqual({
      error: refused,
      until: plus(NOW, 30_000),
      count: 1,
      credential: 'c1',
    });
    const heldBack = { ...unavailable(), retryAfterMs: 700, isHeldBack: true } as const;
    // What was not asked has not failed once more.
    expect(createFailure({ error: heldBack }, { now: NOW, earlier: 3, random: 0 })).toEqual({
      error: heldBack,
      until: plus(NOW, 700),
      count: 3,
    });
    expect(createFailure({ error: heldBack, ofSubject: true }, { now: NOW, earlier: 3, random: 0 }).ofSubject).toBe(
      true,
    );
    expect(createFailure({ error: unavailable() }, { now: NOW, earlier: 1, random: 0 })).toEqual({
      error: unavailable(),
      until: plus(NOW, 4_000),
      count: 2,
    });
  });

  test.each([
    ['for everybody, before its end', undefined, 'c1', 1_999, true],
    ['at its end', undefined, 'c1', 2_000, false],
    ['of this credential', 'c1', 'c1', 0, true],
    ['of another credential', 'c0', 'c1', 0, false],
    ['of a credential, for one who does not know his own', 'c0', undefined, 0, true],
  ])('stands %s', (_name, credential, mine, ageMs, expected) => {
    const failure = {
      error: refused,
      until: plus(NOW, 2_000),
      count: 1,
      ...(credential === undefined ? {} : { credential }),
    };
    expect(stands(failure, plus(NOW, ageMs), mine)).toBe(expected);
    expect(stands(undefined, NOW)).toBe(false);
  });

  test('is recent until 5 s after its end', () => {
    const failure = createFailure({ error: unavailable() }, { now: NOW, earlier: 0, random: 0 });
    expect(isRecent(failure, plus(failure.until, 4_999))).toBe(true);
    expect(isRecent(failure, plus(failure.until, 5_000))).toBe(false);
    expect(isRecent(undefined, NOW)).toBe(false);
  });

  const others: BrokerError[] = [
    { kind: 'unexpected_answer', detail: 'x' },
    { kind: 'credential_unusable', detail: 'x' },
  ];
  test.each([unavailable(), refused, ...others])('goes through a row without its text', (error) => {
    const failure = createFailure({ error, credential: 'c1' }, { now: NOW, earlier: 2, random: 0 });
    const row = failureToRow(failure);
    expect(JSON.stringify(row)).not.toContain('"x"');
    expect(failureFromRow(row)).toMatchObject({
      error: { kind: error.kind },
      until: failure.until,
      count: 3,
      credential: 'c1',
    });
    expect(failureFromRow({ generation: 1 })).toBeUndefined();
  });

  test('Retry-After counts down', () => {
    const failure = createFailure({ error: unavailable() }, { now: NOW, earlier: 0, random: 0 });
    expect(currentError(failure, plus(NOW, 500))).toMatchObject({ retryAfterMs: 1_500 });
    expect(currentError({ ...failure, error: refused }, NOW)).toMatchObject(refused);
  });
});

test('a bounded map forgets what was used least recently', () => {
  const map = createBoundedMap<string, number>({ entries: 2 });
  map.set('a', 1);
  map.set('b', 2);
  expect(map.get('a')).toBe(1);
  map.set('c', 3);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size()]).toEqual([1, undefined, 3, 2]);
  map.set('c', 4);
  expect([map.get('a'), map.get('c'), map.size()]).toEqual([1, 4, 2]);
});

test('two tokens are the same if their users cannot tell them apart', () => {
  const token = (text: string) => ({ accessToken: redacted(text), ...tokenLife(NOW, { lifeMs: 60_000, random: 0 }) });
  expect(isSameToken(token('a'), { ...token('a'), obtainedAt: plus(NOW, 1) })).toBe(true);
  expect(isSameToken(token('a'), token('b'))).toBe(false);
  expect(isSameToken(token('a'), undefined)).toBe(false);
  expect(isSameToken(undefined, token('a'))).toBe(false);
  expect(isSameToken(undefined, undefined)).toBe(false);
});

test('the least that a token must have left is 5 s, and the shortest life that is kept 20 s, of which ZITADEL says 19', () => {
  expect(LEAST_LEFT_MS).toBe(5_000);
  expect(LEAST_CACHED_LIFE_MS).toBe(19_000);
});

test('a token moves into another time, and stays the same token', () => {
  const token = { accessToken: redacted('t'), ...tokenLife(NOW, { lifeMs: 100_000, random: 0 }) };
  expect(shiftToken(token, 0)).toBe(token);
  expect(shiftToken(token, -7_000)).toEqual({
    ...token,
    obtainedAt: plus(NOW, -7_000),
    refreshAt: plus(NOW, 68_000),
    expiresAt: plus(NOW, 93_000),
  });
});

describe('a token that was stored, under the rules of today', () => {
  const stored = { accessToken: redacted('t'), ...tokenLife(NOW, { lifeMs: 100_000, random: 0 }) };
  test.each<[name: string, nowMs: number, maxAgeMs: number | undefined, expected: object | undefined]>([
    ['no age', 0, undefined, {}],
    ['a greater age', 0, 100_000, {}],
    ['a smaller age', 0, 99_999, { expiresAt: plus(NOW, 99_999), refreshAt: plus(NOW, 69_999) }],
    ['an age after its renewal', 0, 20_000, { expiresAt: plus(NOW, 20_000), refreshAt: plus(NOW, 14_000) }],
    ['from a clock that is ahead', -5_000, undefined, {}],
    ['from the future', -5_001, undefined, undefined],
  ])('%s', (_name, nowMs, maxAgeMs, expected) => {
    expect(limitLife(stored, { now: plus(NOW, nowMs), maxAgeMs })).toEqual(expected && { ...stored, ...expected });
  });

  test('is not renewed later than before', () => {
    const early = { ...stored, refreshAt: plus(NOW, 5) };
    expect(limitLife(early, { now: NOW, maxAgeMs: 50_000 })?.refreshAt).toBe(plus(NOW, 5));
  });

  test.each([
    [0, 'fresh'],
    [24_999, 'fresh'],
    [25_000, 'due'],
  ])('%i ms ahead of its renewal by 25 s: %s', (aheadMs, expected) => {
    expect(freshness(stored, { now: plus(NOW, 50_000), minValidityMs: 5_000, aheadMs })).toBe(expected);
  });
});

describe('the life of a token that has just come', () => {
  test.each<[lifeMs: number, tookMs: number, isOk: boolean]>([
    [3_600_000, 0, true],
    [5_000, 0, true],
    [4_999, 0, false],
    [8_000, 3_000, true],
    [8_000, 3_001, false],
    [8_999, 4_000, false],
    // A sandbox that stood still has another try.
    [8_999, 4_001, true],
    [4_999, 4_001, false],
  ])('of %i ms, after a request of %i ms: %s', (lifeMs, tookMs, isOk) => {
    const life = receivedLife(lifeMs, { askedAt: NOW, now: plus(NOW, tookMs), maxAgeMs: undefined, random: 0 });
    expect(life).toEqual(
      isOk
        ? { ok: true, value: tokenLife(NOW, { lifeMs, random: 0 }) }
        : {
            ok: false,
            error: {
              kind: 'unexpected_answer',
              detail: `the token lives ${lifeMs / 1_000} s, of which the request took ${tookMs} ms; less than 5 s is too short`,
            },
          },
    );
  });

  test('is shortened by an age', () => {
    const life = receivedLife(100_000, { askedAt: NOW, now: NOW, maxAgeMs: 50_000, random: 0.5 });
    expect(life).toEqual({ ok: true, value: tokenLife(NOW, { lifeMs: 50_000, random: 0.5 }) });
  });
});

describe('who may do what', () => {
  const pattern = (role: string) => ({ partition: 'aws', account: '123456789012', role, isPrefix: false });
  const base = { callers: [pattern('caller')] };
  const application = { secret: 'app' };
  const own = (role: string) => ({ ...application, callers: [pattern(role)] });
  type Row = [name: string, changes: Partial<Profile>, role: string, uses: readonly string[]];
  test.each<Row>([
    ['a caller', {}, 'caller', ['token', 'introspection', 'revocation']],
    [
      'a caller, where introspection names nobody',
      { introspection: application },
      'caller',
      ['token', 'introspection', 'revocation'],
    ],
    ['a caller, where introspection names its own', { introspection: own('other') }, 'caller', ['token', 'revocation']],
    ['one that introspection names', { introspection: own('other') }, 'other', ['introspection']],
    ['a caller, where revocation names its own', { revocation: own('other') }, 'caller', ['token', 'introspection']],
    ['one that revocation names', { revocation: own('other') }, 'other', ['revocation']],
    ['nobody', {}, 'other', []],
  ])('%s', (_name, changes, role, uses) => {
    const profiles = new Map([['orders', profile({ ...base, ...changes })]]);
    for (const use of ['token', 'introspection', 'revocation'] as const) {
      const result = authorize(profiles, 'orders', principal({ role }), use);
      const list = use === 'token' ? 'the profile' : `${use} of the profile`;
      const refused = { ok: false, error: { kind: 'not_allowed', detail: `${list} does not list this caller` } };
      expect(result).toEqual(uses.includes(use) ? { ok: true, value: profiles.get('orders') } : refused);
    }
  });
});

describe('scopes of an exchange', () => {
  const aud = 'urn:zitadel:iam:org:project:id:1:aud';
  const noAudience = {
    ok: false,
    error: {
      kind: 'invalid_scope',
      detail: 'the scopes name no audience: also request urn:zitadel:iam:org:project:id:{project}:aud, or omit scope',
    },
  };
  const spaces = { ok: false, error: { kind: 'invalid_scope', detail: 'scopes must be separated by single spaces' } };
  const foreign = {
    ok: false,
    error: { kind: 'invalid_scope', detail: 'this profile does not grant one of the scopes' },
  };
  const scopes = ['a', aud];
  const rules = { scopes, subjectTokenTypes: [], requestedTokenTypes: [], audiences: [], impersonation: false };

  test.each<[requested: string | undefined, ofCallers: object, ofSubject: object, own: object]>([
    [undefined, { ok: true, value: scopes }, { ok: true, value: scopes }, { ok: true, value: scopes }],
    [aud, { ok: true, value: [aud] }, { ok: true, value: [aud] }, { ok: true, value: [aud] }],
    [`${aud} a`, { ok: true, value: scopes }, { ok: true, value: scopes }, { ok: true, value: scopes }],
    ['a', noAudience, noAudience, { ok: true, value: ['a'] }],
    ['b', foreign, foreign, foreign],
    ['a  a', spaces, spaces, spaces],
    ['', spaces, spaces, spaces],
  ])('%j', (requested, ofCallers, ofSubject, own) => {
    expect(grantExchangeScopes(rules, requested)).toEqual(ofCallers);
    expect(grantScopes(profile({ scopes, subject: 'x', inherited: scopes }), requested)).toEqual(ofSubject);
    expect(grantScopes(profile({ scopes }), requested)).toEqual(own);
  });
});

describe('a failure', () => {
  const away = (retryAfterMs: number): BrokerError => ({
    kind: 'unavailable',
    dependency: 'zitadel',
    detail: 'x',
    retryAfterMs,
  });
  const error = (
    kind: 'credential_refused' | 'credential_unusable' | 'unexpected_answer' | 'not_allowed',
  ): BrokerError => ({ kind, detail: 'x' });

  test('is a suspicion against a credential, where it may be the credential’s', () => {
    const failure = (of: BrokerError, credential?: string) =>
      createFailure({ error: of, ...(credential && { credential }) }, { now: NOW, earlier: 0, random: 0 });
    expect(isSuspicionAgainst(failure(away(0), 'c1'), 'c1')).toBe(true);
    expect(isSuspicionAgainst(failure(away(0), 'c1'), 'c2')).toBe(false);
    expect(isSuspicionAgainst(failure(away(0)), 'c1')).toBe(false);
    expect(isSuspicionAgainst(failure(error('credential_refused'), 'c1'), 'c1')).toBe(false);
    expect(isSuspicionAgainst(undefined, 'c1')).toBe(false);
  });

  test.each<[of: BrokerError, context: object, untilMs: number]>([
    [away(7_000), {}, 7_000],
    [error('unexpected_answer'), {}, 2_000],
    [error('credential_refused'), {}, 30_000],
    [error('credential_refused'), { until: plus(NOW, 5) }, 5],
    [error('unexpected_answer'), { until: plus(NOW, 5) }, 2_000],
  ])('%j %j ends after %i ms', (of, context, untilMs) => {
    const failure = createFailure({ error: of, ...context }, { now: NOW, earlier: 0, random: 0 });
    expect(failure).toEqual({ error: of, until: plus(NOW, untilMs), count: 1 });
  });

  test('of a subject is marked', () => {
    const failure = createFailure({ error: away(0), ofSubject: true }, { now: NOW, earlier: 0, random: 0 });
    expect(failure.ofSubject).toBe(true);
    expect(failureToRow(failure)).toEqual({ failedUntil: failure.until, failure: 'unavailable', failures: 1 });
  });

  test.each([
    [31_000, true],
    [31_001, false],
  ])('that ends in %i ms stands: %s', (ms, expected) => {
    expect(stands({ error: away(0), until: plus(NOW, ms), count: 1 }, NOW)).toBe(expected);
  });

  test.each<[of: BrokerError, nowMs: number, retryAfterMs: number | undefined]>([
    [away(0), 500, 1_500],
    [away(0), 2_500, 0],
    [error('unexpected_answer'), 500, 1_500],
    [error('credential_refused'), 500, 2_000],
    [error('credential_unusable'), 500, 2_000],
    [error('not_allowed'), 500, undefined],
  ])('%j, %i ms later: to be tried again in %s ms', (of, nowMs, retryAfterMs) => {
    const current = currentError({ error: of, until: plus(NOW, 2_000), count: 1 }, plus(NOW, nowMs));
    expect(current).toEqual({ ...of, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  });

  test.each<[row: object, expected: object | undefined]>([
    [{}, undefined],
    [
      { failedUntil: NOW, failure: 'credential_refused', failures: 2 },
      { error: { kind: 'credential_refused' }, count: 2 },
    ],
    [
      { failedUntil: NOW, failure: 'unexpected_answer' },
      { error: { kind: 'unexpected_answer' }, count: 1 },
    ],
    [{ failedUntil: NOW, failure: 'x' }, { error: { kind: 'unavailable', dependency: 'zitadel', retryAfterMs: 0 } }],
  ])('in the row %j', (row, expected) => {
    const failure = failureFromRow(row);
    expect(failure === undefined).toBe(expected === undefined);
    if (expected === undefined) return;
    expect(failure).toMatchObject({ until: NOW, ...expected });
    expect(failure?.error.detail).toBe('another sandbox has just failed; its log says why');
    expect(failure !== undefined && 'credential' in failure).toBe(false);
  });
});

test.each([
  [0, 0, true],
  [0, 4_000, true],
  [0, 4_001, false],
  [4_000, 0, true],
  [4_001, 0, false],
])('of 7 s, %i ms later, another request may follow in %i ms: %s', (passedMs, delayMs, expected) => {
  const clock = { now: () => plus(NOW, passedMs), after: () => expect.unreachable() };
  expect(mayRepeatUntil(clock, plus(NOW, 7_000))(delayMs)).toBe(expected);
});
