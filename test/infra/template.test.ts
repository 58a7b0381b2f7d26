import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { bundle, FUNCTIONS } from '../../infra/build/bundle.ts';
import { openTarget } from '../../infra/operations/target.ts';
import { optionsOf, parametersOf, rolesOf, type Statement, statementsIn } from './template/framework.ts';
import { type Json, packageService, type Resource } from './template/packaged.ts';

const run = promisify(execFile);

// biome-ignore format: one profile a line
const PROFILES = `profiles:
  orders: { issuer: https://example.zitadel.cloud, secret: zitadel/orders, scopes: [urn:zitadel:iam:org:project:id:1:aud], callers: [arn:aws:iam::123456789012:role/orders] }
  shipping: { issuer: https://example.zitadel.cloud, secret: zitadel/shipping, subject: orders, callers: [arn:aws:iam::123456789012:role/shipping], prewarm: true }
  reports: { issuer: https://example.zitadel.cloud, secret: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:reports-a1B2c3", callers: [arn:aws:iam::123456789012:role/reports] }
`;
const REPORTS_ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:reports-a1B2c3';

let home: string;
let output: string;
let resources: Record<string, Resource>;
let outputs: Json;

beforeAll(async () => {
  const packaged = await packageService(PROFILES);
  ({ home, output } = packaged);
  resources = packaged.template.Resources;
  outputs = packaged.template.Outputs;
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

const ofType = (type: string) => Object.values(resources).filter(({ Type }) => Type === type);

/** The properties of a resource; empty where there is none of that name. */
const properties = (name: string): Json => resources[name]?.Properties ?? {};

const statements = (role: string): readonly Statement[] => statementsIn(resources, role);

/** The logical name of a function begins so. */
const title = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

const getAtt = (resource: string) => ({ 'Fn::GetAtt': [resource, 'Arn'] });

const secret = (name: string) => ({
  'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${name}-??????`,
});

test('the packaging has nothing to complain of', () => {
  expect(output).toContain('Service packaged');
  expect(output.match(/warning.*/gi)).toEqual([
    'Warning: No one learns of the alarms: set alarmTopicArn to the ARN of an SNS topic.',
    "Warning: 123456789012 is the account of an example: write that of the callers' roles",
    'Warning: Fields of these profiles have changed their meaning since 0.1.0: if you upgrade from it, see npm run profiles -- --from 0.1.0',
    'Warning: https://example.zitadel.cloud is an example: write the issuer of your own ZITADEL in the profiles',
  ]);
  expect(output).not.toMatch(/deprecat|error/i);
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
      { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: secrets },
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
      Tags: expect.any(Array),
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

test('functions send segments, and join a network, only where that is wanted', async () => {
  const tracing = { Effect: 'Allow', Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], Resource: '*' };
  const network = {
    Action: expect.arrayContaining(['ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface']),
    Resource: '*',
  };
  const plain = (await rolesOf()).template.Resources;
  const params = { tracing: 'Active', vpcSubnetIds: 'subnet-0123456789abcdef0', vpcSecurityGroupIds: 'sg-01234567' };
  const more = (await rolesOf({ params })).template.Resources;
  for (const name of FUNCTIONS) {
    const before = statementsIn(plain, `${title(name)}Role`);
    const added = statementsIn(more, `${title(name)}Role`).filter(
      (statement) => !before.some((known) => isDeepStrictEqual(known, statement)),
    );
    expect(added).toEqual([
      tracing,
      { Effect: 'Allow', ...network },
      {
        Effect: 'Deny',
        ...network,
        Condition: {
          ArnEquals: {
            'lambda:SourceFunctionArn': {
              'Fn::Sub': expect.stringMatching(new RegExp(`:function:zitadel-token-broker-dev-${name}$`)),
            },
          },
        },
      },
    ]);
  }
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

  /** What the role of a function may do with an action, resource by resource. */
  async function resourcesFor(action: string, params: Record<string, string> = {}) {
    const { Resources } = (await rolesOf({ params })).template;
    return (name: string) =>
      statementsIn(Resources, `${title(name)}Role`)
        .filter(({ Action }) => Action === action)
        .flatMap(({ Resource }) => Resource);
  }

  test('each function reads the secrets that it uses, and none of another', async () => {
    const readBy = await resourcesFor('secretsmanager:GetSecretValue');
    const all = ['api-app', 'orders', 'orders-app', 'reports', 'reports-app', 'shipping'];
    expect(readBy('token')).toEqual(all.map(secret));
    expect(readBy('prewarm')).toEqual(['api-app', 'orders', 'orders-app', 'shipping'].map(secret));
    expect(readBy('introspect')).toEqual([secret('api-app')]);
    expect(readBy('revoke')).toEqual(['orders', 'orders-app', 'reports', 'reports-app'].map(secret));
    expect(readBy('metadata')).toEqual([]);
  });

  test('where nothing is prewarmed, prewarm may do nothing but log', async () => {
    writeFileSync(join(home, 'cold.yml'), 'profiles: { orders: { secret: orders } }');
    vi.stubEnv('PROFILES_FILE', join(home, 'cold.yml'));
    const { Resources } = (await rolesOf()).template;
    vi.stubEnv('PROFILES_FILE', file);
    expect(statementsIn(Resources, 'PrewarmRole').map(({ Action }) => Action)).toEqual([
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
    ]);
  });

  const key = (name: string, region = 'eu-central-1') => `arn:aws:kms:${region}:123456789012:key/${name}`;
  const decrypting = async (params: Record<string, string>) => {
    const { Resources } = (await rolesOf({ params })).template;
    return statementsIn(Resources, 'TokenRole').filter(({ Action }) => Action === 'kms:Decrypt');
  };

  test("a key is used through its service only, and not at all unless it is the operator's own", async () => {
    const decrypt = (Resource: string, service: string) => ({
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource,
      Condition: {
        StringEquals: { 'kms:ViaService': { 'Fn::Sub': `${service}.\${AWS::Region}.\${AWS::URLSuffix}` } },
      },
    });
    expect(await decrypting({ secretsKmsKeyArn: key('s'), tableKmsKeyArn: key('t') })).toEqual([
      decrypt(key('t'), 'dynamodb'),
      decrypt(key('s'), 'secretsmanager'),
    ]);
    expect(await decrypting({})).toEqual([]);
  });

  test('members of a secret are one secret; a secret of another region is decrypted there', async () => {
    const arn = 'arn:aws:secretsmanager:us-east-1:210987654321:secret:shared-a1B2c3';
    writeFileSync(
      file,
      `profiles:
        orders: { secret: "all#orders", introspection: "all#app" }
        billing: { secret: "${arn}#billing" }`,
    );
    const readBy = await resourcesFor('secretsmanager:GetSecretValue');
    expect(readBy('token')).toEqual([secret('all'), arn]);
    const via = (region: string) => ({ 'Fn::Sub': `secretsmanager.${region}.\${AWS::URLSuffix}` });
    const keys = [key('a'), key('b', 'us-east-1')];
    expect(await decrypting({ secretsKmsKeyArn: keys.join(', ') })).toEqual([
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: keys,
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

  test.each(FUNCTIONS)('the package of %s holds its bundle, its licences and nothing else', (name) => {
    const zip = readFileSync(join(home, `.serverless/${name}.zip`));
    // Names stand in the central directory: its entries begin with PK\1\2, the name's length is at 28, the name at 46.
    const names: string[] = [];
    for (let at = zip.indexOf('PK\x01\x02', 0, 'latin1'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 46, 'latin1')) {
      names.push(zip.subarray(at + 46, at + 46 + zip.readUInt16LE(at + 28)).toString());
    }
    expect(names.sort()).toEqual([`.build/${name}/THIRD-PARTY-LICENSES`, `.build/${name}/index.cjs`]);
  });

  test('what tells of the bundles stays beside them', () => {
    const beside = [...FUNCTIONS, ...FUNCTIONS.map((name) => `${name}.meta.json`)];
    expect(readdirSync(join(home, '.build')).sort()).toEqual(beside.sort());
    expect(readFileSync(join(home, '.build/token/THIRD-PARTY-LICENSES'), 'utf8')).toMatch(/^- jose [\d.]+ \(MIT\)$/m);
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
      'Fn::Sub': expect.stringMatching(/:\$\{AWS::AccountId\}:\$\{HttpApi\}\/\*$/),
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
  expect(groups.map(({ LogGroupName }) => LogGroupName).sort()).toEqual([
    '/aws/http-api/zitadel-token-broker-prod',
    ...FUNCTIONS.map((name) => `/aws/lambda/zitadel-token-broker-prod-${name}`).sort(),
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

test.each([
  [{}, { tableEncryption: { SSEEnabled: true, SSEType: 'KMS' }, timeouts: { token: 15, introspect: 10, revoke: 15 } }],
  [
    { tableKmsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/t' },
    { tableEncryption: { KMSMasterKeyId: 'arn:aws:kms:eu-central-1:123456789012:key/t' } },
  ],
  [{ requestTimeoutSeconds: '3.5' }, { timeouts: { token: 16, introspect: 11, revoke: 17 } }],
  [{ requestTimeoutSeconds: '5' }, { timeouts: { token: 19, introspect: 14, revoke: 21 } }],
  [{ metricsByProfile: 'true' }, { environment: { METRICS_BY_PROFILE: 'true' } }],
  [{ callerRate: '2.5' }, { environment: { CALLER_RATE: '2.5' } }],
  [
    { httpsProxy: 'http://p.example:3128', noProxy: 'a.example' },
    { environment: { HTTPS_PROXY: 'http://p.example:3128', NO_PROXY: 'a.example' }, patterns: ['!**'] },
  ],
  [
    { caBundle: './test/proof/hostile/certificates/ca.pem' },
    {
      environment: { NODE_EXTRA_CA_CERTS: '/var/task/test/proof/hostile/certificates/ca.pem' },
      patterns: ['!**', 'test/proof/hostile/certificates/ca.pem'],
    },
  ],
  [
    { vpcSubnetIds: 'subnet-01234567, subnet-89abcdef', vpcSecurityGroupIds: 'sg-01234567' },
    { vpc: { subnetIds: ['subnet-01234567', 'subnet-89abcdef'], securityGroupIds: ['sg-01234567'] } },
  ],
])('with the options %o', async (params, expected) => {
  expect(await optionsOf({ params: params as Record<string, string> })).toMatchObject(expected);
});

test('FIPS endpoints are used where they are wanted', async () => {
  const fips = { AWS_USE_FIPS_ENDPOINT: 'true' };
  expect(await optionsOf({ params: { fips: 'true' }, region: 'us-east-1' })).toMatchObject({ environment: fips });
  expect(await optionsOf({ region: 'us-east-1' })).not.toMatchObject({ environment: fips });
});

test('of several issuers, one is named in the metadata, or none', async () => {
  const file = join(home, 'two-issuers.yml');
  writeFileSync(file, 'profiles: { a: { issuer: https://a.example }, b: { issuer: https://b.example } }');
  vi.stubEnv('PROFILES_FILE', file);
  try {
    expect(await optionsOf()).toMatchObject({ metadataIssuer: '' });
    const named = await optionsOf({ params: { metadataIssuer: 'https://b.example' } });
    expect(named).toMatchObject({ metadataIssuer: 'https://b.example' });
    expect((await parametersOf({ params: { metadataIssuer: 'https://c.example' } })).faults).toEqual([
      'metadataIssuer must be an issuer of the profiles: https://a.example, https://b.example',
    ]);
  } finally {
    vi.unstubAllEnvs();
  }
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
