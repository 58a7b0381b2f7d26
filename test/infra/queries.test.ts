import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { fingerprint } from '../../lib/core/digest.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { instant, plus } from '../../lib/core/time.ts';
import { createLog, type RequestRecord } from '../../lib/http/log.ts';
import { fieldsOf, type Row, runQuery } from './template/insights.ts';

const root = join(import.meta.dirname, '../..');

interface Query {
  readonly Name: string;
  readonly LogGroupNames: readonly string[];
  readonly QueryString: string;
  readonly Parameters?: readonly { readonly Name: string }[];
}

const { Resources } = parse(readFileSync(join(root, 'infra/queries.yml'), 'utf8'), { merge: true });
const QUERIES = Object.values(Resources as Record<string, { Properties: Query }>).map(({ Properties }) => ({
  ...Properties,
  name: Properties.Name.split('/').at(-1) ?? '',
}));

const NOW = instant(1_795_438_700_000);
const TRACE = '1-5759e988-bd862e3fe1be46a994272793';
const life = { obtainedAt: NOW, expiresAt: plus(NOW, 3_600_000), refreshAt: plus(NOW, 2_700_000) };
const token = { ...life, accessToken: redacted('the-token') };
const other = { ...life, accessToken: redacted('another-token') };
const role = (name: string) => ({ kind: 'iam_role', partition: 'aws', account: '123456789012', role: name }) as const;
const away = [
  { what: 'table', since: NOW, detail: 'ResourceNotFoundException' },
  { what: 'secrets', since: NOW, detail: 'ThrottlingException' },
] as const;
const unavailable = { kind: 'unavailable', dependency: 'zitadel', detail: 'ECONNREFUSED', retryAfterMs: 1 } as const;
const refused = { kind: 'credential_refused', detail: 'profile orders: invalid assertion' } as const;

/** Each field of the log at least once, a second apart. */
function lines(): readonly string[] {
  const written: string[] = [];
  const log = createLog('space', (line) => written.push(line));
  const at = () => plus(NOW, written.length * 1_000);
  const request = (record: Partial<RequestRecord>) =>
    log.request({
      at: at(),
      requestId: `r${written.length}`,
      route: 'token',
      profile: 'orders',
      status: 200,
      durationMs: written.length,
      caller: role('orders'),
      ...record,
    });
  const run = { durationMs: 90, issued: 0, keyIds: [], degraded: [] };
  request({
    obtained: { token, source: 'issued' },
    issued: 1,
    keyIds: ['1', '2'],
    hasWaited: true,
    trace: TRACE,
    durationMs: 700,
  });
  request({ obtained: { token, source: 'memory' }, caller: role('billing') });
  request({ obtained: { token: other, source: 'memory' }, profile: 'shipping', degraded: away });
  request({ obtained: { token, source: 'memory', failure: { error: unavailable, until: NOW, count: 1 } } });
  request({
    obtained: { token, source: 'memory', rejected: 'replaced' },
    expiring: { secret: 'zitadel/orders', daysLeft: 3 },
  });
  request({ status: 503, error: unavailable });
  request({ status: 503, error: unavailable });
  request({ status: 502, error: refused });
  request({ status: 403, error: { kind: 'not_allowed', detail: 'blocked by an operator' }, caller: role('loop') });
  request({ status: 500, bug: { name: 'TypeError', at: 'f lib/a.ts:1:2' } });
  request({ route: 'introspect', seen: fingerprint('the-token'), introspected: { isActive: true, source: 'zitadel' } });
  request({ route: 'revoke', seen: fingerprint('the-token') });
  const bug = Object.assign(new TypeError('x'), { stack: 'TypeError: x\n    at g (/x/lib/b.ts:3:4)' });
  const failed = { profile: 'reports', outcome: 'failed', error: refused, bug } as const;
  log.prewarm({ at: at(), ...run, results: [failed], issued: 2, keyIds: ['3'], degraded: away.slice(0, 1) });
  log.prewarm({ at: at(), ...run, results: [], expiring: { secret: 'zitadel/orders', daysLeft: 2.9 } });
  const step = { durationMs: 5, step: 'createSecret', secret: 'zitadel/reports' };
  log.rotation({ at: at(), ...step, done: { keyId: '4', isNew: true, removed: ['1'], left: 'timeout' } });
  log.rotation({ at: at(), ...step, failure: { detail: 'why' } });
  log.rotation({ at: at(), ...step, bug: { name: 'RangeError' } });
  return written;
}

const LINES = lines();

const run = (name: string, parameters: Readonly<Record<string, string>> = {}): readonly Row[] => {
  const query = QUERIES.find((its) => its.name === name);
  if (query === undefined) throw new Error(`no query ${name}`);
  return runQuery(query.QueryString, LINES, parameters);
};

/** The results of each query, as far as they matter. */
const RESULTS: readonly (readonly [
  name: string,
  parameters: Readonly<Record<string, string>>,
  rows: readonly Row[],
])[] = [
  [
    'who-got-token',
    { fingerprint: fingerprint('the-token') },
    [
      { caller: '123456789012:orders', source: 'issued', SecondsLeft: 3_599 },
      { caller: '123456789012:billing', source: 'memory' },
      { id: 'r3' },
      { id: 'r4' },
      { route: 'introspect', active: true },
      { route: 'revoke', status: 200 },
    ],
  ],
  ['caller', { caller: '123456789012:loop' }, [{ status: 403, 'error.detail': 'blocked by an operator' }]],
  [
    'callers',
    {},
    [
      { caller: '123456789012:orders', profile: 'orders', route: 'token', requests: 7, hits: 2, longest: 700 },
      { caller: '123456789012:billing', requests: 1, hits: 1 },
      { caller: '123456789012:orders', profile: 'shipping', requests: 1 },
      { caller: '123456789012:loop', requests: 1, hits: 0 },
      { route: 'introspect' },
      { route: 'revoke' },
    ],
  ],
  ['trace', { trace: TRACE }, [{ id: 'r0', source: 'issued', ms: 700 }]],
  [
    'token-requests',
    {},
    [
      { route: 'prewarm', requested: 2, spared: 0 },
      { route: 'token', profile: 'orders', requested: 1, spared: 3, waited: 1 },
      { route: 'token', profile: 'shipping', requested: 0, spared: 1 },
    ],
  ],
  ['key', { kid: '2' }, [{ kid: '1 2', profile: 'orders', id: 'r0' }]],
  [
    'refusals',
    {},
    [
      { answers: 2, status: 503, 'error.kind': 'unavailable', 'error.dependency': 'zitadel', profile: 'orders' },
      { answers: 1, status: 502, 'error.detail': refused.detail },
      { answers: 1, status: 403, caller: '123456789012:loop' },
      { answers: 1, status: 500, bug: 'TypeError' },
    ],
  ],
  [
    'failed-renewals',
    {},
    [
      { route: 'prewarm', 'failed.0.profile': 'reports', 'failed.0.kind': 'credential_refused' },
      { route: 'token', 'renewal.kind': 'unavailable', 'renewal.detail': 'ECONNREFUSED' },
    ],
  ],
  [
    'away',
    {},
    [
      { lines: 2, 'error.dependency': 'zitadel', 'error.detail': 'ECONNREFUSED' },
      {
        lines: 1,
        'away.0.dependency': 'table',
        'away.1.dependency': 'secrets',
        'away.1.detail': 'ThrottlingException',
      },
      { lines: 1, 'renewal.dependency': 'zitadel' },
      { lines: 1, 'away.0.dependency': 'table', 'away.0.detail': 'ResourceNotFoundException' },
    ],
  ],
  ['cold-starts', {}, [{ starts: 1, average: 700, longest: 700, route: 'token', source: 'issued' }]],
  [
    'revocations',
    {},
    [{ route: 'revoke' }, { 'error.detail': 'blocked by an operator' }, { rejected: 'replaced', route: 'token' }],
  ],
  ['expiring', {}, [{ expiring: 'zitadel/orders', days: 2.9 }]],
  [
    'bugs',
    {},
    [
      { bug: 'RangeError', route: 'rotate' },
      { 'failed.0.bug': 'TypeError', 'failed.0.at': 'g lib/b.ts:3:4' },
      { bug: 'TypeError', at: 'f lib/a.ts:1:2' },
    ],
  ],
  [
    'rotations',
    {},
    [
      { bug: 'RangeError', step: 'createSecret' },
      { error: 'why', secret: 'zitadel/reports' },
      { key: '4', added: true, 'removed.0': '1', left: 'timeout' },
    ],
  ],
];

describe('over lines of the log', () => {
  test.each(RESULTS)('%s finds what it is for', (name, parameters, rows) => {
    const found = run(name, parameters);
    expect(found).toMatchObject(rows);
    expect(found).toHaveLength(rows.length);
  });

  test('slowest has the slowest first', () => {
    expect(run('slowest').slice(0, 3)).toMatchObject([{ ms: 700, cold: true }, { ms: 90 }, { ms: 90 }]);
  });
});

describe('the queries', () => {
  test('are all tried', () => {
    expect(QUERIES.map(({ name }) => name).toSorted()).toEqual(
      [...RESULTS.map(([name]) => name), 'slowest'].toSorted(),
    );
  });

  test.each(QUERIES)('$name asks for fields that the log has', ({ QueryString }) => {
    const known = new Set(LINES.flatMap((line) => Object.keys(runQuery('limit 1', [line])[0] ?? {})));
    expect(fieldsOf(QueryString).filter((field) => !known.has(field))).toEqual([]);
    expect(fieldsOf(QueryString).length).toBeGreaterThan(0);
  });

  test.each(QUERIES)('$name has the parameters that it uses, and its limit', ({ QueryString, Parameters = [] }) => {
    const used = [...QueryString.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name);
    expect(Parameters.map(({ Name }) => Name)).toEqual(used);
    expect(QueryString).toMatch(/\n\| limit \d+\n$/);
  });

  test('the runbooks name none but these', () => {
    const text = readFileSync(join(root, 'docs/runbooks.md'), 'utf8');
    const lead = /(?:First query\*\*: |[Qq]uery |then )`([\w-]+)`/g;
    const named = new Set([...text.matchAll(lead)].map(([, name = '']) => name));
    expect(named.size).toBeGreaterThan(10);
    for (const name of named) expect(QUERIES.map((query) => query.name)).toContain(name);
  });
});

test.each(['filter a != "b"\n| limit 1', 'parse x\n| limit 1', 'stats median(ms) as m by route\n| limit 1'])(
  '%j is not of the subset',
  (query) => expect(() => runQuery(query, LINES)).toThrow('not of the subset'),
);
