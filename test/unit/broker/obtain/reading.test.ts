import { describe, expect, test } from 'vitest';
import { type Judgement, judgeRow, readRow } from '../../../../lib/broker/obtain/reading.ts';
import { CLOCK_SKEW_MS, LEASE_MS } from '../../../../lib/broker/store/lease.ts';
import { credentialId, sealToken } from '../../../../lib/broker/store/seal.ts';
import type { Row } from '../../../../lib/broker/store/table.ts';
import type { CacheKey } from '../../../../lib/broker/token/demand.ts';
import type { Token } from '../../../../lib/broker/token/freshness.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { instant, MINUTE_MS, plus, SECOND_MS } from '../../../../lib/core/time.ts';
import { parseCredential } from '../../../../lib/zitadel/credential.ts';

const NOW = instant(1_795_438_700_000);
const KEY = 'one' as string as CacheKey;
const LIFE_MS = 60 * MINUTE_MS;
const LIMITS = { now: NOW, minValidityMs: MINUTE_MS, aheadMs: 0 };

const token = (leftMs: number): Token => {
  const expiresAt = plus(NOW, leftMs);
  const obtainedAt = plus(expiresAt, -LIFE_MS);
  return { accessToken: redacted('a-token'), obtainedAt, expiresAt, refreshAt: plus(obtainedAt, 0.75 * LIFE_MS) };
};
const FRESH = token(50 * MINUTE_MS);
const DUE = token(10 * MINUTE_MS);
const LOW = token(30 * SECOND_MS);

function hold(clientSecret: string) {
  const credential = parseCredential(redacted(JSON.stringify({ clientId: 'a', clientSecret })));
  if (!credential.ok) throw new Error('no credential');
  return { credential: credential.value, id: credentialId(credential.value) };
}
const held = hold('s3cr3t');
const other = hold('another');

const rowOf = (stored: Token, by = held, key = KEY): Row => ({ sealed: sealToken(stored, key, by), credential: by.id });

describe('the token in a row', () => {
  const never = () => false;
  test.each<[string, Row, string, Partial<Parameters<typeof readRow>[1]>?]>([
    ['an empty row', {}, 'nothing'],
    ['a token', rowOf(FRESH), 'token'],
    ['a token that is void', rowOf(FRESH), 'nothing', { isVoid: () => true }],
    ['a token that was rejected', rowOf(FRESH), 'nothing', { rejected: token(MINUTE_MS) }],
    ['another than the rejected one', rowOf(FRESH), 'token', { rejected: { ...FRESH, accessToken: redacted('b') } }],
    ['a token from the future', rowOf(token(LIFE_MS + MINUTE_MS)), 'nothing'],
    [
      'a token from the future, by a clock that is behind',
      rowOf(token(LIFE_MS + MINUTE_MS)),
      'token',
      { aheadMs: -MINUTE_MS },
    ],
    ['a token that is now from the future', rowOf(FRESH), 'nothing', { aheadMs: 11 * MINUTE_MS }],
    ['a token of another key', rowOf(FRESH, held, 'two' as string as CacheKey), 'nothing'],
    ['a token sealed with another credential', rowOf(FRESH, other), 'foreign'],
    ['the name of another credential', { ...rowOf(FRESH), credential: other.id }, 'foreign'],
    ['a seal that is broken', { sealed: 'x', credential: held.id }, 'nothing'],
  ])('%s', (_name, row, kind, reader = {}) => {
    const known = { key: KEY, held, now: NOW, aheadMs: 0, maxAgeMs: undefined, rejected: undefined, isVoid: never };
    expect(readRow(row, { ...known, ...reader }).kind).toBe(kind);
  });

  test('a limit that the profile has now holds for what was stored before', () => {
    const known = {
      key: KEY,
      held,
      now: NOW,
      aheadMs: 0,
      maxAgeMs: 20 * MINUTE_MS,
      rejected: undefined,
      isVoid: never,
    };
    const read = readRow(rowOf(FRESH), known);
    expect(read.kind === 'token' && read.token.expiresAt - read.token.obtainedAt).toBe(20 * MINUTE_MS);
  });
});

describe('what is done with a row', () => {
  const leased: Row = { owner: 'another', leaseUntil: plus(NOW, SECOND_MS) };
  const failed: Row = { failedUntil: plus(NOW, SECOND_MS), failure: 'unavailable', failures: 1 };
  const serve = (served: Token): Judgement => ({ step: 'serve', token: served });

  test.each<[string, Row, Token | undefined, Judgement | Judgement['step'], { aheadMs?: number }?]>([
    ['nothing', {}, undefined, 'acquire'],
    ['nothing, leased', leased, undefined, 'wait'],
    [
      'nothing, the lease is over',
      { owner: 'another', leaseUntil: plus(NOW, -CLOCK_SKEW_MS - 1) },
      undefined,
      'acquire',
    ],
    [
      'a lease longer than any',
      { owner: 'another', leaseUntil: plus(NOW, LEASE_MS + MINUTE_MS) },
      undefined,
      'acquire',
    ],
    ['nothing, failed', failed, undefined, 'report_failure'],
    ['nothing, failed and leased', { ...failed, ...leased }, undefined, 'report_failure'],
    ['nothing, the failure is over', { ...failed, failedUntil: NOW }, undefined, 'acquire'],
    ['nothing, another credential failed', { ...failed, failedCredential: other.id }, undefined, 'acquire'],
    ['nothing, this credential failed', { ...failed, failedCredential: held.id }, undefined, 'report_failure'],
    ['a fresh token', {}, FRESH, serve(FRESH)],
    ['a fresh token, leased and failed', { ...failed, ...leased }, FRESH, serve(FRESH)],
    ['a token that falls due within the time', {}, FRESH, 'acquire', { aheadMs: 40 * MINUTE_MS }],
    ['a token that is due', {}, DUE, 'acquire'],
    ['a token that is due, leased', leased, DUE, serve(DUE)],
    ['a token that is due, failed', failed, DUE, 'report_failure'],
    ['a token below its minimum', {}, LOW, 'acquire'],
    ['a token below its minimum, leased', leased, LOW, 'wait'],
    ['a token below its minimum, failed', failed, LOW, 'report_failure'],
  ])('%s', (_name, row, stored, judgement, { aheadMs = 0 } = {}) => {
    const judged = judgeRow(row, stored, { ...LIMITS, aheadMs, held });
    if (typeof judgement === 'string') expect(judged.step).toBe(judgement);
    else expect(judged).toEqual(judgement);
    if (judged.step === 'report_failure') expect(judged.failure.until).toBe(row.failedUntil);
  });
});
