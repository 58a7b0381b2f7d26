import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FEDERATED, FUNCTIONS } from '../../../infra/build/bundle.ts';
import { EVERYTHING } from './essentials.ts';
import { ALL_OPTIONS, packageAgain } from './options.ts';
import { type Json, type Packaged, packageService, type Template } from './packaged.ts';
import { ofType, parts } from './reading.ts';

interface Plain extends Template {
  readonly Parameters: Readonly<Record<string, { readonly Type: string; readonly Default?: unknown }>>;
  readonly Conditions: Json;
}

let packaged: Packaged;
let files: Readonly<Record<string, Buffer>>;
let plain: Plain;
let full: Plain;

const read = (home: string): Readonly<Record<string, Buffer>> =>
  Object.fromEntries(readdirSync(join(home, 'dist')).map((name) => [name, readFileSync(join(home, 'dist', name))]));
const templateOf = (all: Readonly<Record<string, Buffer>>): Plain => JSON.parse(String(all['template.json']));

beforeAll(async () => {
  packaged = await packageService(EVERYTHING);
  files = read(packaged.home);
  plain = templateOf(files);
  await packageAgain(packaged.home, { params: ALL_OPTIONS, isWhole: true });
  full = templateOf(read(packaged.home));
}, 120_000);
afterAll(() => rmSync(packaged.home, { recursive: true, force: true }));

test('each package has its digest in its name, and all are in SHA256SUMS', () => {
  const digests = Object.entries(files).map(([name, bytes]) => [
    createHash('sha256').update(bytes).digest('hex'),
    name,
  ]);
  const named = digests.filter(([, name]) => name !== 'SHA256SUMS');
  expect(String(files.SHA256SUMS).trim().split('\n').sort()).toEqual(named.map((pair) => pair.join('  ')).sort());
  const zips = named.filter(([, name]) => name?.endsWith('.zip'));
  expect(zips.map(([digest, name]) => name?.replace(`-${digest?.slice(0, 16)}.zip`, '')).sort()).toEqual(
    [...FUNCTIONS, FEDERATED].sort(),
  );
});

test('the functions are those packages, in a bucket that the deployment names', () => {
  for (const [id, { Code }] of ofType(plain, 'AWS::Lambda::Function')) {
    const { S3Bucket, S3Key } = Code as { S3Bucket: Json; S3Key: { 'Fn::Sub': string } };
    expect(S3Bucket, id).toEqual({ Ref: 'CodeBucket' });
    expect(files).toHaveProperty([S3Key['Fn::Sub'].replace(`\${CodePrefix}`, '')]);
  }
  // CloudFormation makes a version of exactly this code.
  for (const [, { CodeSha256 }] of ofType(plain, 'AWS::Lambda::Version')) {
    const digests = Object.values(files).map((bytes) => createHash('sha256').update(bytes).digest('base64'));
    expect(digests).toContain(CodeSha256);
  }
});

describe.each<[string, () => Plain]>([
  ['by default', () => plain],
  ['with every option set', () => full],
])('%s', (_name, template) => {
  test("nothing is left of the deployment tool's own", () => {
    const text = JSON.stringify(template());
    expect(text).not.toMatch(/serverless|sls-/i);
    expect(text).not.toMatch(/zitadel-token-broker-(prod|dev)/);
  });

  test('names follow the name of the stack', () => {
    const { Resources } = template();
    expect(Resources.TokenLambdaFunction?.Properties.FunctionName).toEqual({ 'Fn::Sub': `\${AWS::StackName}-token` });
    expect(Resources.TokenTable?.Properties.TableName).toEqual({ 'Fn::Sub': `\${AWS::StackName}` });
    expect(Resources.BugsAlarm?.Properties.AlarmName).toEqual({ 'Fn::Sub': `\${AWS::StackName}-bugs` });
  });

  test('every parameter is used, and every reference leads somewhere', () => {
    const { Parameters, Resources, Conditions } = template();
    const refs = [...parts({ Resources, Conditions }, '')].flatMap(([, { Ref }]) =>
      typeof Ref === 'string' ? [Ref] : [],
    );
    const used = new Set([...refs, 'CodePrefix']);
    expect(Object.keys(Parameters).filter((name) => !used.has(name))).toEqual([]);
    const known = new Set([...Object.keys(Parameters), ...Object.keys(Resources)]);
    expect(refs.filter((name) => !known.has(name) && !name.startsWith('AWS::'))).toEqual([]);
  });

  test('the CDK takes it', () => {
    const stack = new Stack(new App(), 'Broker');
    const included = new CfnInclude(stack, 'Template', {
      templateFile: writtenOf(template()),
      parameters: { CodeBucket: 'packages', CodePrefix: 'broker/' },
    });
    expect(included.getResource('TokenTable')).toBeDefined();
    const synthesised = App.of(stack)?.synth().getStackByName('Broker').template as Template;
    expect(Object.keys(synthesised.Resources).sort()).toEqual(Object.keys(template().Resources).sort());
    expect(synthesised.Resources.TokenLambdaFunction?.Properties).toMatchObject({ Code: { S3Bucket: 'packages' } });
  });
});

/** A file with the template, for the CDK. */
function writtenOf(template: Plain): string {
  const file = join(packaged.home, `plain-${Object.keys(template.Resources).length}.json`);
  writeFileSync(file, JSON.stringify(template));
  return file;
}

test('what the deployment has set are the defaults of its parameters', () => {
  const defaults = Object.fromEntries(Object.entries(full.Parameters).map(([name, { Default }]) => [name, Default]));
  expect(defaults).toMatchObject({
    AlarmTopicArn: ALL_OPTIONS.alarmTopicArn,
    LogRetentionDays: '365',
    ThrottleRate: '10',
    FederatedThrottleRate: '5',
    FederatedThrottleBurst: '10',
    VpcSubnetIds: ALL_OPTIONS.vpcSubnetIds,
  });
  expect(plain.Parameters.AlarmTopicArn?.Default).toBe('');
  expect(plain.Parameters).not.toHaveProperty('VpcSubnetIds');
});

test('alarms tell a topic only if there is one', () => {
  const told = { 'Fn::If': ['HasAlarmTopicArn', { Ref: 'AlarmTopicArn' }, { Ref: 'AWS::NoValue' }] };
  for (const template of [plain, full]) {
    for (const [, { AlarmActions, OKActions }] of ofType(template, 'AWS::CloudWatch::Alarm')) {
      expect([AlarmActions, OKActions]).toEqual([[told], [told]]);
    }
  }
  expect(full.Resources.RotationFailedRule).toMatchObject({
    Condition: 'HasAlarmTopicArn',
    Properties: { Targets: [{ Arn: { Ref: 'AlarmTopicArn' } }] },
  });
});

test('packaged again, it is the same to the byte', async () => {
  const again = await packageService(EVERYTHING);
  try {
    expect(String(read(again.home).SHA256SUMS)).toBe(String(files.SHA256SUMS));
  } finally {
    rmSync(again.home, { recursive: true, force: true });
  }
}, 120_000);
