import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { parametersOf, rolesOf, statementsIn } from './framework.ts';
import { ALL_PRIVATE_OPTIONS, packageAgain } from './options.ts';
import { copyService, type Resource, type Template } from './packaged.ts';

const ISSUERS = 'issuers: { cluster: { kind: kubernetes, issuer: https://cluster.example } }\n';
const WORKLOAD = '{ kubernetes: { issuer: cluster, namespace: shop, serviceAccount: orders } }';

/** Profiles of which only `shipping`, and `orders` as its subject, are for callers without IAM. */
const profiles = (more = '') => {
  const role = (name: string) => `arn:aws:iam::210987654321:role/${name}`;
  const of = (name: string, fields: string, callers = role(name)) =>
    `  ${name}: { issuer: https://zitadel.test, secret: zitadel/${name}, ${fields}, callers: [${callers}] }\n`;
  const scopes = 'scopes: [urn:zitadel:iam:org:project:id:1:aud]';
  return `profiles:\n${of('orders', scopes)}${of('shipping', 'subject: orders', role('shipping') + more)}${of('reports', scopes)}`;
};
const PLAIN = profiles();
const FEDERATED = ISSUERS + profiles(`, ${WORKLOAD}`);

let home: string;
/** Without callers without IAM. */
let plain: Template;
const file = () => join(home, 'profiles-of-the-test.yml');
beforeAll(async () => {
  home = copyService('');
  plain = await templateOf(PLAIN);
}, 120_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

/** The deployment tool puts the time into keys of packages. */
const withoutTime = (value: unknown): Template =>
  JSON.parse(JSON.stringify(value).replaceAll(/serverless\/[^"]*\/(?=[\w-]+\.zip)/g, ''));

async function templateOf(text: string, params: Readonly<Record<string, string>> = {}): Promise<Template> {
  writeFileSync(file(), text);
  rmSync(join(home, '.build'), { recursive: true, force: true });
  return withoutTime(await packageAgain(home, { params }));
}

/** The logical names whose resources differ: there only, or changed. */
function differences(before: Template['Resources'], after: Template['Resources']) {
  const names = Object.keys(after).filter((name) => !/^(?:RestApiDeployment|\w+LambdaVersion)/.test(name));
  return {
    added: names.filter((name) => before[name] === undefined).sort(),
    changed: names.filter((name) => before[name] && !isDeepStrictEqual(before[name], after[name])).sort(),
    removed: Object.keys(before).filter((name) => after[name] === undefined && !name.startsWith('RestApiDeployment')),
  };
}

const METADATA = ['OpenidDashconfiguration', 'OauthDashauthorizationDashserver'];

describe('callers without IAM', () => {
  test('are no part of a deployment whose profiles have none, though they have issuers', async () => {
    expect(await templateOf(ISSUERS + PLAIN)).toEqual(plain);
    expect(JSON.stringify(plain)).not.toMatch(/federated|issuer-away/i);
    expect(existsSync(join(home, '.build/federated'))).toBe(false);
  }, 120_000);

  test('add a function of their own, and change no right and no function of the others', async () => {
    const { added, changed, removed } = differences(plain.Resources, (await templateOf(FEDERATED)).Resources);
    expect(removed).toEqual([]);
    expect(changed).toEqual([
      ...['AwayQuery', 'BugsQuery', 'CallerQuery', 'CallersQuery', 'CallersRule', 'ColdStartsQuery', 'Dashboard'],
      ...['ExpiringQuery', 'FailedRenewalsQuery', 'HttpApiStage', 'KeyQuery', 'RefusalsQuery', 'RevocationsQuery'],
      ...['SlowestQuery', 'TokenRequestsQuery', 'TraceQuery', 'UnavailableAlarm', 'WhoGotTokenQuery'],
    ]);
    expect(added).toEqual(
      [
        ...['FederatedErrorsAlarm', 'FederatedLambdaFunction', 'FederatedLambdaPermissionHttpApi', 'FederatedLogs'],
        ...['FederatedRole', 'FederatedThrottlesAlarm', 'HttpApiIntegrationFederated', 'IssuerAwayAlarm'],
        'HttpApiRoutePostFederatedProfileVarOauthV2Token',
        ...METADATA.map((name) => `HttpApiRouteGetFederatedProfileVarWellDashknown${name}`),
        'HttpApiRouteGetWellDashknownOauthDashauthorizationDashserverFederatedProfileVar',
      ].sort(),
    );
  }, 120_000);

  test('have a log that stays, as all who get tokens, and variables as the other functions', async () => {
    const { Resources, Outputs } = await templateOf(FEDERATED, { ...ALL_PRIVATE_OPTIONS, metadataIssuer: '' });
    const of = (name: string): Resource | undefined => Resources[name];
    expect(of('FederatedLogs')).toEqual({
      ...of('TokenLogs'),
      Properties: { ...of('TokenLogs')?.Properties, LogGroupName: '/aws/lambda/zitadel-token-broker-dev-federated' },
    });
    const { Environment, VpcConfig, TracingConfig, Runtime } = of('FederatedLambdaFunction')?.Properties ?? {};
    const token = of('TokenLambdaFunction')?.Properties ?? {};
    const { Variables } = token.Environment as { Variables: object };
    expect(Environment).toEqual({ Variables: { ...Variables, PUBLIC_URL: 'https://tokens.example.com' } });
    const { VpcConfig: vpc, TracingConfig: tracing, Runtime: runtime } = token;
    expect({ VpcConfig, TracingConfig, Runtime }).toEqual({ VpcConfig: vpc, TracingConfig: tracing, Runtime: runtime });
    expect(Outputs.FederatedUrl).toMatchObject({ Value: 'https://tokens.example.com/federated' });
  }, 120_000);
});

test('the function may read the secrets of the profiles for its callers, and of what they exchange, and no other', async () => {
  vi.stubEnv('PROFILES_FILE', file());
  writeFileSync(file(), FEDERATED);
  const secret = (name: string) => ({
    'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:zitadel/${name}-??????`,
  });
  const getAtt = (name: string) => ({ 'Fn::GetAtt': [name, 'Arn'] });
  expect(statementsIn((await rolesOf()).template.Resources, 'FederatedRole')).toEqual([
    { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: getAtt('FederatedLogs') },
    { Effect: 'Allow', Action: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], Resource: getAtt('TokenTable') },
    { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: [secret('orders'), secret('shipping')] },
  ]);
});

test.each<[name: string, text: string, params: Readonly<Record<string, string>>, faults: readonly string[]]>([
  [
    'a limit above that of all',
    FEDERATED,
    { throttleRate: '20', throttleBurst: '99' },
    ['federatedThrottleRate must be at most throttleRate', 'federatedThrottleBurst must be at most throttleBurst'],
  ],
  ['the same without such callers', PLAIN, { throttleRate: '20', throttleBurst: '99' }, []],
  [
    'what has no effect',
    PLAIN,
    { federatedReservedConcurrency: '5', existingLogGroups: 'token,federated' },
    [
      'federatedReservedConcurrency has no effect: no profile has a caller without IAM',
      'existingLogGroups names federated, which is not deployed: no profile has a caller without IAM',
    ],
  ],
  ['the same with such callers', FEDERATED, { federatedReservedConcurrency: '5', existingLogGroups: 'federated' }, []],
])('parameters: %s', async (_name, text, params, faults) => {
  vi.stubEnv('PROFILES_FILE', file());
  writeFileSync(file(), text);
  expect((await parametersOf({ params })).faults).toEqual(faults);
});
