import { describe, expect, test } from 'vitest';
import { redacted } from '../../lib/core/redacted.ts';
import { instant, plus } from '../../lib/core/time.ts';
import { createLog, type RequestRecord } from '../../lib/http/log.ts';

const NOW = instant(1_795_438_700_000);
const token = {
  accessToken: redacted('canary-token'),
  earnedAt: NOW,
  expiresAt: plus(NOW, 60_000),
  refreshAt: plus(NOW, 45_000),
};

const RECORD: RequestRecord = {
  at: NOW,
  requestId: 'XV9adjPaFiAEMcA=',
  route: 'token',
  profile: 'orders',
  caller: { kind: 'iam_role', partition: 'aws', account: '123456789012', role: 'orders-service' },
  status: 200,
  durationMs: 0,
  obtained: { token, source: 'memory' },
};

function lineOf(record: RequestRecord): string {
  const lines: string[] = [];
  createLog('zitadel-token-broker-prod', (line) => lines.push(line)).request(record);
  expect(lines).toHaveLength(1);
  return lines[0] ?? '';
}

test('a warm hit is one line of at most 420 bytes, log, audit record and metric at once', () => {
  const line = lineOf(RECORD);
  expect(Buffer.byteLength(line)).toBeLessThanOrEqual(420);
  expect(line).not.toMatch(/\n|canary/);
  expect(JSON.parse(line)).toEqual({
    _aws: {
      Timestamp: NOW,
      CloudWatchMetrics: [{ Namespace: 'zitadel-token-broker-prod', Dimensions: [[]], Metrics: [{ Name: 'Hits' }] }],
    },
    level: 'info',
    route: 'token',
    profile: 'orders',
    caller: '123456789012:orders-service',
    status: 200,
    ms: 0,
    source: 'memory',
    token: expect.stringMatching(/^[\w-]{12}$/),
    id: 'XV9adjPaFiAEMcA=',
    Hits: 1,
  });
});

const refused = { kind: 'credential_refused', detail: 'status 400' } as const;
const failed = (error: RequestRecord['error'], status: number): RequestRecord => {
  const { obtained: _obtained, ...rest } = RECORD;
  return { ...rest, status, ...(error === undefined ? {} : { error }) };
};

describe('what is counted', () => {
  test.each<[string, RequestRecord, string, object]>([
    ['an exchange', { ...RECORD, obtained: { token, source: 'exchange' }, issued: 1 }, 'info', { Exchanges: 1 }],
    ['a token from the table', { ...RECORD, obtained: { token, source: 'store' } }, 'info', { Hits: 1 }],
    [
      'a renewal that failed',
      { ...RECORD, obtained: { token, source: 'memory', failure: { error: refused, until: NOW, count: 1 } } },
      'warn',
      { Hits: 1, RenewalsFailed: 1, CredentialRefused: 1 },
    ],
    ['a refused credential', failed(refused, 502), 'error', { CredentialRefused: 1 }],
    [
      'a secret that cannot serve',
      failed({ kind: 'credential_unusable', detail: 'x' }, 502),
      'error',
      { CredentialRefused: 1 },
    ],
    [
      'something away',
      failed({ kind: 'unavailable', dependency: 'zitadel', detail: 'x', retryAfterMs: 1 }, 503),
      'error',
      { Unavailable: 1 },
    ],
    ['a bug', { ...failed(undefined, 500), bug: { name: 'TypeError' } }, 'error', { Bugs: 1 }],
    [
      'what is away, although the request was served',
      {
        ...RECORD,
        obtained: { token, source: 'memory' },
        degraded: [{ what: 'table', since: NOW, detail: 'ThrottlingException' }],
      },
      'warn',
      { Hits: 1, TableAway: 1 },
    ],
  ])('%s', (_name, record, level, metrics) => {
    const line = JSON.parse(lineOf(record));
    expect(line).toMatchObject({ level, ...metrics });
    const defined = line._aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name);
    expect(defined).toEqual(Object.keys(metrics));
  });

  test('nothing, for a request of the caller that is at fault', () => {
    const line = JSON.parse(lineOf(failed({ kind: 'invalid_scope', detail: 'x' }, 400)));
    expect(line).toMatchObject({ time: NOW, level: 'warn', error: { kind: 'invalid_scope', detail: 'x' } });
    expect(line).not.toHaveProperty('_aws');
  });
});
