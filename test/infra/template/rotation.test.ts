import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Deployment, rolesOf, rotationOf, statementsIn } from './framework.ts';
import type { Json, Resource } from './packaged.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'rotation-'));
  vi.stubEnv('PROFILES_FILE', join(home, 'profiles.yml'));
});
beforeEach(() => void vi.stubEnv('AWS_ACCOUNT_ID', undefined));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/reports-a1B2c3';
const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:alarms';

/** What is said of these profiles, one a line. */
async function rotationFor(profiles: readonly string[], deployment: Deployment = {}) {
  writeFileSync(join(home, 'profiles.yml'), ['profiles:', ...profiles].join('\n  '));
  return rotationOf(deployment);
}

/** The resources for these profiles. */
const resourcesFor = async (profiles: readonly string[], deployment?: Deployment): Promise<Record<string, Resource>> =>
  (await rotationFor(profiles, deployment)).template.Resources;

/** The schedules for these profiles: how many days each secret has, and the logical name of its schedule. */
async function schedulesFor(profiles: readonly string[]) {
  const schedules = Object.entries(await resourcesFor(profiles)).filter(([, { Type }]) => /Schedule$/.test(Type));
  return schedules.map(([id, { Properties }]) => {
    const { AutomaticallyAfterDays } = Properties.RotationRules as Json;
    return { id, secret: Properties.SecretId, days: AutomaticallyAfterDays };
  });
}

const REPORTS = 'reports: { secret: zitadel/reports, rotation: { every: 30d } }';
const PLAIN = 'plain: { secret: zitadel/plain, introspection: zitadel/plain-api }';
const BILLING = 'billing: { secret: zitadel/billing, rotation: { every: 90d, by: reports } }';
const BOTH =
  'both: { secret: zitadel/both, introspection: { secret: zitadel/api, rotation: { every: 7d, by: owner } }, ' +
  'revocation: { secret: zitadel/app, callers: [], rotation: { every: 365d, by: owner } } }';
const AGAIN = 'again: { secret: zitadel/reports, rotation: { every: 30d } }';
const OWNER = 'owner: { secret: "zitadel/owners#first" }';

describe('the schedules', () => {
  test.each([
    ['of nothing', [PLAIN], []],
    ['of a service account', [PLAIN, REPORTS], [['zitadel/reports', 30]]],
    [
      'of an application',
      [REPORTS, BILLING],
      [
        ['zitadel/reports', 30],
        ['zitadel/billing', 90],
      ],
    ],
    [
      'of those that introspect and revoke',
      [OWNER, BOTH],
      [
        ['zitadel/api', 7],
        ['zitadel/app', 365],
      ],
    ],
    ['of one secret in two profiles', [REPORTS, AGAIN], [['zitadel/reports', 30]]],
  ])('%s', async (_name, profiles, expected) => {
    const schedules = await schedulesFor(profiles);
    expect(schedules.map(({ secret, days }) => [secret, days])).toEqual(expected);
  });

  test('have names that stay, in whatever order the profiles are, and however the secret is named', async () => {
    const ids = async (profiles: readonly string[]) =>
      Object.fromEntries((await schedulesFor(profiles)).map(({ id, secret }) => [secret, id]));
    const before = await ids([REPORTS, BILLING]);
    expect(Object.values(before)).toEqual([expect.stringMatching(/^Rotation\w{16}Schedule$/), expect.any(String)]);
    expect(new Set(Object.values(before)).size).toBe(2);
    expect(await ids([BILLING, REPORTS])).toEqual(before);
    expect(await ids([REPORTS.replace('zitadel/reports', `"${ARN}"`)])).toEqual({ [ARN]: before['zitadel/reports'] });
  });
});

test.each([
  ['nothing rotates', [PLAIN], TOPIC, []],
  ['nobody is told', [REPORTS], '', ['RotateLambdaPermissionSecretsManager']],
  ['somebody is told', [REPORTS], TOPIC, ['RotateLambdaPermissionSecretsManager', 'RotationFailedRule']],
])('what else there is where %s', async (_name, profiles, topic, expected) => {
  const names = Object.keys(await resourcesFor(profiles, { params: { alarmTopicArn: topic } }));
  const others = names.filter((name) => !/Schedule$/.test(name));
  expect(others).toEqual(['SecretChangedRule', 'PrewarmLambdaPermissionSecretChangedRule', ...expected]);
});

test('the rules wait for what Secrets Manager sends', async () => {
  const { SecretChangedRule, RotationFailedRule } = await resourcesFor([REPORTS], { params: { alarmTopicArn: TOPIC } });
  expect(SecretChangedRule?.Properties.EventPattern).toEqual({
    source: ['aws.secretsmanager'],
    'detail-type': ['Secret Label Updated'],
    detail: { labelUpdated: ['AWSCURRENT'] },
  });
  expect(RotationFailedRule?.Properties.EventPattern).toEqual({
    source: ['aws.secretsmanager'],
    'detail-type': ['AWS Service Event via CloudTrail'],
    detail: { eventName: ['RotationFailed'] },
  });
});

describe('what cannot rotate is refused', () => {
  const byArn = REPORTS.replace('zitadel/reports', `"${ARN}"`);

  test.each([
    [
      'another region',
      'us-east-1',
      undefined,
      /reports-a1B2c3 cannot rotate: it is in eu-central-1, the deployment in us-east-1; remove/,
    ],
    ['another account', 'eu-central-1', '210987654321', /cannot rotate: it is not of the account 210987654321; remove/],
  ])('in %s', async (_name, region, account, message) => {
    vi.stubEnv('AWS_ACCOUNT_ID', account);
    expect((await rotationFor([byArn], { region })).faults).toEqual([expect.stringMatching(message)]);
    // A name is always of the deployment's own region and account.
    expect((await rotationFor([REPORTS], { region })).faults).toEqual([]);
  });

  test('as two', async () => {
    expect((await rotationFor([REPORTS, byArn.replace('reports:', 'again:')])).faults).toEqual([
      `zitadel/reports and ${ARN} are one secret: name it in the same way in every profile`,
    ]);
  });

  test.each([undefined, '123456789012'])('but not in its own region and the account %s', async (account) => {
    vi.stubEnv('AWS_ACCOUNT_ID', account);
    expect(await schedulesFor([byArn])).toHaveLength(1);
  });
});

describe('the function may', () => {
  const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000001';
  const here = (service: string, rest: string) => ({
    'Fn::Sub': `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${rest}`,
  });
  const secret = (name: string) => here('secretsmanager', `secret:${name}-??????`);
  const change = (...Resource: readonly unknown[]) => ({
    Effect: 'Allow',
    Action: [
      'secretsmanager:DescribeSecret',
      'secretsmanager:GetSecretValue',
      'secretsmanager:PutSecretValue',
      'secretsmanager:UpdateSecretVersionStage',
    ],
    Resource,
    Condition: {
      StringEquals: {
        'secretsmanager:resource/AllowRotationLambdaArn': here('lambda', 'function:zitadel-token-broker-dev-rotate'),
      },
    },
  });
  const read = (name: string) => ({
    Effect: 'Allow',
    Action: 'secretsmanager:GetSecretValue',
    Resource: [secret(name)],
  });
  const use = (Action: unknown) => ({
    Effect: 'Allow',
    Action,
    Resource: KEY,
    Condition: {
      StringEquals: { 'kms:ViaService': { 'Fn::Sub': `secretsmanager.\${AWS::Region}.\${AWS::URLSuffix}` } },
    },
  });

  /** The statements for these profiles, but for that of the log. */
  async function statementsFor(profiles: readonly string[], secretsKmsKeyArn = '') {
    writeFileSync(join(home, 'profiles.yml'), ['profiles:', ...profiles].join('\n  '));
    const { Resources } = (await rolesOf({ params: { secretsKmsKeyArn } })).template;
    return statementsIn(Resources, 'RotateRole').slice(1);
  }

  test.each([
    ['nothing, where nothing rotates', [PLAIN], []],
    ['change what rotates', [PLAIN, REPORTS, AGAIN], [change(secret('zitadel/reports'))]],
    [
      'read with what application keys are managed',
      [OWNER, BOTH],
      [change(secret('zitadel/api'), secret('zitadel/app')), read('zitadel/owners')],
    ],
    [
      'change that too, if it rotates',
      [REPORTS, BILLING],
      [change(secret('zitadel/billing'), secret('zitadel/reports'))],
    ],
  ])('%s', async (_name, profiles, expected) => {
    expect(await statementsFor(profiles)).toEqual(expected);
  });

  test("encrypt and decrypt with the operator's own key, through Secrets Manager", async () => {
    expect(await statementsFor([PLAIN], KEY)).toEqual([]);
    expect(await statementsFor([OWNER, BOTH], KEY)).toEqual([
      change(secret('zitadel/api'), secret('zitadel/app')),
      use(['kms:Decrypt', 'kms:GenerateDataKey']),
      read('zitadel/owners'),
      use('kms:Decrypt'),
    ]);
  });
});
