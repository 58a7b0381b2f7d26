import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { bundle, FUNCTIONS } from '../../infra/build/bundle.ts';
import { openTarget } from '../../infra/operations/target.ts';
import { type Json, packageService, type Resource } from './template/packaged.ts';

const run = promisify(execFile);

// biome-ignore format: one profile a line
const PROFILES = `profiles:
  orders: { issuer: https://example.zitadel.cloud, secret: zitadel/orders, scopes: [urn:zitadel:iam:org:project:id:1:aud], callers: [arn:aws:iam::123456789012:role/orders] }
  shipping: { issuer: https://example.zitadel.cloud, secret: zitadel/shipping, subject: orders, callers: [arn:aws:iam::123456789012:role/shipping], prewarm: true }
  reports: { issuer: https://example.zitadel.cloud, secret: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reports-a1B2c3", callers: [arn:aws:iam::123456789012:role/reports] }
`;
const REPORTS_ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:reports-a1B2c3';

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
}

/** What `${file(infra/statements.cjs)}` in a template calls. */
type ResolveStatements = (framework: {
  resolveVariable: (name: string) => Promise<unknown>;
}) => Promise<Record<'token' | 'introspect' | 'revoke' | 'metadata' | 'prewarm' | 'rotate', readonly Statement[]>>;
const require = createRequire(import.meta.url);
const resolveStatements: ResolveStatements = require('../../infra/statements.cjs');
const resolveOptions: (framework: { resolveVariable: (name: string) => Promise<string> }) => Promise<object> =
  require('../../infra/options.cjs');

let home: string;
let output: string;
let resources: Record<string, Resource>;
let outputs: Json;

beforeAll(async () => {
  const packaged = await packageService(PROFILES);
  ({ home, output } = packaged);
  resources = packaged.template.Resources;
  outputs = packaged.template.Outputs;
}, 60_000);

afterAll(() => rmSync(home, { recursive: true, force: true }));

const ofType = (type: string) => Object.values(resources).filter(({ Type }) => Type === type);

/** The properties of a resource; empty where there is none of that name. */
const properties = (name: string): Json => resources[name]?.Properties ?? {};

const statements = (role: string): readonly Statement[] => {
  const policies = properties(role).Policies as { PolicyDocument: { Statement: Statement[] } }[];
  return policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
};

/** The logical name of a function begins so. */
const title = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

const getAtt = (resource: string) => ({ 'Fn::GetAtt': [resource, 'Arn'] });

const secret = (name: string) => ({
  'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${name}-??????`,
});

test('the packaging has nothing to complain of', () => {
  expect(output).toContain('Service packaged');
  expect(output).not.toMatch(/warning|deprecat|error/i);
});

describe('roles', () => {
  test.each([
    ['TokenRole', 'TokenLogs', [REPORTS_ARN, secret('zitadel/orders'), secret('zitadel/shipping')]],
    // Of shipping, and of orders, whose token it exchanges.
    ['PrewarmRole', 'PrewarmLogs', [secret('zitadel/orders'), secret('zitadel/shipping')]],
  ])('%s may do what its function does, and nothing else', (role, logs, secrets) => {
    expect(statements(role)).toEqual([
      { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: getAtt(logs) },
      { Effect: 'Allow', Action: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], Resource: getAtt('TokenTable') },
      ...secrets.map((Resource) => ({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource })),
    ]);
  });

  test('there are no others, and no function takes another', () => {
    expect(ofType('AWS::IAM::Role')).toHaveLength(FUNCTIONS.length);
    expect(ofType('AWS::IAM::Policy')).toEqual([]);
    for (const name of FUNCTIONS)
      expect(properties(`${title(name)}LambdaFunction`).Role).toEqual(getAtt(`${title(name)}Role`));
  });

  test.each(FUNCTIONS)('only Lambda takes the role of %s, to which nothing else is attached', (name) => {
    expect(properties(`${title(name)}Role`)).toEqual({
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      Policies: [expect.objectContaining({ PolicyName: name })],
    });
  });

  test('who only tells where the endpoints are may do nothing but log', () => {
    const logs = (of: string) => ({
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: getAtt(of),
    });
    expect(statements('MetadataRole')).toEqual([logs('MetadataLogs')]);
    // Nothing rotates here.
    expect(statements('RotateRole')).toEqual([logs('RotateLogs')]);
    // What every sandbox must know is read by these two as well, and written.
    const rows = {
      Effect: 'Allow',
      Action: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      Resource: getAtt('TokenTable'),
    };
    expect(statements('IntrospectRole')).toEqual([logs('IntrospectLogs'), rows]);
    expect(statements('RevokeRole')).toEqual([logs('RevokeLogs'), rows]);
  });
});

test('functions send segments only where they are wanted', async () => {
  const tracing = { Effect: 'Allow', Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], Resource: '*' };
  const variables = { 'param:tracing': 'Active' };
  const traced = await resolveStatements({ resolveVariable: async (name) => Reflect.get(variables, name) ?? '' });
  const untraced = await resolveStatements({ resolveVariable: async () => '' });
  for (const name of FUNCTIONS) expect(traced[name]).toEqual([...untraced[name], tracing]);
});

describe('statements', () => {
  let file: string;
  beforeAll(() => {
    file = join(home, 'profiles-with-everything.yml');
    writeFileSync(
      file,
      `profiles:
        orders: { secret: orders, revocation: { secret: orders-app, callers: [] }, introspection: api-app }
        shipping: { secret: shipping, subject: orders, prewarm: true }
        reports: { secret: reports, revocation: { secret: reports-app, callers: [] } }`,
    );
    vi.stubEnv('PROFILES_FILE', file);
  });
  afterAll(() => void vi.unstubAllEnvs());

  const resolve = (params: Record<string, string>) =>
    resolveStatements({ resolveVariable: async (name) => params[name] ?? '' });
  const resources = (of: readonly Statement[], action: string) =>
    of.filter(({ Action }) => Action === action).map(({ Resource }) => Resource);

  test('each function reads the secrets that it uses, and none of another', async () => {
    const { token, prewarm, introspect, revoke, metadata } = await resolve({});
    const all = ['api-app', 'orders', 'orders-app', 'reports', 'reports-app', 'shipping'];
    expect(resources(token, 'secretsmanager:GetSecretValue')).toEqual(all.map(secret));
    const used = ['api-app', 'orders', 'orders-app', 'shipping'];
    expect(resources(prewarm, 'secretsmanager:GetSecretValue')).toEqual(used.map(secret));
    expect(resources(introspect, 'secretsmanager:GetSecretValue')).toEqual([secret('api-app')]);
    const own = ['orders', 'orders-app', 'reports', 'reports-app'];
    expect(resources(revoke, 'secretsmanager:GetSecretValue')).toEqual(own.map(secret));
    expect(metadata).toHaveLength(1);
  });

  test("a key is used through its service only, and not at all unless it is the operator's own", async () => {
    const { token } = await resolve({ 'param:secretsKmsKeyArn': 'key/s', 'param:tableKmsKeyArn': 'key/t' });
    const decrypt = (Resource: string, service: string) => ({
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource,
      Condition: {
        StringEquals: { 'kms:ViaService': { 'Fn::Sub': `${service}.\${AWS::Region}.\${AWS::URLSuffix}` } },
      },
    });
    expect(token.filter(({ Action }) => Action === 'kms:Decrypt')).toEqual([
      decrypt('key/t', 'dynamodb'),
      decrypt('key/s', 'secretsmanager'),
    ]);
    expect(resources((await resolve({})).token, 'kms:Decrypt')).toEqual([]);
  });

  test('members of a secret are one secret; a secret of another region is decrypted there', async () => {
    const arn = 'arn:aws:secretsmanager:us-east-1:210987654321:secret:shared-a1B2c3';
    writeFileSync(
      file,
      `profiles:
        orders: { secret: "all#orders", introspection: "all#app" }
        billing: { secret: "${arn}#billing" }`,
    );
    const { token } = await resolve({ 'param:secretsKmsKeyArn': 'key/a, key/b' });
    expect(resources(token, 'secretsmanager:GetSecretValue')).toEqual([secret('all'), arn]);
    const via = (region: string) => ({ 'Fn::Sub': `secretsmanager.${region}.\${AWS::URLSuffix}` });
    expect(token.filter(({ Action }) => Action === 'kms:Decrypt')).toEqual([
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: ['key/a', 'key/b'],
        Condition: { StringEquals: { 'kms:ViaService': [via(`\${AWS::Region}`), via('us-east-1')] } },
      },
    ]);
  });
});

describe('functions', () => {
  test.each([
    ['TokenLambdaFunction', '.build/token/index.handler', 15],
    ['IntrospectLambdaFunction', '.build/introspect/index.handler', 10],
    ['RevokeLambdaFunction', '.build/revoke/index.handler', 15],
    ['MetadataLambdaFunction', '.build/metadata/index.handler', 5],
    ['PrewarmLambdaFunction', '.build/prewarm/index.handler', 60],
    ['RotateLambdaFunction', '.build/rotate/index.handler', 120],
  ])('%s', (name, Handler, Timeout) => {
    const made = properties(name);
    expect(made).toMatchObject({ Handler, Runtime: 'nodejs24.x', Architectures: ['arm64'], MemorySize: 1024, Timeout });
    expect(made).not.toHaveProperty('ReservedConcurrentExecutions');
    expect(made.Environment).toEqual({
      Variables: {
        TABLE_NAME: 'zitadel-token-broker-prod',
        METRICS_NAMESPACE: 'zitadel-token-broker-prod',
        REQUEST_TIMEOUT_SECONDS: '3',
        ...(name === 'MetadataLambdaFunction'
          ? { PUBLIC_URL: '', METADATA_ISSUER: 'https://example.zitadel.cloud' }
          : {}),
      },
    });
  });

  test.each(FUNCTIONS)('the package of %s holds its bundle and nothing else', (name) => {
    const zip = readFileSync(join(home, `.serverless/${name}.zip`));
    // Names stand in the central directory: its entries begin with PK\1\2, the name's length is at 28, the name at 46.
    const names: string[] = [];
    for (let at = zip.indexOf('PK\x01\x02', 0, 'latin1'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 46, 'latin1')) {
      names.push(zip.subarray(at + 46, at + 46 + zip.readUInt16LE(at + 28)).toString());
    }
    expect(names).toEqual([`.build/${name}/index.cjs`]);
  });

  test('what tells of the bundles stays beside them', () => {
    const beside = ['licences.txt', ...FUNCTIONS, ...FUNCTIONS.map((name) => `${name}.meta.json`)];
    expect(readdirSync(join(home, '.build')).sort()).toEqual(beside.sort());
    expect(readFileSync(join(home, '.build/licences.txt'), 'utf8')).toMatch(/^jose [\d.]+ MIT$/m);
  });

  test.each([
    ['missing.yml', undefined, /missing\.yml: cannot be read/],
    ['broken.yml', 'profiles: [1\nb: }', /broken\.yml:2:1 /],
    ['wrong.yml', 'profiles:\n  orders:\n    issuer: no', /wrong\.yml:3:13 profiles\.orders\.issuer must be a URL/],
  ])('a bundle of %s is refused', async (name, text, message) => {
    const profilesFile = join(home, name);
    if (text !== undefined) writeFileSync(profilesFile, text);
    await expect(bundle({ profilesFile, outdir: join(home, 'never') })).rejects.toThrow(message);
  });

  test('the bundle of token runs on its own', async () => {
    const script = `
      const { handler } = require(${JSON.stringify(join(home, '.build/token/index.cjs'))});
      handler({}, { getRemainingTimeInMillis: () => 15000, awsRequestId: 'r1' }).then((answer) => console.error(JSON.stringify(answer)));`;
    const env = { TABLE_NAME: 'tokens', AWS_REGION: 'eu-central-1' };
    const { stderr } = await run(process.execPath, ['--eval', script], { cwd: tmpdir(), env });
    expect(JSON.parse(stderr)).toMatchObject({ statusCode: 401, body: expect.stringContaining('"request_id":"r1"') });
  });

  test('the bundle of rotate runs on its own, and without a table', async () => {
    const script = `
      const { handler } = require(${JSON.stringify(join(home, '.build/rotate/index.cjs'))});
      handler({}).catch(({ message }) => console.error(message));`;
    const env = { AWS_REGION: 'eu-central-1' };
    const { stdout, stderr } = await run(process.execPath, ['--eval', script], { cwd: tmpdir(), env });
    expect(stderr).toMatch('not an event of Secrets Manager');
    expect(JSON.parse(stdout)).toMatchObject({ route: 'rotate', RotationsFailed: 1 });
  });

  test('prewarm runs every five minutes, and a failed run is not repeated', () => {
    expect(properties('PrewarmEventsRuleSchedule1')).toMatchObject({
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
    });
    expect(properties('PrewarmLambdaEvConf')).toMatchObject({
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });
});

describe('the API', () => {
  test('every route wants IAM authorisation, but the one that tells where the others are', () => {
    const routes = ofType('AWS::ApiGatewayV2::Route').map(({ Properties }) => [
      Properties.RouteKey,
      Properties.AuthorizationType,
    ]);
    expect(Object.fromEntries(routes)).toEqual({
      'POST /{profile}/oauth/v2/token': 'AWS_IAM',
      'POST /{profile}/oauth/v2/introspect': 'AWS_IAM',
      'POST /{profile}/oauth/v2/revoke': 'AWS_IAM',
      'GET /{profile}/.well-known/openid-configuration': undefined,
    });
  });

  test('throttles, and logs access without headers, queries and bodies', () => {
    const { DefaultRouteSettings, AccessLogSettings } = properties('HttpApiStage') as Record<string, Json>;
    expect(DefaultRouteSettings).toMatchObject({ ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 });
    expect(AccessLogSettings?.DestinationArn).toEqual(getAtt('AccessLogs'));
    expect(() => JSON.parse(String(AccessLogSettings?.Format))).not.toThrow();
    // An allow-list: whatever joins it is looked at for secrets.
    expect(String(AccessLogSettings?.Format).match(/\$context\.[\w.]+/g)).toEqual([
      '$context.requestId',
      '$context.requestTimeEpoch',
      '$context.routeKey',
      '$context.status',
      '$context.identity.userArn',
      '$context.identity.sourceIp',
      '$context.responseLatency',
      '$context.responseLength',
      '$context.error.responseType',
      '$context.integrationErrorMessage',
    ]);
  });

  test('only this API and only these rules may call the functions', () => {
    const permissions = ofType('AWS::Lambda::Permission').map(({ Properties }) => Properties);
    expect(permissions.map(({ Principal }) => Principal).sort()).toEqual([
      ...Array(4).fill('apigateway.amazonaws.com'),
      ...Array(2).fill('events.amazonaws.com'),
    ]);
    expect(properties('TokenLambdaPermissionHttpApi').SourceArn).toMatchObject({
      'Fn::Join': ['', expect.arrayContaining([{ Ref: 'AWS::AccountId' }, { Ref: 'HttpApi' }])],
    });
    expect(properties('PrewarmLambdaPermissionEventsRuleSchedule1').SourceArn).toEqual(
      getAtt('PrewarmEventsRuleSchedule1'),
    );
  });

  test('answers no browsers of other origins', () => {
    expect(properties('HttpApi')).not.toHaveProperty('CorsConfiguration');
  });

  test('events have payload format 2.0', () => {
    expect(ofType('AWS::ApiGatewayV2::Integration')[0]?.Properties.PayloadFormatVersion).toBe('2.0');
  });
});

test('the table is encrypted, recoverable, protected in production, and forgets', () => {
  expect(properties('TokenTable')).toMatchObject({
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
    SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    DeletionProtectionEnabled: true,
  });
});

test('every log group has a retention, and every function one of its own', () => {
  const groups = ofType('AWS::Logs::LogGroup').map(({ Properties }) => Properties);
  expect(groups.map(({ LogGroupName }) => LogGroupName)).toEqual([
    ...FUNCTIONS.map((name) => `/aws/lambda/zitadel-token-broker-prod-${name}`),
    '/aws/http-api/zitadel-token-broker-prod',
  ]);
  expect(groups.every(({ RetentionInDays }) => RetentionInDays === 30)).toBe(true);
});

/** What an alarm looks at: a metric, or an expression. */
const watched = ({ Namespace, MetricName, Metrics = [] }: Json): string =>
  MetricName === undefined
    ? String((Metrics as { Expression?: string }[]).find(({ Expression }) => Expression !== undefined)?.Expression)
    : `${Namespace} ${MetricName}`;

const SIGNS: Readonly<Record<string, string>> = { GreaterThanThreshold: '>', LessThanThreshold: '<' };

/** When an alarm is raised: how often, in how many periods of so many seconds. */
function when(alarm: Json): string {
  const { ComparisonOperator, Threshold, Statistic, ExtendedStatistic, EvaluationPeriods: periods } = alarm;
  const [, query] = (alarm.Metrics ?? []) as { MetricStat: { Period: number } }[];
  const seconds = alarm.Period ?? query?.MetricStat.Period;
  const measure = [Statistic ?? ExtendedStatistic ?? 'share', SIGNS[String(ComparisonOperator)], Threshold].join(' ');
  return `${measure}, ${alarm.DatapointsToAlarm ?? periods} of ${periods} × ${seconds} s`;
}

test("the commands of operators name the stage's table", () => {
  const { explain } = openTarget({ stage: 'prod', region: 'eu-central-1', local: false, port: '1' });
  const { message } = explain({ kind: 'unavailable', detail: 'ResourceNotFoundException' });
  expect(message).toBe(
    `eu-central-1 has no table ${properties('TokenTable').TableName}: are --stage, --region and the AWS account right?`,
  );
});

test('alarms', () => {
  const alarms = ofType('AWS::CloudWatch::Alarm').map(({ Properties }) => [
    String(Properties.AlarmName).replace('zitadel-token-broker-prod-', ''),
    [watched(Properties), when(Properties), Properties.TreatMissingData],
  ]);
  const once = 'Sum > 0, 1 of 1 × 300 s';
  const again = 'Sum > 0, 2 of 3 × 300 s';
  const lasting = 'Sum > 0, 3 of 6 × 300 s';
  const failed = '(FILL(answered, 0) + FILL(short, 0) + FILL(crashed, 0) + FILL(throttled, 0))';
  const burn = (least: number) =>
    `IF(${failed} >= ${least}, ${failed} / (FILL(invoked, 0) + FILL(throttled, 0)) / 0.0005, 0)`;
  const own = 'zitadel-token-broker-prod';
  expect(Object.fromEntries(alarms)).toEqual({
    ...Object.fromEntries(
      FUNCTIONS.flatMap((name) => [
        [`${name}-errors`, ['AWS/Lambda Errors', name === 'prewarm' ? again : once, 'notBreaching']],
        [`${name}-throttles`, ['AWS/Lambda Throttles', once, 'notBreaching']],
      ]),
    ),
    'prewarm-missing': ['AWS/Lambda Invocations', 'Sum < 1, 1 of 1 × 900 s', 'breaching'],
    'credential-refused': [`${own} CredentialRefused`, once, 'notBreaching'],
    'credential-expiring': [`${own} CredentialDaysLeft`, 'Minimum < 14, 1 of 1 × 86400 s', 'notBreaching'],
    'rotations-failed': [`${own} RotationsFailed`, once, 'notBreaching'],
    'renewals-failed': [`${own} RenewalsFailed`, again, 'notBreaching'],
    unavailable: [`${own} Unavailable`, again, 'notBreaching'],
    'table-away': [`${own} TableAway`, lasting, 'notBreaching'],
    'secrets-away': [`${own} SecretsAway`, lasting, 'notBreaching'],
    'zitadel-away': [`${own} ZitadelAway`, lasting, 'notBreaching'],
    'promise-fast': [burn(2), 'share > 14.4, 1 of 1 × 3600 s', 'notBreaching'],
    'promise-slow': [burn(4), 'share > 6, 1 of 1 × 21600 s', 'notBreaching'],
    bugs: [`${own} Bugs`, once, 'notBreaching'],
    'api-errors': [
      'IF(requests > 0, 100 * FILL(errors, 0) / requests, 0)',
      'share > 5, 2 of 15 × 60 s',
      'notBreaching',
    ],
    'api-latency': ['AWS/ApiGateway Latency', 'p99 > 3000, 3 of 4 × 300 s', 'notBreaching'],
  });
});

test('the share of errors is that of the API, by the minute', () => {
  const sum = (Id: string, MetricName: string) => ({
    Id,
    MetricStat: {
      Metric: { Namespace: 'AWS/ApiGateway', MetricName, Dimensions: [{ Name: 'ApiId', Value: { Ref: 'HttpApi' } }] },
      Period: 60,
      Stat: 'Sum',
    },
    ReturnData: false,
  });
  expect(properties('ApiErrorsAlarm').Metrics).toEqual([
    expect.objectContaining({ Id: 'share', ReturnData: true }),
    sum('requests', 'Count'),
    sum('errors', '5xx'),
  ]);
});

test('the alarms on the promise to callers look at all that fails', () => {
  const own = { Namespace: 'zitadel-token-broker-prod' };
  const Dimensions = [{ Name: 'FunctionName', Value: { Ref: 'TokenLambdaFunction' } }];
  const inWindow = (Period: number, Id: string, Metric: object) => ({
    Id,
    MetricStat: { Metric, Period, Stat: 'Sum' },
    ReturnData: false,
  });
  for (const [name, seconds] of [
    ['PromiseFastAlarm', 3600],
    ['PromiseSlowAlarm', 21_600],
  ] as const) {
    expect(properties(name).Metrics).toEqual([
      expect.objectContaining({ Id: 'burn', ReturnData: true }),
      inWindow(seconds, 'answered', { ...own, MetricName: 'ServerErrors' }),
      inWindow(seconds, 'short', { ...own, MetricName: 'LastResort' }),
      inWindow(seconds, 'crashed', { Namespace: 'AWS/Lambda', MetricName: 'Errors', Dimensions }),
      inWindow(seconds, 'throttled', { Namespace: 'AWS/Lambda', MetricName: 'Throttles', Dimensions }),
      inWindow(seconds, 'invoked', { Namespace: 'AWS/Lambda', MetricName: 'Invocations', Dimensions }),
    ]);
  }
});

test.each(FUNCTIONS)('the alarms of %s look at it', (name) => {
  const itself = [{ Name: 'FunctionName', Value: { Ref: `${title(name)}LambdaFunction` } }];
  for (const kind of ['Errors', 'Throttles']) {
    expect(properties(`${title(name)}${kind}Alarm`)).toMatchObject({ Dimensions: itself, Statistic: 'Sum' });
  }
});

test('prewarm is missed after 15 minutes', () => {
  expect(properties('PrewarmMissingAlarm')).toMatchObject({
    Dimensions: [{ Name: 'FunctionName', Value: { Ref: 'PrewarmLambdaFunction' } }],
    Statistic: 'Sum',
    Period: 900,
    EvaluationPeriods: 1,
  });
});

const withOptions = (set: Readonly<Record<string, string>>) =>
  resolveOptions({
    resolveVariable: async (name) =>
      ({
        'param:requestTimeoutSeconds': '3',
        'param:metricsByProfile': 'false',
        'param:tracing': 'PassThrough',
        ...set,
      })[name] ?? '',
  });

test.each([
  [{}, { tableEncryption: { SSEEnabled: true, SSEType: 'KMS' } }],
  [{ 'param:tableKmsKeyArn': 'key' }, { tableEncryption: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: 'key' } }],
  [{ 'param:requestTimeoutSeconds': '3' }, { timeouts: { token: 15, introspect: 10, revoke: 15 } }],
  [{ 'param:requestTimeoutSeconds': '3.5' }, { timeouts: { token: 16, introspect: 11, revoke: 17 } }],
  [{ 'param:requestTimeoutSeconds': '5' }, { timeouts: { token: 19, introspect: 14, revoke: 21 } }],
  [{ 'param:metricsByProfile': 'true' }, { environment: { METRICS_BY_PROFILE: 'true' } }],
  [
    { 'param:httpsProxy': 'http://p.example:3128', 'param:noProxy': 'a.example' },
    { environment: { HTTPS_PROXY: 'http://p.example:3128', NO_PROXY: 'a.example' }, patterns: ['!**'] },
  ],
  [
    { 'param:caBundle': './test/proof/hostile/certificates/ca.pem' },
    {
      environment: { NODE_EXTRA_CA_CERTS: '/var/task/test/proof/hostile/certificates/ca.pem' },
      patterns: ['!**', 'test/proof/hostile/certificates/ca.pem'],
    },
  ],
])('with the options %o', async (set, expected) => {
  expect(await withOptions(set as Readonly<Record<string, string>>)).toMatchObject(expected);
});

test.each([
  ['', ''],
  ['https://tokens.example.com', 'https://tokens.example.com'],
  ['https://tokens.example.com/', 'https://tokens.example.com'],
  ['HTTPS://Tokens.Example.com/broker//', 'https://tokens.example.com/broker'],
])('the public URL %j is %j', async (set, publicUrl) => {
  expect(await withOptions({ 'param:publicUrl': set })).toMatchObject({ publicUrl });
});

test.each(['tokens.example.com', 'http://tokens.example.com', 'https://a@b.example', 'https://b.example?x=1', 'x'])(
  'the public URL %j is refused',
  async (set) => {
    await expect(withOptions({ 'param:publicUrl': set })).rejects.toThrow('publicUrl must be an https URL');
  },
);

test('of several issuers, one is named in the metadata, or none', async () => {
  const file = join(home, 'two-issuers.yml');
  writeFileSync(file, 'profiles: { a: { issuer: https://a.example }, b: { issuer: https://b.example } }');
  vi.stubEnv('PROFILES_FILE', file);
  try {
    expect(await withOptions({})).toMatchObject({ metadataIssuer: '' });
    const named = await withOptions({ 'param:metadataIssuer': 'https://b.example' });
    expect(named).toMatchObject({ metadataIssuer: 'https://b.example' });
    await expect(withOptions({ 'param:metadataIssuer': 'https://c.example' })).rejects.toThrow(
      'metadataIssuer must be an issuer of the profiles: https://a.example, https://b.example',
    );
  } finally {
    vi.unstubAllEnvs();
  }
});

test.each([
  ['httpsProxy', 'socks5://p.example', 'httpsProxy must be a URL such as http://proxy.example.com:3128'],
  ['httpsProxy', 'p.example', 'httpsProxy must be a URL such as http://proxy.example.com:3128'],
  ['caBundle', 'nowhere.pem', 'caBundle must be a file of certificates in PEM; nowhere.pem has none'],
  ['caBundle', 'README.md', 'caBundle must be a file of certificates in PEM; README.md has none'],
  ['tracing', 'active', 'tracing must be Active or PassThrough; it is active'],
  ['metricsByProfile', 'yes', 'metricsByProfile must be true or false'],
  ['caBundle', '../ca.pem', 'caBundle must be a file within the project'],
])('%s=%s is refused', async (name, value, message) => {
  await expect(withOptions({ [`param:${name}`]: value })).rejects.toThrow(message);
});

test.each(['2.9', '5.1', 'soon', ''])('a request may not take %j seconds', async (seconds) => {
  await expect(withOptions({ 'param:requestTimeoutSeconds': seconds })).rejects.toThrow(
    'requestTimeoutSeconds must be a number from 3 to 5',
  );
});

test('without a topic, alarms tell nobody', () => {
  for (const { Properties } of ofType('AWS::CloudWatch::Alarm'))
    expect(Properties).toMatchObject({ AlarmActions: [], OKActions: [] });
});

test('the stack says where the broker is and what callers need', () => {
  const { BrokerUrl, InvokeArn } = outputs as Record<string, { Value: unknown }>;
  expect(JSON.stringify(BrokerUrl?.Value)).toMatch(/https:.*HttpApi.*execute-api.*AWS::Region/);
  expect(JSON.stringify(InvokeArn?.Value)).toMatch(/execute-api.*HttpApi.*\/POST\/PROFILE\/oauth\/v2\/token/);
});
