import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Principal, RolePrincipal } from '../../../../lib/broker/profiles/caller.ts';
import {
  type Allowance,
  admit,
  type CallerRate,
  createCallerLimit,
  parseCallerRate,
  REMEMBERED_CALLERS,
} from '../../../../lib/broker/profiles/caller-rate.ts';
import { createIntrospectFunction } from '../../../../lib/compose/introspect.ts';
import { instant, plus } from '../../../../lib/core/time.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const NOW = instant(1_795_438_700_000);

describe('the parameter', () => {
  test.each<[text: string | undefined, rate: CallerRate | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['0', undefined],
    ['0.5', { perSecond: 0.5, burst: 10 }],
    ['5', { perSecond: 5, burst: 10 }],
    ['50', { perSecond: 50, burst: 100 }],
  ])('%s', (text, rate) => expect(parseCallerRate(text)).toEqual(rate));

  test.each(['x', '-1', 'Infinity', 'NaN', '10/s'])('%s starts no function', (text) => {
    const message = 'CALLER_RATE must be a number of requests per second';
    expect(() => parseCallerRate(text)).toThrow(message);
    expect(() => createIntrospectFunction(new Map(), { CALLER_RATE: text })).toThrow(message);
  });
});

describe('one request', () => {
  const rate: CallerRate = { perSecond: 4, burst: 10 };
  const left = (requests: number): Allowance => ({ requests, at: NOW });
  test.each<[name: string, allowance: Allowance | undefined, afterMs: number, requests: number, retryAfterMs?: number]>(
    [
      ['of a caller that is new', undefined, 0, 9],
      ['of the rest', left(3), 0, 2],
      ['the last one', left(1), 0, 0],
      ['one too many', left(0), 0, 0, 250],
      ['one that comes a little early', left(0), 100, 0.4, 150],
      ['one that comes in time', left(0), 250, 0],
      ['after a long pause, of one burst', left(0), 3_600_000, 9],
      ['with the clock set back, of what was left', left(3), -3_600_000, 2],
      ['with the clock set back, and nothing left', left(0), -3_600_000, 0, 250],
    ],
  )('%s', (_name, allowance, afterMs, requests, retryAfterMs) => {
    const now = plus(NOW, afterMs);
    expect(admit(allowance, now, rate)).toEqual({
      isAllowed: retryAfterMs === undefined,
      left: { requests, at: now },
      retryAfterMs: retryAfterMs ?? 0,
    });
  });
});

/** Which of a caller's requests are let in, each with the instant at which it comes. */
function run(rate: CallerRate, gapsMs: readonly number[]) {
  let allowance: Allowance | undefined;
  let now = NOW;
  return gapsMs.map((gapMs) => {
    now = plus(now, gapMs);
    const { isAllowed, left } = admit(allowance, now, rate);
    allowance = left;
    return { now, isAllowed };
  });
}

const rates = fc
  .double({ min: 0.01, max: 1_000, noNaN: true })
  .map((perSecond) => parseCallerRate(String(perSecond)) as CallerRate);
/** Rounding of sums of fractions. */
const EPSILON = 1e-6;

describe('of any caller', () => {
  test('in any window, at most a burst and what the rate gives are let in', () => {
    fc.assert(
      fc.property(rates, fc.array(fc.nat(3_000), { maxLength: 60 }), (rate, gaps) => {
        const taken = run(rate, gaps).filter(({ isAllowed }) => isAllowed);
        for (let from = 0; from < taken.length; from += 1) {
          for (let to = from; to < taken.length; to += 1) {
            const seconds = ((taken[to]?.now ?? 0) - (taken[from]?.now ?? 0)) / 1_000;
            expect(to - from + 1).toBeLessThanOrEqual(rate.burst + rate.perSecond * seconds + EPSILON);
          }
        }
      }),
    );
  });

  test('whoever keeps to the rate is never refused, nor is a burst after a pause', () => {
    fc.assert(
      fc.property(rates, fc.array(fc.nat(3_000), { maxLength: 60 }), (rate, more) => {
        const gaps = more.map((ms) => Math.ceil(1_000 / rate.perSecond) + ms);
        const pause = Math.ceil((rate.burst / rate.perSecond) * 1_000);
        const burst = [pause, ...Array.from({ length: Math.floor(rate.burst) - 1 }, () => 0)];
        expect(run(rate, [...gaps, ...burst]).filter(({ isAllowed }) => !isAllowed)).toEqual([]);
      }),
    );
  });

  test('a clock that is set back and forth lets in no more than its steps forward give', () => {
    fc.assert(
      fc.property(rates, fc.array(fc.integer({ min: -100_000, max: 3_000 }), { maxLength: 60 }), (rate, gaps) => {
        const forwardMs = gaps.reduce((sum, ms) => sum + Math.max(0, ms), 0);
        const taken = run(rate, gaps).filter(({ isAllowed }) => isAllowed).length;
        expect(taken).toBeLessThanOrEqual(rate.burst + (rate.perSecond * forwardMs) / 1_000 + EPSILON);
        const refused = run(rate, gaps.slice(0, rate.burst)).filter(({ isAllowed }) => !isAllowed);
        expect(refused).toEqual([]);
      }),
    );
  });
});

describe('the limit of a sandbox', () => {
  const RATE: CallerRate = { perSecond: 1, burst: 10 };
  const role = (name: string, changes: Partial<RolePrincipal> = {}): RolePrincipal => ({
    kind: 'iam_role',
    partition: 'aws',
    account: '123456789012',
    role: name,
    ...changes,
  });

  function loop(limit: ReturnType<typeof createCallerLimit>, caller: Principal, times: number): number {
    return Array.from({ length: times }, () => limit(caller)).filter(({ ok }) => ok).length;
  }

  test('says what is exceeded and when to come again', async () => {
    const clock = createFakeClock(NOW);
    const limit = createCallerLimit(clock, RATE);
    expect(loop(limit, role('loops'), 30)).toBe(10);
    const detail = 'the caller exceeds callerRate: 1 requests per second';
    expect(limit(role('loops'))).toEqual({
      ok: false,
      error: { kind: 'caller_throttled', detail, retryAfterMs: 1_000 },
    });
    await clock.advance(3_000);
    expect(loop(limit, role('loops'), 30)).toBe(3);
  });

  test.each<[string, Principal]>([
    ['role', role('other')],
    ['account', role('loops', { account: '210987654321' })],
    ['partition', role('loops', { partition: 'aws-cn' })],
  ])('another %s has its own', (_name, other) => {
    const limit = createCallerLimit(createFakeClock(NOW), RATE);
    loop(limit, role('loops'), 30);
    expect(loop(limit, other, 30)).toBe(10);
  });

  test('a flood of as many callers as are remembered forgets no runaway', () => {
    const limit = createCallerLimit(createFakeClock(NOW), RATE);
    let taken = loop(limit, role('loops'), 30);
    for (let round = 0; round < 3; round += 1) {
      for (let other = 1; other < REMEMBERED_CALLERS; other += 1) limit(role(`${round}-${other}`));
      taken += loop(limit, role('loops'), 1);
    }
    expect(taken).toBe(10);
  });
});
