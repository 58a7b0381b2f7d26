import { describe, expect, test } from 'vitest';
import { LEAST_TIME_MS } from '../../../../lib/broker/credentials/deadline.ts';
import {
  type Action,
  decide,
  type Entry,
  fallBack,
  isOutdated,
  NOTHING,
  type Renewed,
  remember,
  settle,
} from '../../../../lib/broker/obtain/entry.ts';
import { LONGEST_PAUSE_MS } from '../../../../lib/broker/store/failure.ts';
import type { Token } from '../../../../lib/broker/token/freshness.ts';
import type { BrokerError } from '../../../../lib/core/error.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok } from '../../../../lib/core/result.ts';
import { instant, MINUTE_MS, plus, SECOND_MS } from '../../../../lib/core/time.ts';

const NOW = instant(1_795_438_700_000);
const LIFE_MS = 60 * MINUTE_MS;
const minValidityMs = MINUTE_MS;

/** A token of an hour, with so much left; due for its last quarter. */
const token = (leftMs: number, name = 'a', lifeMs = LIFE_MS): Token => {
  const expiresAt = plus(NOW, leftMs);
  const obtainedAt = plus(expiresAt, -lifeMs);
  return { accessToken: redacted(name), obtainedAt, expiresAt, refreshAt: plus(obtainedAt, 0.75 * lifeMs) };
};

const DOWN: BrokerError = { kind: 'unavailable', dependency: 'zitadel', detail: 'down', retryAfterMs: 0 };
const failure = (forMs: number, credential?: string) => ({
  error: DOWN,
  until: plus(NOW, forMs),
  count: 1,
  ...(credential === undefined ? {} : { credential }),
});

const FRESH = token(50 * MINUTE_MS);
const DUE = token(10 * MINUTE_MS);
const LOW = token(30 * SECOND_MS);
const DEAD = token(4 * SECOND_MS);
const EQUAL = token(50 * MINUTE_MS, 'b');
const SHORTEST = token(19_000, 'b', 19_000);

describe('what is done with an entry', () => {
  const recent = failure(-SECOND_MS);
  const standing = failure(SECOND_MS);
  const serve = (served: Token): Action => ({ kind: 'serve', token: served });
  const report = (reported: NonNullable<Entry['failure']>): Action => ({ kind: 'report', failure: reported });

  test.each<[string, Entry, Action, { leftMs?: number; credential?: string }?]>([
    ['nothing', NOTHING, { kind: 'renew' }],
    ['a fresh token', { token: FRESH }, serve(FRESH)],
    ['a fresh token, although a renewal failed', { token: FRESH, failure: standing }, serve(FRESH)],
    ['a token that is due', { token: DUE }, { kind: 'serve_due' }],
    ['a token that is due, just looked for', { token: DUE, quietUntil: plus(NOW, 1) }, serve(DUE)],
    ['a token that is due, looked for a while ago', { token: DUE, quietUntil: NOW }, { kind: 'serve_due' }],
    ['a token that is due, no time to renew it', { token: DUE }, serve(DUE), { leftMs: LEAST_TIME_MS - 1 }],
    ['a token that is due, just enough time', { token: DUE }, { kind: 'serve_due' }, { leftMs: LEAST_TIME_MS }],
    ['a token that is due, its renewal failed', { token: DUE, failure: standing }, report(standing)],
    ['a token that is due, its renewal may be tried again', { token: DUE, failure: recent }, { kind: 'serve_due' }],
    ['a token below its minimum', { token: LOW }, { kind: 'renew' }],
    ['a token below its minimum, failed', { token: LOW, failure: standing }, report(standing)],
    [
      'a token below its minimum, failed just now',
      { token: LOW, failure: recent },
      { kind: 'serve_due', failed: recent },
    ],
    ['a token below its minimum, failed long ago', { token: LOW, failure: failure(-MINUTE_MS) }, { kind: 'renew' }],
    ['a token that is dead', { token: DEAD }, { kind: 'renew' }],
    ['a token that is dead, failed just now', { token: DEAD, failure: recent }, { kind: 'renew' }],
    ['a failure', { failure: standing }, report(standing)],
    ['a failure that is over', { failure: failure(0) }, { kind: 'renew' }],
    ['a failure longer than any', { failure: failure(LONGEST_PAUSE_MS + MINUTE_MS) }, { kind: 'renew' }],
    ['a refusal of this credential', { failure: failure(SECOND_MS, 'old') }, report(failure(SECOND_MS, 'old'))],
    [
      'a refusal of another credential',
      { failure: failure(SECOND_MS, 'old') },
      { kind: 'renew' },
      { credential: 'new' },
    ],
  ])('%s', (_name, entry, action, { leftMs = 10 * SECOND_MS, credential = 'old' } = {}) => {
    expect(decide(entry, { now: NOW, minValidityMs, leftMs, credential })).toEqual(action);
  });
});

describe('what is remembered of a renewal', () => {
  const standing = failure(SECOND_MS);
  const found = (of: Token, more: { failure?: NonNullable<Entry['failure']> } = {}): Renewed =>
    ok({ token: of, source: 'store', ...more });
  const quietUntil = plus(NOW, SECOND_MS);

  test.each<[string, Entry, Renewed, Entry, { isGood?: boolean }?]>([
    ['a token', NOTHING, found(FRESH), { token: FRESH }],
    ['a token, and no failure any more', { failure: standing }, found(FRESH), { token: FRESH }],
    ['a token that is due: not looked for again at once', NOTHING, found(DUE), { token: DUE, quietUntil }],
    [
      'a token whose renewal failed',
      NOTHING,
      found(DUE, { failure: standing }),
      { token: DUE, failure: standing, quietUntil },
    ],
    ['a token too short to be kept', { token: DUE }, found(token(10_000, 'b', 18_999)), { token: DUE }],
    ['a token just long enough', NOTHING, found(SHORTEST), { token: SHORTEST }],
    ['the longer one of two', { token: FRESH }, found(DUE), { token: FRESH }],
    ['the new one of two equals', { token: FRESH }, found(EQUAL), { token: EQUAL }],
    ['not one that is void or refused', { token: FRESH }, found(DUE), { token: DUE, quietUntil }, { isGood: false }],
    ['a failure beside the token', { token: DUE, quietUntil }, fail(standing), { token: DUE, failure: standing }],
    [
      'a failure beside a refused token',
      { token: DUE },
      fail(standing),
      { token: DUE, failure: standing },
      { isGood: false },
    ],
    ['a failure', NOTHING, fail(standing), { failure: standing }],
  ])('%s', (_name, entry, renewed, after, { isGood = true } = {}) => {
    expect(remember(entry, renewed, { now: NOW, minValidityMs, isGood })).toEqual(after);
  });

  test('a token too short to be kept leaves the entry itself', () => {
    expect(remember(NOTHING, found(token(10_000, 'b', 10_000)), { now: NOW, minValidityMs, isGood: false })).toBe(
      NOTHING,
    );
  });
});

test.each<[string, Entry, boolean]>([
  ['none', NOTHING, false],
  ['5 s left', { token: token(5 * SECOND_MS) }, true],
  ['less', { token: token(5 * SECOND_MS - 1) }, false],
])('a failed renewal falls back on the token in memory: %s', (_name, entry, isServed) => {
  const reason = failure(SECOND_MS);
  expect(fallBack(entry, DOWN, { now: NOW, failure: reason })).toEqual(
    isServed ? ok({ token: entry.token, source: 'memory', failure: reason }) : fail(DOWN),
  );
  expect(settle(entry, fail(reason), { now: NOW, isMine: true })).toEqual(
    isServed
      ? ok({ token: entry.token, source: 'memory', failure: reason })
      : fail({ ...DOWN, retryAfterMs: SECOND_MS }),
  );
  expect(fallBack({ token: FRESH }, DOWN, { now: NOW })).toEqual(ok({ token: FRESH, source: 'memory' }));
});

test.each<[string, Token, boolean, boolean]>([
  ['fresh', FRESH, false, false],
  ['due', DUE, false, false],
  ['below its minimum', LOW, false, true],
  ['below its minimum, and its renewal failed', LOW, true, false],
  ['dead', DEAD, false, true],
  ['dead, and its renewal failed', DEAD, true, true],
])('whether a renewal gave a token that is outdated: %s', (_name, of, hasFailed, isOver) => {
  const obtained = { token: of, source: 'store' as const, ...(hasFailed ? { failure: failure(SECOND_MS) } : {}) };
  expect(isOutdated(obtained, { now: NOW, minValidityMs })).toBe(isOver);
});

test.each([
  ['issued', true, 'issued'],
  ['issued', false, 'memory'],
  ['store', true, 'store'],
  ['store', false, 'store'],
] as const)('a renewal from %s, own: %s, is from %s for the caller', (source, isMine, told) => {
  expect(settle(NOTHING, ok({ token: FRESH, source }), { now: NOW, isMine })).toEqual(
    ok({ token: FRESH, source: told }),
  );
});
