import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COSTS } from '../../../lib/broker/credentials/health.ts';
import type { Prewarmed } from '../../../lib/broker/obtain/prewarm.ts';
import { fingerprint } from '../../../lib/core/digest.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { instant, plus } from '../../../lib/core/time.ts';
import { createLog, type LogOptions, type RequestRecord } from '../../../lib/http/log.ts';

const NOW = instant(1_795_438_700_000);
const token = {
  accessToken: redacted('canary-token'),
  obtainedAt: NOW,
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

/** The line of a request that is not the first of its sandbox. */
function lineOf(record: RequestRecord, options: LogOptions = {}): string {
  const lines: string[] = [];
  const log = createLog('zitadel-token-broker-prod', (line) => lines.push(line), options);
  log.request(RECORD);
  log.request(record);
  expect(lines).toHaveLength(2);
  return lines[1] ?? '';
}

const TRACE = '1-5759e988-bd862e3fe1be46a994272793';

test.each([{}, { isByProfile: true }])(
  'a warm hit with a trace is one line of at most 480 bytes, with %o',
  (options) => {
    const day = { ...token, expiresAt: plus(NOW, 43_198_000) };
    const obtained = { token: day, source: 'memory' } as const;
    const line = lineOf({ ...RECORD, trace: TRACE, issuer: 'https://a.example', durationMs: 1, obtained }, options);
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(480);
    expect(JSON.parse(line)).toMatchObject({ trace: TRACE, SecondsLeft: 43_197 });
  },
);

test('a warm hit is log, audit record and metric at once', () => {
  const line = lineOf(RECORD);
  expect(line).not.toMatch(/\n|canary/);
  expect(JSON.parse(line)).toEqual({
    _aws: {
      Timestamp: NOW,
      CloudWatchMetrics: [
        {
          Namespace: 'zitadel-token-broker-prod',
          Dimensions: [[]],
          Metrics: [{ Name: 'Hits' }, { Name: 'SecondsLeft' }],
        },
      ],
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
    SecondsLeft: 60,
  });
});

const refused = { kind: 'credential_refused', detail: 'status 400' } as const;
const failed = (error: RequestRecord['error'], status: number): RequestRecord => {
  const { obtained: _obtained, ...rest } = RECORD;
  return { ...rest, status, ...(error === undefined ? {} : { error }) };
};

test('a line is JSON, whatever a caller is called', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (subject, requestId) => {
      const caller = { kind: 'federated', issuer: 'github', subject, claims: {} } as const;
      expect(JSON.parse(lineOf({ ...RECORD, requestId, caller }))).toMatchObject({
        caller: `github:${subject}`,
        id: requestId,
      });
    }),
    {
      examples: [
        ['"', '\\'],
        ['\ud800', '\u2028'],
        ['\u007f', 'é'],
      ],
    },
  );
});

test('a client secret that was sent is marked, and only then', () => {
  expect(JSON.parse(lineOf({ ...RECORD, isClientSecretSent: true }))).toMatchObject({ client_secret_sent: true });
  expect(lineOf(RECORD)).not.toContain('client_secret_sent');
});

describe('what is counted', () => {
  test.each<[string, RequestRecord, string, object]>([
    [
      'a token request',
      { ...RECORD, obtained: { token, source: 'issued' }, issued: 1 },
      'info',
      { SecondsLeft: 60, TokenRequests: 1 },
    ],
    [
      'a token from the table',
      { ...RECORD, obtained: { token, source: 'store' } },
      'info',
      { Hits: 1, SecondsLeft: 60 },
    ],
    ['a caller that waited', { ...RECORD, hasWaited: true }, 'info', { Hits: 1, SecondsLeft: 60, Waits: 1 }],
    [
      'a renewal that failed',
      { ...RECORD, obtained: { token, source: 'memory', failure: { error: refused, until: NOW, count: 1 } } },
      'warn',
      { Hits: 1, SecondsLeft: 60, RenewalsFailed: 1, CredentialRefused: 1 },
    ],
    [
      'a caller that sends too much',
      failed({ kind: 'caller_throttled', detail: 'x', retryAfterMs: 1 }, 429),
      'warn',
      { CallerThrottled: 1 },
    ],
    ['a refused credential', failed(refused, 502), 'error', { CredentialRefused: 1, ServerErrors: 1 }],
    [
      'a secret that cannot serve',
      failed({ kind: 'credential_unusable', detail: 'x' }, 502),
      'error',
      { CredentialRefused: 1, ServerErrors: 1 },
    ],
    ...(
      [
        ['zitadel', 'ZitadelAway'],
        ['dynamodb', 'TableAway'],
        ['secrets-manager', 'SecretsAway'],
      ] as const
    ).map(([dependency, metric]): [string, RequestRecord, string, object] => [
      `what is away, of which another sandbox may have told: ${dependency}`,
      failed({ kind: 'unavailable', dependency, detail: 'x', retryAfterMs: 1 }, 503),
      'error',
      { Unavailable: 1, [metric]: 1, ServerErrors: 1 },
    ]),
    [
      'what is away, once',
      {
        ...failed({ kind: 'unavailable', dependency: 'dynamodb', detail: 'x', retryAfterMs: 1 }, 503),
        degraded: [{ what: 'table', since: NOW, detail: 'x' }],
      },
      'error',
      { Unavailable: 1, TableAway: 1, ServerErrors: 1 },
    ],
    ['a bug', { ...failed(undefined, 500), bug: { name: 'TypeError' } }, 'error', { Bugs: 1, ServerErrors: 1 }],
    [
      'nothing of the promise to callers, at another endpoint',
      { ...failed(undefined, 500), route: 'introspect', bug: { name: 'TypeError' } },
      'error',
      { Bugs: 1 },
    ],
    [
      'what is away, although the request was served',
      {
        ...RECORD,
        obtained: { token, source: 'memory' },
        degraded: [{ what: 'table', since: NOW, detail: 'ThrottlingException' }],
      },
      'warn',
      { Hits: 1, SecondsLeft: 60, TableAway: 1 },
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

describe('the life that a token has left', () => {
  const [HOUR_MS, MINUTE_MS] = [3_600_000, 60_000];

  test.each([
    ['a minute of an hour', HOUR_MS, MINUTE_MS, undefined],
    ['less than a minute of an hour', HOUR_MS, MINUTE_MS - 1, 1],
    ['a quarter of a minute', MINUTE_MS, MINUTE_MS / 4, undefined],
    ['less than a quarter of a minute', MINUTE_MS, MINUTE_MS / 4 - 1, 1],
  ])('%s', (_name, lifeMs, leftMs, LastResort) => {
    const expiresAt = plus(NOW, leftMs + 7);
    const served = { ...token, obtainedAt: plus(expiresAt, -lifeMs), expiresAt };
    const line = JSON.parse(lineOf({ ...RECORD, durationMs: 7, obtained: { token: served, source: 'memory' } }));
    expect([line.SecondsLeft, line.LastResort]).toEqual([Math.floor(leftMs / 1_000), LastResort]);
  });
});

describe('metrics by profile', () => {
  const dimensionsOf = (record: RequestRecord, options?: LogOptions) =>
    JSON.parse(lineOf(record, options))._aws.CloudWatchMetrics[0].Dimensions;
  const allowed = { ...RECORD, issuer: 'https://a.example' };
  const strange = { ...failed(undefined, 500), profile: 'no-such', bug: { name: 'TypeError' } };

  test.each<[name: string, record: RequestRecord, options: LogOptions, dimensions: string[][]]>([
    ['there are none unless they are wanted', allowed, {}, [[]]],
    ['stand beside those of all', allowed, { isByProfile: true }, [[], ['profile']]],
    ['there are none of a name that a caller made up', strange, { isByProfile: true }, [[]]],
  ])('%s', (_name, record, options, dimensions) => {
    expect(dimensionsOf(record, options)).toEqual(dimensions);
  });
});

test('the first line of a sandbox says so, whether of a request or of a run', () => {
  const lines: string[] = [];
  const run = { at: NOW, durationMs: 7, results: [], issued: 0, keyIds: [], degraded: [] };
  const log = createLog('space', (line) => lines.push(line));
  log.trimmed({ at: NOW, secret: 'zitadel/orders', members: [] });
  for (const _time of [1, 2]) log.request(RECORD);
  createLog('space', (line) => lines.push(line)).prewarm(run);
  expect(lines.map((line) => JSON.parse(line).cold)).toEqual([undefined, true, undefined, true]);
});

test.each<[readonly string[] | undefined, string | undefined]>([
  [undefined, undefined],
  [[], undefined],
  [['1'], '1'],
  [['1', '2'], '1 2'],
])('of the keys %o the line says %o', (keyIds, kid) => {
  expect(JSON.parse(lineOf({ ...RECORD, ...(keyIds && { keyIds }) })).kid).toBe(kid);
});

describe('a line', () => {
  const { obtained: _obtained, ...bare } = RECORD;
  const parsed = (record: RequestRecord) => JSON.parse(lineOf(record)) as Record<string, unknown>;

  test('of a request that came to nothing has just that', () => {
    const { caller: _caller, ...unknown } = bare;
    expect(parsed({ ...unknown, status: 401, error: { kind: 'untrusted_caller', detail: 'x' } })).toEqual({
      time: NOW,
      level: 'warn',
      route: 'token',
      profile: 'orders',
      status: 401,
      ms: 0,
      error: { kind: 'untrusted_caller', detail: 'x' },
      id: RECORD.requestId,
    });
  });

  test('of an introspection has what was said, from where, and of which token', () => {
    expect(parsed({ ...bare, seen: 'seen', introspected: { isActive: false, source: 'memory' } })).toEqual({
      time: NOW,
      level: 'info',
      route: 'token',
      profile: 'orders',
      caller: '123456789012:orders-service',
      status: 200,
      ms: 0,
      source: 'memory',
      token: 'seen',
      active: false,
      id: RECORD.requestId,
    });
  });

  test.each<[name: string, obtained: RequestRecord['obtained'], expected: object]>([
    ['sent back', { token, source: 'memory', rejected: 'active' }, { rejected: 'active' }],
    ['that nobody can revoke', { token: { ...token, isIrrevocable: true }, source: 'memory' }, { revocable: false }],
    [
      'whose renewal failed',
      {
        token,
        source: 'memory',
        failure: {
          error: { kind: 'unavailable', dependency: 'dynamodb', detail: 'x', retryAfterMs: 1 },
          until: NOW,
          count: 1,
        },
      },
      { renewal: { kind: 'unavailable', dependency: 'dynamodb', detail: 'x' } },
    ],
  ])('of a token %s says so', (_name, obtained, expected) => {
    const healthy = parsed(RECORD);
    const line = parsed({ ...RECORD, ...(obtained && { obtained }) });
    expect(line).toMatchObject(expected);
    for (const name of ['rejected', 'revocable', 'renewal']) {
      expect(name in healthy).toBe(false);
      expect(name in line).toBe(name in expected);
    }
  });

  test('of a bug has its name and place', () => {
    const line = parsed({ ...bare, status: 500, bug: { name: 'TypeError', at: 'lib/a.ts:1:2' } });
    expect(line).toMatchObject({ level: 'error', bug: 'TypeError', at: 'lib/a.ts:1:2' });
  });

  test('has what is away, since when, and what it costs', () => {
    const degraded = [
      { what: 'secrets', since: NOW, detail: 'X' },
      { what: 'zitadel', since: plus(NOW, 1), detail: 'Y' },
    ] as const;
    const line = parsed({ ...RECORD, degraded });
    expect(line).toMatchObject({
      level: 'warn',
      SecretsAway: 1,
      ZitadelAway: 1,
      degraded: ['secrets', 'zitadel'],
      away: [
        { dependency: 'secrets', detail: 'X', since: new Date(NOW).toISOString(), cost: COSTS.secrets },
        { dependency: 'zitadel', detail: 'Y', since: new Date(NOW + 1).toISOString(), cost: COSTS.zitadel },
      ],
    });
    expect('degraded' in parsed({ ...RECORD, degraded: [] })).toBe(false);
  });

  test.each([
    [200, 'info'],
    [399, 'info'],
    [400, 'warn'],
    [499, 'warn'],
    [500, 'error'],
  ])('of status %i has the level %s', (status, level) => expect(parsed({ ...bare, status }).level).toBe(level));

  test('names a token in one way, whoever sees it', () => {
    const spelt = (text: string) =>
      parsed({ ...RECORD, obtained: { token: { ...token, accessToken: redacted(text) }, source: 'memory' } }).token;
    expect(spelt(' canary-token\n')).toBe(parsed(RECORD).token);
    expect(parsed(RECORD).token).toBe(fingerprint('canary-token'));
    expect(spelt('other')).not.toBe(parsed(RECORD).token);
  });

  test('names a token that is handed out again without looking at it', () => {
    let reveals = 0;
    const accessToken = {
      reveal: () => {
        reveals += 1;
        return 'x';
      },
    };
    const one = { ...token, accessToken };
    for (const _time of [1, 2]) lineOf({ ...RECORD, obtained: { token: one, source: 'memory' } });
    expect(reveals).toBe(1);
  });

  test('counts nothing of which there was none', () => {
    const line = parsed({ ...RECORD, obtained: { token, source: 'issued' }, issued: 0 });
    expect(line.SecondsLeft).toBe(60);
    expect(line).not.toHaveProperty('TokenRequests');
  });
});

describe('lines of one log', () => {
  test('define each set of counts rightly, however often', () => {
    const lines: string[] = [];
    const log = createLog('space', (line) => lines.push(line));
    for (const issued of [0, 1, 0, 1]) log.request({ ...RECORD, issued });
    const defined = lines.map((line) => JSON.parse(line)._aws.CloudWatchMetrics);
    const metrics = (...names: string[]) => [
      { Namespace: 'space', Dimensions: [[]], Metrics: names.map((Name) => ({ Name })) },
    ];
    const [hit, both] = [metrics('Hits', 'SecondsLeft'), metrics('Hits', 'SecondsLeft', 'TokenRequests')];
    expect(defined).toEqual([hit, both, hit, both]);
  });
});

describe('a run of the schedule', () => {
  const lineOfRun = (results: Prewarmed[], more: object = {}) => {
    const lines: string[] = [];
    createLog('space', (line) => lines.push(line)).prewarm({
      at: NOW,
      durationMs: 7,
      results,
      issued: 0,
      keyIds: [],
      degraded: [],
      ...more,
    });
    return JSON.parse(lines[0] ?? '');
  };

  test('that went well', () => {
    const line = lineOfRun([
      { profile: 'a', outcome: 'renewed' },
      { profile: 'b', outcome: 'kept' },
      { profile: 'c', outcome: 'renewed' },
    ]);
    expect(line).toEqual({
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [
          { Namespace: 'space', Dimensions: [[]], Metrics: [{ Name: 'Renewed' }, { Name: 'PrewarmFailed' }] },
        ],
      },
      level: 'info',
      route: 'prewarm',
      ms: 7,
      renewed: ['a', 'c'],
      kept: ['b'],
      failed: [],
      cold: true,
      Renewed: 2,
      PrewarmFailed: 0,
    });
  });

  test('that failed in part', () => {
    const bug = Object.assign(new TypeError('canary'), { stack: 'TypeError: canary\n    at f (/x/lib/a.ts:1:2)' });
    const line = lineOfRun(
      [
        { profile: 'a', outcome: 'failed', error: refused },
        { profile: 'b', outcome: 'failed', bug, error: { kind: 'unexpected_answer', detail: 'x' } },
        { profile: 'c', outcome: 'failed' },
      ],
      { issued: 3, degraded: [{ what: 'table', since: NOW, detail: 'X' }] },
    );
    expect(line).toMatchObject({
      level: 'error',
      failed: [
        { profile: 'a', kind: 'credential_refused', detail: 'status 400' },
        { profile: 'b', kind: 'unexpected_answer', detail: 'x', bug: 'TypeError', at: 'f lib/a.ts:1:2' },
        { profile: 'c' },
      ],
      degraded: ['table'],
      Renewed: 0,
      PrewarmFailed: 3,
      RenewalsFailed: 3,
      Bugs: 1,
      TokenRequests: 3,
      CredentialRefused: 1,
      TableAway: 1,
    });
    expect(line.failed[0]).not.toHaveProperty('bug');
    expect(JSON.stringify(line)).not.toContain('canary');
  });

  test('that had no time for all', () => {
    const line = lineOfRun([
      { profile: 'a', outcome: 'renewed' },
      { profile: 'b', outcome: 'postponed' },
    ]);
    expect(line).toMatchObject({ level: 'warn', renewed: ['a'], postponed: ['b'], failed: [], PrewarmFailed: 0 });
  });

  const name = (index: number) => `p${index}`.padEnd(63, 'x');
  const error = {
    kind: 'unavailable',
    dependency: 'secrets-manager',
    detail: '"'.repeat(5_000),
    retryAfterMs: 0,
  } as const;
  test.each<[string, (index: number) => Prewarmed]>([
    ['failed', (index) => ({ profile: name(index), outcome: 'failed', error })],
    ['failed by a bug', (index) => ({ profile: name(index), outcome: 'failed', error, bug: new TypeError('x') })],
    [
      'is half renewed, half failed',
      (index) =>
        index % 2 === 0
          ? { profile: name(index), outcome: 'renewed' }
          : { profile: name(index), outcome: 'failed', error },
    ],
    ['renewed', (index) => ({ profile: name(index), outcome: 'renewed' })],
  ])('of whose thousand profiles each %s: its line is one event of CloudWatch', (_name, resultOf) => {
    const keyIds = Array.from({ length: 2_000 }, (_, index) => `${400_000_000_000_000_000n + BigInt(index)}`);
    for (const profiles of [1_000, 3_000]) {
      const results = Array.from({ length: profiles }, (_, index) => resultOf(index));
      const degraded = [{ what: 'secrets' as const, since: NOW, detail: 'x' }];
      const line = lineOfRun(results, { keyIds, degraded });
      expect(JSON.stringify(line).length).toBeLessThan(256 * 1_000);
      expect(line.Renewed + line.PrewarmFailed).toBe(profiles);
      const listed = [...line.renewed, ...line.failed.map(({ profile }: { profile: string }) => profile)];
      if (profiles === 1_000) expect(listed).toHaveLength(1_000);
      expect(line._aws.CloudWatchMetrics[0].Metrics.length).toBeLessThan(100);
    }
  });

  test('counts no bugs where there are none', () => {
    const line = lineOfRun([{ profile: 'a', outcome: 'failed', error: { kind: 'unexpected_answer', detail: 'x' } }]);
    for (const name of ['Bugs', 'TokenRequests', 'CredentialRefused']) expect(line).not.toHaveProperty(name);
    expect(line.RenewalsFailed).toBe(1);
  });
});

test('a secret with invisible characters at the ends of its members', () => {
  const lines: string[] = [];
  const log = createLog('test', (line) => lines.push(line));
  log.trimmed({ at: NOW, secret: 'zitadel/orders', members: ['clientSecret'] });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      time: NOW,
      level: 'warn',
      secret: 'zitadel/orders',
      trimmed: ['clientSecret'],
      advice: 'invisible characters at the ends of these members were ignored; store the secret without them',
    },
  ]);
});

describe('the end of a credential', () => {
  const linesOf = (expiring: { secret: string; daysLeft: number } | undefined) => {
    const lines: string[] = [];
    const log = createLog('space', (line) => lines.push(line));
    log.request({ ...RECORD, ...(expiring === undefined ? {} : { expiring }) });
    log.prewarm({ at: NOW, durationMs: 7, results: [], issued: 0, keyIds: [], degraded: [], expiring });
    return lines.map((line) => JSON.parse(line));
  };

  test.each([
    ['is a metric', 14, undefined],
    ['is named once it is near', 13.9, 'zitadel/reports'],
  ])('%s', (_what, daysLeft, expiring) => {
    for (const line of linesOf({ secret: 'zitadel/reports', daysLeft })) {
      expect([line.CredentialDaysLeft, line.expiring]).toEqual([daysLeft, expiring]);
      expect(line._aws.CloudWatchMetrics[0].Metrics).toContainEqual({ Name: 'CredentialDaysLeft' });
    }
  });

  test('is not there if none was read', () => {
    for (const line of linesOf(undefined)) expect(line).not.toHaveProperty('CredentialDaysLeft');
  });
});

describe('a step of a rotation', () => {
  const lineOf = (record: object) => {
    const lines: string[] = [];
    createLog('space', (line) => lines.push(line)).rotation({ at: NOW, durationMs: 7, ...record });
    return JSON.parse(lines[0] ?? '');
  };
  const named = { step: 'createSecret', secret: 'zitadel/reports' };

  test('that went well says what it did, with key ids', () => {
    const done = { keyId: '2', isNew: true, removed: ['1'] } as const;
    expect(lineOf({ ...named, done })).toEqual({
      time: NOW,
      level: 'info',
      route: 'rotate',
      ...named,
      ms: 7,
      key: '2',
      added: true,
      removed: ['1'],
    });
  });

  test.each<[what: string, record: object, line: object]>([
    ['a dry run', { done: { keyId: '1', isDryRun: true } }, { level: 'info', key: '1', dry_run: true }],
    ['keys that stay', { done: { keyId: '1', left: 'timeout' } }, { level: 'warn', left: 'timeout' }],
    ['a failure', { failure: { detail: 'why' } }, { level: 'error', error: 'why', RotationsFailed: 1 }],
    [
      'a bug',
      { bug: { name: 'TypeError', at: 'lib/a.ts:1:2' } },
      { level: 'error', bug: 'TypeError', Bugs: 1, RotationsFailed: 1 },
    ],
  ])('%s', (_what, record, line) => {
    expect(lineOf({ ...named, ...record })).toMatchObject(line);
  });
});
