import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { redacted } from '../../../lib/core/redacted.ts';
import { instant, plus } from '../../../lib/core/time.ts';
import { createLog, type Log } from '../../../lib/http/log.ts';
import { ACCEPTED } from './accepted.ts';
import { alarmsOf, loggedMetrics, metricsOf, WITHOUT_ALARM } from './alarms.ts';
import { widgetsOf } from './dashboard.ts';
import { ESSENTIAL_FAULTS } from './essential-faults.ts';
import { EVERYTHING, RULES } from './essentials.ts';
import { FAULTS } from './faults.ts';
import { runQuery } from './insights.ts';
import { findings, NAG_FAULTS } from './nag.ts';
import { ALL_OPTIONS, packageAgain, WITH_OWN_KEYS } from './options.ts';
import { type Json, type Packaged, packageService, type Template } from './packaged.ts';
import { ofType } from './reading.ts';
import { ALL } from './rules.ts';

const EVERY_RULE = [...ALL, ...RULES];

let packaged: Packaged;
let withOptions: Template;
beforeAll(async () => {
  packaged = await packageService(EVERYTHING);
  withOptions = await packageAgain(packaged.home, { params: ALL_OPTIONS });
}, 120_000);
afterAll(() => rmSync(packaged.home, { recursive: true, force: true }));

describe('the packaged template keeps to', () => {
  test.each(EVERY_RULE)('$name', ({ complaints }) => expect(complaints(packaged.template)).toEqual([]));
});

describe('with every option set it keeps to', () => {
  test.each(ALL)('$name', ({ complaints }) => expect(complaints(withOptions)).toEqual([]));

  test.each(RULES)('$name', ({ complaints }) => {
    expect(complaints(withOptions).filter((line) => !WITH_OWN_KEYS.includes(line))).toEqual([]);
  });

  test('what the options say', () => {
    const of = (name: string) => withOptions.Resources[name]?.Properties;
    expect(of('TokenLambdaFunction')).toMatchObject({ ReservedConcurrentExecutions: 20 });
    expect(of('TokenLambdaFunction')).toMatchObject({ TracingConfig: { Mode: 'Active' } });
    expect(of('FederatedLambdaFunction')).toMatchObject({
      ReservedConcurrentExecutions: 5,
      Environment: { Variables: { PUBLIC_URL: 'https://tokens.example.com', HTTPS_PROXY: ALL_OPTIONS.httpsProxy } },
    });
    expect(of('MetadataLambdaFunction')).toMatchObject({
      Environment: { Variables: { PUBLIC_URL: 'https://tokens.example.com' } },
    });
    expect(of('HttpApiStage')).toMatchObject({
      DefaultRouteSettings: { ThrottlingRateLimit: 10, ThrottlingBurstLimit: 20 },
      RouteSettings: {
        'POST /federated/{profile}/oauth/v2/token': { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 10 },
      },
    });
    expect(of('TokenTable')).toMatchObject({
      SSESpecification: { KMSMasterKeyId: ALL_OPTIONS.tableKmsKeyArn },
      DeletionProtectionEnabled: true,
    });
    expect(of('PrewarmEventsRuleSchedule1')).toMatchObject({ ScheduleExpression: 'rate(2 minutes)' });
    expect(of('RotationFailedRule')).toMatchObject({ Targets: [{ Arn: ALL_OPTIONS.alarmTopicArn }] });
    expect(of('BugsAlarm')?.AlarmDescription).toMatch(/ https:\/\/wiki\.example\.com\/broker\/runbooks#bugs$/);
    expect(of('CredentialRefusedShippingAlarm')).toMatchObject({
      AlarmName: 'zitadel-token-broker-dev-credential-refused-shipping',
      AlarmDescription: expect.stringMatching(/^Profile shipping: .*#credential-refused$/),
      Dimensions: [{ Name: 'profile', Value: 'shipping' }],
    });
    const topics = ofType(withOptions, 'AWS::CloudWatch::Alarm').map(([, { AlarmActions }]) => AlarmActions);
    expect(topics).toEqual(topics.map(() => [ALL_OPTIONS.alarmTopicArn]));
    const days = ofType(withOptions, 'AWS::Logs::LogGroup').map(([, { RetentionInDays }]) => RetentionInDays);
    expect(days).toEqual(days.map(() => 365));
    expect(of('TokenLogs')).toMatchObject({ LogGroupName: '/aws/lambda/zitadel-token-broker-dev-token' });
  });

  test('there is no other option', () => {
    const { params } = parse(readFileSync(join(packaged.home, 'serverless.yml'), 'utf8'));
    expect(Object.keys(ALL_OPTIONS)).toEqual(Object.keys(params.default).sort());
  });
});

/** The properties of a resource that must be there, to be changed. */
function propertiesOf({ Resources }: Template, name: string): Json {
  const properties = Resources[name]?.Properties;
  if (properties === undefined) throw new Error(`there is no ${name}`);
  return properties;
}

describe('what would be found', () => {
  test.each(FAULTS)('$rule: $fault', ({ rule, make }) => {
    const template = structuredClone(packaged.template);
    make((name) => propertiesOf(template, name), template.Resources, template);
    const found = ALL.find(({ name }) => name === rule);
    expect(found?.complaints(template).length).toBeGreaterThan(0);
  });

  test.each(ESSENTIAL_FAULTS)('%s: %s', (rule, _fault, change) => {
    const template = structuredClone(packaged.template);
    change((name) => propertiesOf(template, name), template);
    expect(RULES.find(({ name }) => name === rule)?.complaints(template)).not.toEqual([]);
  });

  test('every rule is broken', () => {
    const broken = [...FAULTS.map(({ rule }) => rule), ...ESSENTIAL_FAULTS.map(([rule]) => rule)];
    expect(new Set(broken)).toEqual(new Set(EVERY_RULE.map(({ name }) => name)));
  });
});

describe('cdk-nag', () => {
  const acceptedWith = (set: 'defaults' | 'options') =>
    ACCEPTED.filter(({ only = set }) => only === set).flatMap(({ rule, resources }) =>
      resources.map((resource) => `${rule} ${resource}`),
    );
  const accepted = acceptedWith('defaults');

  test('finds nothing but what is accepted, each with its reason', () => {
    const { Resources } = packaged.template;
    const here = accepted.filter((finding) => Object.hasOwn(Resources, finding.split(' ')[1] ?? ''));
    // What is accepted and not found any more must go as well.
    expect([...findings(packaged.template, packaged.home)].sort()).toEqual(here.sort());
    for (const { reason } of ACCEPTED) expect(reason.split(' ').length).toBeGreaterThan(8);
  });

  test('finds nothing else with every option set', () => {
    expect([...findings(withOptions, packaged.home)].sort()).toEqual([...acceptedWith('options')].sort());
  });

  test.each(NAG_FAULTS)('would find %s', (finding, make) => {
    const template = structuredClone(packaged.template);
    make((name) => propertiesOf(template, name));
    expect(findings(template, packaged.home)).toContain(finding);
    expect(accepted).not.toContain(finding);
  });
});

describe('the alarms on what the log counts', () => {
  const NOW = instant(1_700_000_000_000);
  const request = { at: NOW, requestId: 'r1', route: 'token', profile: 'orders', status: 200, durationMs: 10 } as const;
  const away = (what: 'table' | 'secrets' | 'zitadel') => ({
    ...request,
    degraded: [{ what, since: NOW, detail: 'TimeoutError' }],
  });
  const unavailable = { kind: 'unavailable', dependency: 'zitadel', detail: 'fetch failed', retryAfterMs: 1 } as const;
  const failed = { profile: 'orders', outcome: 'failed', error: unavailable } as const;
  const run = { at: NOW, durationMs: 10, results: [failed], issued: 0, keyIds: [], degraded: [] };

  test.each<[alarm: string, write: (log: Log) => void]>([
    ['CredentialRefused', (log) => log.request({ ...request, error: { kind: 'credential_refused', detail: 'x' } })],
    ['Unavailable', (log) => log.request({ ...request, error: unavailable })],
    ['Bugs', (log) => log.request({ ...request, bug: { name: 'TypeError' } })],
    ['TableAway', (log) => log.request(away('table'))],
    ['SecretsAway', (log) => log.request(away('secrets'))],
    ['ZitadelAway', (log) => log.request(away('zitadel'))],
    ['IssuerAway', (log) => log.request({ ...request, error: { ...unavailable, dependency: 'issuer' } })],
    ['RenewalsFailed', (log) => log.prewarm(run)],
    ['CredentialExpiring', (log) => log.prewarm({ ...run, expiring: { secret: 'zitadel/orders', daysLeft: 13.9 } })],
    ['RotationsFailed', (log) => log.rotation({ at: NOW, durationMs: 10, failure: { detail: 'x' } })],
  ])('%s counts it as the log does', (name, write) => {
    const alarm = packaged.template.Resources[`${name}Alarm`]?.Properties;
    const lines: string[] = [];
    write(createLog(String(alarm?.Namespace), (line) => lines.push(line)));
    const [{ Dimensions, Metrics }] = JSON.parse(String(lines[0]))._aws.CloudWatchMetrics;
    expect(Metrics).toContainEqual({ Name: alarm?.MetricName });
    expect(Dimensions).toEqual([alarm?.Dimensions ?? []]);
  });

  test('all that the log counts is known', () => {
    const known = [
      'Hits',
      'SecondsLeft',
      'Waits',
      'CallerThrottled',
      'TokenRequests',
      'Renewed',
      'TableAway',
      'SecretsAway',
      'ZitadelAway',
      'IssuerAway',
      'CredentialRefused',
    ];
    const failures = [
      'RenewalsFailed',
      'PrewarmFailed',
      'Unavailable',
      'ServerErrors',
      'LastResort',
      'Bugs',
      'RotationsFailed',
      'CredentialDaysLeft',
    ];
    expect([...loggedMetrics()].sort()).toEqual([...known, ...failures].sort());
    // What has no alarm must be counted; else its reason must go as well.
    expect(loggedMetrics()).toEqual(expect.arrayContaining(Object.keys(WITHOUT_ALARM)));
  });

  test('the dashboard tells the sources of tokens from the log', () => {
    const token = { accessToken: redacted('x'), obtainedAt: NOW, expiresAt: plus(NOW, 60_000), refreshAt: NOW };
    const lines: string[] = [];
    const log = createLog('space', (line) => lines.push(line));
    for (const source of ['memory', 'store', 'memory', 'issued'] as const)
      log.request({ ...request, obtained: { token, source } });
    log.request({ ...request, route: 'introspect', introspected: { isActive: true, source: 'memory' } });
    const queries = widgetsOf(packaged.template).flatMap(({ properties }) => properties.query ?? []);
    const [, query = ''] = /^SOURCE '[^']+' \| (.*)$/s.exec(String(queries)) ?? [];
    expect(runQuery(query, lines)).toEqual([
      { tokens: 2, source: 'memory' },
      { tokens: 1, source: 'store' },
      { tokens: 1, source: 'issued' },
    ]);
  });

  test('docs/deploy.md says what the alarms cost', () => {
    const isFederated = ([name]: readonly [string, Json]) => /^(?:Federated|Issuer)/.test(name);
    const all = alarmsOf(packaged.template);
    const metrics = all.filter((alarm) => !isFederated(alarm)).flatMap(([, alarm]) => metricsOf(alarm));
    const more = all.filter(isFederated).flatMap(([, alarm]) => metricsOf(alarm));
    const deploying = readFileSync(join(import.meta.dirname, '../../../docs/deploy.md'), 'utf8');
    // 0.10 USD a month for each metric that an alarm looks at.
    expect(deploying).toContain(`${(metrics.length / 10).toFixed(1)} USD for the alarms`);
    expect(deploying).toContain(`${(more.length / 10).toFixed(1)} USD more with callers without IAM`);
  });
});
