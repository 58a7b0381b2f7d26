import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULTS, parametersOf } from './framework.ts';

const CERTIFICATE = 'arn:aws:acm:eu-central-1:111122223333:certificate/00000000-0000-4000-8000-000000000003';
const TOPIC = 'arn:aws:sns:eu-central-1:111122223333:alarms';

test('the defaults have no fault', async () => {
  expect(await parametersOf()).toMatchObject({ faults: [], warnings: [] });
});

test('every parameter has a rule, and every rule a parameter', async () => {
  const { values } = await parametersOf();
  expect(Object.keys(values).sort()).toEqual(Object.keys(DEFAULTS).sort());
});

describe('a parameter', () => {
  test.each([
    ['logRetentionDays', '365', '365'],
    ['throttleRate', '0.5', undefined],
    ['throttleRate', '2000', 2000],
    ['throttleBurst', '1.5', undefined],
    ['throttleRate', 'abc', undefined],
    ['throttleRate', '1e3', undefined],
    ['logRetentionDays', '31', undefined],
    ['logRetentionDays', '', undefined],
    ['alarmTopicArn', TOPIC, TOPIC],
    ['alarmTopicArn', '', ''],
    ['alarmTopicArn', 'nonsense', undefined],
    ['alarmTopicArn', TOPIC.replace('eu-central-1', 'us-east-1'), undefined],
    ['alarmTopicArn', `${TOPIC}:subscription`, undefined],
    ['tableKmsKeyArn', 'alias/x', undefined],
    ['tableKmsKeyArn', 'arn:aws:kms:eu-central-1:111122223333:alias/x', undefined],
    ['tableKmsKeyArn', 'arn:aws:kms:us-east-1:111122223333:key/1', undefined],
    ['secretsKmsKeyArn', 'arn:aws:kms:us-east-1:111122223333:key/1', ['arn:aws:kms:us-east-1:111122223333:key/1']],
    ['secretsKmsKeyArn', 'arn:aws:kms:us-east-1:111122223333:key/1, alias/x', undefined],
    ['prewarmSchedule', 'rate(1 minute)', 'rate(1 minute)'],
    ['prewarmSchedule', 'rate(15 minutes)', 'rate(15 minutes)'],
    ['prewarmSchedule', 'rate(16 minutes)', undefined],
    ['prewarmSchedule', 'rate(1 hour)', undefined],
    ['prewarmSchedule', 'rate(0 minutes)', undefined],
    ['prewarmSchedule', 'sometimes', undefined],
    ['requestTimeoutSeconds', '2.9', undefined],
    ['requestTimeoutSeconds', '3.5', 3.5],
    ['requestTimeoutSeconds', '5.1', undefined],
    ['requestTimeoutSeconds', 'soon', undefined],
    ['requestTimeoutSeconds', '', undefined],
    ['publicUrl', 'https://tokens.example.com/', 'https://tokens.example.com'],
    ['publicUrl', 'HTTPS://Tokens.Example.com/broker//', 'https://tokens.example.com/broker'],
    ['publicUrl', 'tokens.example.com', undefined],
    ['publicUrl', 'http://tokens.example.com', undefined],
    ['publicUrl', 'https://a@b.example', undefined],
    ['publicUrl', 'https://b.example?x=1', undefined],
    ['httpsProxy', 'http://p.example:3128', 'http://p.example:3128'],
    ['httpsProxy', 'socks5://p.example', undefined],
    ['httpsProxy', 'p.example', undefined],
    ['caBundle', 'test/proof/hostile/certificates/ca.pem', 'test/proof/hostile/certificates/ca.pem'],
    ['caBundle', 'nowhere.pem', undefined],
    ['caBundle', 'README.md', undefined],
    ['caBundle', '../ca.pem', undefined],
    ['tracing', 'active', undefined],
    ['metricsByProfile', 'yes', undefined],
    ['deletionProtection', 'true', true],
    ['reservedConcurrency', '20', 20],
    ['reservedConcurrency', '0', undefined],
    ['reservedConcurrency', '', null],
    ['federatedReservedConcurrency', '0', undefined],
    ['federatedReservedConcurrency', '', null],
    ['federatedThrottleRate', '2.5', 2.5],
    ['federatedThrottleBurst', '2.5', undefined],
    ['callerRate', '50', 50],
    ['callerRate', 'fast', undefined],
    ['secretsPrefix', 'zitadel/', 'zitadel/'],
    ['secretsPrefix', '*', undefined],
    ['permissionsBoundaryArn', 'arn:aws:iam::111122223333:policy/team/b', 'arn:aws:iam::111122223333:policy/team/b'],
    ['permissionsBoundaryArn', 'boundary', undefined],
    ['trafficShift', 'Canary10Percent5Minutes', 'Canary10Percent5Minutes'],
    ['trafficShift', 'Linear10PercentEvery1Minute', 'Linear10PercentEvery1Minute'],
    ['trafficShift', 'slowly', undefined],
    ['existingLogGroups', 'token, access', ['token', 'access']],
    ['existingLogGroups', '/aws/lambda/x', undefined],
    ['fips', 'on', undefined],
    ['api', 'rest', undefined],
    ['basePath', 'a/b', undefined],
    ['domainName', 'Tokens.example.com', undefined],
    ['domainName', 'tokens', undefined],
    ['certificateArn', CERTIFICATE.replace('eu-central-1', 'us-east-1'), undefined],
    ['callerAccounts', '1234', undefined],
    ['vpcEndpointIds', 'vpc-0123456789abcdef0', undefined],
  ])('%s=%s is %j', async (name, text, value) => {
    const { values, faults } = await parametersOf({ params: { [name]: text } });
    if (value === undefined) {
      expect(faults).toEqual([expect.stringMatching(new RegExp(`^${name} must be `))]);
      // The rest is checked as if it were not set.
      expect(values[name]).toEqual((await parametersOf()).values[name]);
    } else {
      expect(faults).toEqual([]);
      expect(values[name]).toEqual(value);
    }
  });
});

test('all faults are told at once', async () => {
  const params = { logRetentionDays: '31', throttleRate: 'abc', alarmTopicArn: 'nonsense', alarmTopicARN: TOPIC };
  const { faults } = await parametersOf({ params, stage: 'a'.repeat(33) });
  expect(faults.map((fault) => fault.split(' ').slice(0, 2).join(' '))).toEqual([
    'alarmTopicARN is',
    'logRetentionDays must',
    'throttleRate must',
    'alarmTopicArn must',
    'The stage',
  ]);
});

describe('what belongs together', () => {
  test.each([
    [
      'a misspelt name',
      { params: { alarmTopicARN: TOPIC } },
      'alarmTopicARN is not a parameter: is alarmTopicArn meant?',
    ],
    ['an unknown name', { params: { retries: '3' } }, /^retries is not a parameter: known are logRetentionDays, /],
    ['a proxy with a password', { params: { httpsProxy: 'socks5://me:hunter2@p' } }, /^(?!.*hunter2).*httpsProxy must/],
    ['a long stage', { stage: 'a'.repeat(33) }, /is too long: .* would have 65 characters, .* at most 32$/],
    ['a stage with an underscore', { stage: 'my_stage' }, /^The stage my_stage must begin with a letter/],
    ['FIPS in Europe', { params: { fips: 'true' } }, /^fips must be false in eu-central-1/],
    ['subnets alone', { params: { vpcSubnetIds: 'subnet-01234567' } }, /must be set together$/],
    [
      'a private API that nobody reaches',
      { params: { api: 'private' } },
      /^vpcEndpointIds must be set with api=private/,
    ],
    ['endpoints of no private API', { params: { vpcEndpointIds: 'vpce-01234567' } }, /^vpcEndpointIds has no effect/],
    ['an organisation for no private API', { params: { callerOrganization: 'o-a1b2c3d4e5' } }, /has no effect/],
    ['a domain without a certificate', { params: { domainName: 'tokens.example.com' } }, /must be set together$/],
    ['a path of no domain', { params: { basePath: 'broker' } }, /^basePath has no effect without domainName$/],
    ['groups alone', { params: { vpcSecurityGroupIds: 'sg-01234567' } }, /must be set together$/],
  ])('%s', async (_name, deployment, fault) => {
    expect((await parametersOf(deployment)).faults).toEqual([expect.stringMatching(fault)]);
  });

  test.each([
    [{ stage: 'a'.repeat(32) }],
    [{ params: { fips: 'true' }, region: 'us-gov-west-1' }],
    [{ params: { api: 'private', vpcEndpointIds: 'vpce-01234567,vpce-89abcdef', callerAccounts: '111122223333' } }],
    [{ params: { domainName: 'tokens.example.com', certificateArn: CERTIFICATE, basePath: 'broker' } }],
    [{ params: { vpcSubnetIds: 'subnet-01234567', vpcSecurityGroupIds: 'sg-01234567' } }],
  ])('%j is right', async (deployment) => {
    expect((await parametersOf(deployment)).faults).toEqual([]);
  });

  test('production without a topic', async () => {
    const { warnings } = await parametersOf({ stage: 'prod' });
    expect(warnings).toEqual([expect.stringMatching(/^No one learns of the alarms/)]);
    expect(await parametersOf({ stage: 'prod', params: { alarmTopicArn: TOPIC } })).toMatchObject({ warnings: [] });
  });
});

test('docs/deploy.md has a row for every parameter, and no other', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/deploy.md'), 'utf8');
  const [, table = ''] = text.split('\n## Parameters\n');
  const cells = [...(table.split('\n## ')[0] ?? '').matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell);
  const named = cells.slice(1).flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
  expect(named.sort()).toEqual(Object.keys(DEFAULTS).sort());
});
