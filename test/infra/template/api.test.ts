import { describe, expect, test } from 'vitest';
import { type Deployment, optionsOf, resourcesOf, type Statement } from './framework.ts';
import type { Json, Resource } from './packaged.ts';

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
}

/** What the resource policy says of a request, as IAM evaluates it; accounts are the principals of signed requests. */
function decide(statements: readonly Statement[], { from, method, account, organization }: Asking) {
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
    const isOfRoute = ['execute-api:/*', `execute-api:/*/${method}/*`].includes(String(statement.Resource));
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
  ])('%s', async (_name, params, asking, decision) => {
    expect(decide(await policyOf(params), asking)).toBe(decision);
  });

  test('within the own account nobody is let in whom its own policy does not let in', async () => {
    const statements = await policyOf(open);
    const signed = statements.filter(({ Effect, Resource }) => Effect === 'Allow' && String(Resource).includes('POST'));
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
