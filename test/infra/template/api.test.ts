import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { EVERYTHING } from './essentials.ts';
import { type Deployment, optionsOf, resourcesOf, type Statement } from './framework.ts';
import type { Json, Resource } from './packaged.ts';

const home = mkdtempSync(join(tmpdir(), 'api-'));
const FILES = { federated: join(home, 'federated.yml'), plain: join(home, 'plain.yml') };
writeFileSync(FILES.federated, EVERYTHING);
writeFileSync(
  FILES.plain,
  'profiles: { orders: { issuer: https://z.test, secret: s, callers: [arn:aws:iam::123456789012:role/orders] } }',
);
beforeEach(() => {
  vi.stubEnv('PROFILES_FILE', FILES.federated);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const ENDPOINTS = ['vpce-01234567', 'vpce-89abcdef'];
const PRIVATE = { api: 'private', vpcEndpointIds: ENDPOINTS.join(',') };
const CERTIFICATE = 'arn:aws:acm:eu-central-1:111122223333:certificate/00000000-0000-4000-8000-000000000003';
const DOMAIN = { domainName: 'tokens.example.com', certificateArn: CERTIFICATE };

const apiOf = (params: Readonly<Record<string, string>> = {}) => resourcesOf('api.cjs', { params });

const ofType = (resources: Readonly<Record<string, Resource>>, type: string): readonly Json[] =>
  Object.values(resources).flatMap(({ Type, Properties }) => (Type === type ? [Properties] : []));

const accountOf = ({ Principal }: Statement): readonly string[] =>
  [(Principal as { AWS?: Json[] }).AWS ?? []].flat().map((arn) => String((arn as Json)['Fn::Sub']));

/** The statements of the resource policy. */
async function policyOf(params: Readonly<Record<string, string>>): Promise<readonly Statement[]> {
  const { Policy = {} } = (await apiOf(params)).RestApi?.Properties ?? {};
  return (Policy as { Statement?: Statement[] }).Statement ?? [];
}

/** A request that reaches a private API. */
interface Asking {
  readonly from: string;
  readonly method: 'GET' | 'POST';
  readonly account?: string;
  readonly organization?: string;
  /** By default, tokens with IAM. */
  readonly path?: string;
}

/** What the resource policy says of a request, as IAM evaluates it; accounts are the principals of signed requests. */
function decide(
  statements: readonly Statement[],
  { from, method, account, organization, path = 'orders/oauth/v2/token' }: Asking,
) {
  const known: Readonly<Record<string, string | undefined>> = {
    'aws:SourceVpce': from,
    'aws:PrincipalOrgID': organization,
    'aws:PrincipalAccount': account,
  };
  const texts = (value: unknown) => [value].flat().map((one) => (typeof one === 'string' ? one : 'own'));
  const matches = (statement: Statement): boolean => {
    const { StringEquals = {}, StringNotEquals = {} } = (statement.Condition ?? {}) as Record<string, Json | undefined>;
    const isMeant =
      statement.Principal === '*' ||
      (account !== undefined &&
        accountOf(statement).some((arn) => arn.replace(`\${AWS::AccountId}`, 'own').includes(`::${account}:root`)));
    // A star of IAM also stands for slashes.
    const resource = String(statement.Resource)
      .replaceAll(/[^\w*/:-]/g, '\\$&')
      .replaceAll('*', '.*');
    const isOfRoute = new RegExp(`^${resource}$`).test(`execute-api:/v1/${method}/${path}`);
    const isSame = Object.entries(StringEquals).every(([key, value]) => texts(value).includes(known[key] ?? ''));
    const isOther = Object.entries(StringNotEquals).every(([key, value]) => !texts(value).includes(known[key] ?? ''));
    return isMeant && isOfRoute && isSame && isOther;
  };
  const effects = statements.filter(matches).map(({ Effect }) => Effect);
  return effects.includes('Deny') ? 'denied' : effects.includes('Allow') ? 'allowed' : 'left to IAM';
}

describe('who reaches a private API', () => {
  const open = { ...PRIVATE, callerAccounts: '210987654321', callerOrganization: 'o-a1b2c3d4e5' };
  const [from = ''] = ENDPOINTS;
  const WITHOUT_IAM = 'federated/orders/oauth/v2/token';

  test.each<[name: string, params: Readonly<Record<string, string>>, asking: Asking, decision: string]>([
    ['metadata', PRIVATE, { from, method: 'GET' }, 'allowed'],
    ['metadata from elsewhere', PRIVATE, { from: 'vpce-other', method: 'GET' }, 'denied'],
    ['a role of the own account: its policy decides', PRIVATE, { from, method: 'POST', account: 'own' }, 'allowed'],
    ['a role of another account', PRIVATE, { from, method: 'POST', account: '210987654321' }, 'left to IAM'],
    ['a role of an account that is named', open, { from, method: 'POST', account: '210987654321' }, 'allowed'],
    ['the same from elsewhere', open, { from: 'vpce-other', method: 'POST', account: '210987654321' }, 'denied'],
    [
      'a role of the organisation',
      open,
      { from, method: 'POST', account: '333333333333', organization: 'o-a1b2c3d4e5' },
      'allowed',
    ],
    [
      'a role of another organisation',
      open,
      { from, method: 'POST', account: '333333333333', organization: 'o-zzzzzzzzzz' },
      'left to IAM',
    ],
    ['an unsigned request', open, { from, method: 'POST' }, 'left to IAM'],
    ['an assertion', PRIVATE, { from, method: 'POST', path: WITHOUT_IAM }, 'allowed'],
    ['an assertion from elsewhere', open, { from: 'vpce-other', method: 'POST', path: WITHOUT_IAM }, 'denied'],
    ...[
      'federated/orders/oauth/v2/introspect',
      'federated/orders/oauth/v2/token/x',
      'federated/oauth/v2/token',
      'orders/oauth/v2/token',
      'federatedx/orders/oauth/v2/token',
      'x/POST/federated/orders/oauth/v2/token',
    ].map((path): [string, typeof open, Asking, string] => [
      `unsigned: ${path}`,
      open,
      { from, method: 'POST', path },
      'left to IAM',
    ]),
  ])('%s', async (_name, params, asking, decision) => {
    expect(decide(await policyOf(params), asking)).toBe(decision);
  });

  test('within the own account nobody is let in whom its own policy does not let in', async () => {
    const statements = await policyOf(open);
    // Its method wants no signature, so that nothing of IAM is replaced.
    const isOfAssertions = ({ Resource }: Statement) => Resource === 'execute-api:/v1/POST/federated/*/oauth/v2/token';
    const signed = statements.filter(
      (statement) =>
        statement.Effect === 'Allow' && String(statement.Resource).includes('POST') && !isOfAssertions(statement),
    );
    expect(statements.filter(isOfAssertions)).toHaveLength(1);
    // An Allow for the account's root only delegates to its IAM; one for everybody would grant.
    const forEverybody = signed.filter(({ Principal }) => Principal === '*').map(({ Condition }) => Condition);
    expect(forEverybody).toEqual([
      expect.objectContaining({ StringNotEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } }),
    ]);
  });
});

describe('both APIs', () => {
  const signed = ['POST token', 'POST introspect', 'POST revoke'];

  test('have the same routes, signed and open', async () => {
    const http = ofType(await apiOf(), 'AWS::ApiGatewayV2::Route').map(({ RouteKey, AuthorizationType = 'NONE' }) => [
      String(RouteKey).split(' ')[0],
      AuthorizationType,
    ]);
    const rest = ofType(await apiOf(PRIVATE), 'AWS::ApiGateway::Method').map(({ HttpMethod, AuthorizationType }) => [
      HttpMethod,
      AuthorizationType,
    ]);
    expect(rest).toEqual(http);
    expect(http.filter(([, authorisation]) => authorisation === 'AWS_IAM')).toHaveLength(signed.length);
  });

  const LIMITS = { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 };

  test('let callers without IAM have a part of the requests only', async () => {
    const { HttpApiStage } = await apiOf();
    // API Gateway refuses settings of a route that does not exist.
    expect(HttpApiStage?.DependsOn).toEqual(['HttpApiRoutePostFederatedProfileVarOauthV2Token']);
    expect(HttpApiStage?.Properties.RouteSettings).toEqual({
      'POST /federated/{profile}/oauth/v2/token': { DetailedMetricsEnabled: true, ...LIMITS },
    });
    const { RestApiStage } = await apiOf(PRIVATE);
    expect(RestApiStage?.Properties.MethodSettings).toEqual([
      expect.objectContaining({ ResourcePath: '/*', ThrottlingRateLimit: 500 }),
      {
        ResourcePath: '/~1federated~1{profile}~1oauth~1v2~1token',
        HttpMethod: 'POST',
        MetricsEnabled: true,
        ...LIMITS,
      },
    ]);
  });

  test.each([{}, PRIVATE])('have nothing for callers without IAM where there are none: %j', async (params) => {
    vi.stubEnv('PROFILES_FILE', FILES.plain);
    expect(JSON.stringify(await apiOf(params))).not.toMatch(/federated/i);
    expect(await apiOf({ ...params, federatedThrottleRate: '1' })).toEqual(await apiOf(params));
  });

  test.each([{}, PRIVATE])('call the alias of token while traffic may shift: %j', async (params) => {
    const resources = await apiOf({ ...params, trafficShift: 'AllAtOnce' });
    const { TokenLambdaPermissionHttpApi, ...others } = resources;
    expect(TokenLambdaPermissionHttpApi?.Properties.FunctionName).toEqual({ Ref: 'TokenAlias' });
    const { HttpApiIntegrationToken, RestApiMethodPostProfileVarOauthV2Token } = others;
    const called =
      HttpApiIntegrationToken?.Properties.IntegrationUri ?? RestApiMethodPostProfileVarOauthV2Token?.Properties;
    expect(JSON.stringify(called)).toContain('{"Ref":"TokenAlias"}');
    expect(JSON.stringify(resources)).not.toContain('TokenLambdaFunction');
    expect(JSON.stringify(await apiOf(params))).not.toContain('TokenAlias');
  });

  test('a change of a private API is another deployment of its stage, and the same is the same', async () => {
    const deploymentOf = async (params: Readonly<Record<string, string>>) =>
      (await apiOf(params)).RestApiStage?.Properties.DeploymentId;
    expect(await deploymentOf(PRIVATE)).toEqual(await deploymentOf({ ...PRIVATE, logRetentionDays: '7' }));
    expect(await deploymentOf(PRIVATE)).not.toEqual(await deploymentOf({ ...PRIVATE, callerAccounts: '210987654321' }));
  });

  test('have no part of each other', async () => {
    const [http, rest] = [await apiOf(DOMAIN), await apiOf({ ...PRIVATE, ...DOMAIN, apiLogsRole: 'create' })];
    expect(Object.values(http).filter(({ Type }) => Type.startsWith('AWS::ApiGateway::'))).toEqual([]);
    expect(Object.values(rest).filter(({ Type }) => Type.startsWith('AWS::ApiGatewayV2::'))).toEqual([]);
  });
});

describe('a domain of your own', () => {
  test.each<[params: Readonly<Record<string, string>>, url: string]>([
    [{}, ''],
    [DOMAIN, 'https://tokens.example.com'],
    [{ ...DOMAIN, basePath: 'broker' }, 'https://tokens.example.com/broker'],
    [{ ...DOMAIN, ...PRIVATE, basePath: 'broker' }, 'https://tokens.example.com/broker'],
    [{ ...DOMAIN, publicUrl: 'https://cdn.example.com/' }, 'https://cdn.example.com'],
  ])('%j: the metadata says %s', async (params, publicUrl) => {
    expect(await optionsOf({ params } satisfies Deployment)).toMatchObject({ publicUrl });
  });

  test('of a private API is for its VPC endpoints', async () => {
    const resources = await apiOf({ ...PRIVATE, ...DOMAIN, basePath: 'broker' });
    expect(resources.PrivateDomainName?.Properties).toMatchObject({
      DomainName: 'tokens.example.com',
      EndpointConfiguration: { Types: ['PRIVATE'] },
    });
    expect(resources.PrivateDomainMapping?.Properties).toMatchObject({
      BasePath: 'broker',
      Stage: { Ref: 'RestApiStage' },
    });
    const associations = ofType(resources, 'AWS::ApiGateway::DomainNameAccessAssociation');
    expect(associations.map((one) => one.AccessAssociationSource)).toEqual(ENDPOINTS);
  });
});
