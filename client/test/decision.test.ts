import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Decision, decide, elapsedMs, type Instant, type Known, keep } from '../src/decision.ts';

const T0 = 1_795_438_700_000;
const S0 = 70_000;
/** After ms of both clocks; the wall's can be told apart. */
const after = (ms: number, wallMs = ms): Instant => ({ wall: T0 + wallMs, steady: S0 + ms });
const HOUR = 3_600_000;

/** Half a jitter: renewed at 75 %. */
const kept = keep({ token: 'token', lifeMs: HOUR }, after(0), 0.5);
const held = (since: Instant, holdMs = 30_000) => ({ error: new Error('held'), since, holdMs });

describe('what a call gets', () => {
  // biome-ignore format: one case a line
  test.each<readonly [string, Known, Instant, Decision]>([
    ['nothing is known', {}, after(0), 'wait'],
    ['the token is new', { kept }, after(0), 'serve'],
    ['just before 75 % of its life', { kept }, after(0.75 * HOUR - 1), 'serve'],
    ['at 75 % of its life', { kept }, after(0.75 * HOUR), 'renew'],
    ['5 s and 1 ms before its end', { kept }, after(HOUR - 5_001), 'renew'],
    ['5 s before its end', { kept }, after(HOUR - 5_000), 'wait'],
    ['long after its end', { kept }, after(9 * HOUR), 'wait'],
    ['the renewal failed just now', { kept, held: held(after(0.8 * HOUR)) }, after(0.8 * HOUR + 29_999), 'serve'],
    ['the renewal failed a while ago', { kept, held: held(after(0.8 * HOUR)) }, after(0.8 * HOUR + 30_000), 'renew'],
    ['the renewal failed, and the token has ended', { kept, held: held(after(HOUR - 9_000)) }, after(HOUR), 'refuse'],
    ['the request failed just now', { held: held(after(0)) }, after(29_999), 'refuse'],
    ['the request failed a while ago', { held: held(after(0)) }, after(30_000), 'wait'],
    ['the wall clock jumps an hour back', { kept }, after(HOUR, 0), 'wait'],
    ['the wall clock jumps an hour ahead', { kept }, after(0, HOUR), 'wait'],
    ['the steady clock stood still while the sandbox was frozen', { kept }, after(0, 0.8 * HOUR), 'renew'],
    ['a jump back does not prolong a hold', { held: held(after(0)) }, after(30_000, -HOUR), 'wait'],
    ['both clocks behind', { kept }, after(-1_000, -1_000), 'serve'],
  ])('%s', (_name, known, now, decision) => expect(decide(known, now)).toBe(decision));
});

test.each([
  [HOUR, HOUR - 5_000],
  [5_000, 4_500],
])('a life of %d ms is used for %d ms', (lifeMs, usableForMs) => {
  expect(keep({ token: 'token', lifeMs }, after(0), 0.5).usableForMs).toBe(usableForMs);
});

test('the jitter spreads renewals over 70 to 80 % of the life', () => {
  const [least, most] = [0, 1].map((random) => keep({ token: 'token', lifeMs: 1_000 }, after(0), random).renewAfterMs);
  expect([least, most]).toEqual([expect.closeTo(700), expect.closeTo(800)]);
});

test('no token is handed out that has expired by either clock', () => {
  const ms = fc.integer({ min: -2 * HOUR, max: 2 * HOUR });
  const check = fc.property(
    fc.integer({ min: 1, max: HOUR }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    ms,
    ms,
    (life, random, wallMs, steadyMs) => {
      const now = after(steadyMs, wallMs);
      const decision = decide({ kept: keep({ token: 'token', lifeMs: life }, after(0), random) }, now);
      if (decision === 'serve' || decision === 'renew') expect(elapsedMs(after(0), now)).toBeLessThan(life);
    },
  );
  fc.assert(check, { numRuns: 2_000 });
});
