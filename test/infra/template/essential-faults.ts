import type { Json, Template } from './packaged.ts';

type Change = (properties: (resource: string) => Json, template: Template) => void;

/** The first statement of a role. */
const statement = (role: Json): Json => {
  const [policy] = role.Policies as { PolicyDocument: { Statement: Json[] } }[];
  return policy?.PolicyDocument.Statement[0] ?? {};
};

/** Faults that somebody might make, and the rule of `RULES` (essentials.ts) that tells. */
export const ESSENTIAL_FAULTS: readonly (readonly [rule: string, fault: string, change: Change])[] = [
  [
    'no * without its reason',
    'a role for all tables',
    (of) => Object.assign(statement(of('TokenRole')), { Resource: '*' }),
  ],
  [
    'no * without its reason',
    'all actions of a service',
    (of) => Object.assign(statement(of('TokenRole')), { Action: ['dynamodb:*'] }),
  ],
  [
    'a function may do what it needs, and nothing else',
    'one action too many',
    (of) => Object.assign(statement(of('MetadataRole')), { Action: ['dynamodb:GetItem'] }),
  ],
  [
    'a function may do what it needs, and nothing else',
    'a managed policy',
    (of) => Object.assign(of('TokenRole'), { ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] }),
  ],
  [
    'a function may do what it needs, and nothing else',
    'a policy that names the role',
    (of, { Resources }) => {
      const PolicyDocument = { Statement: [{ ...statement(of('TokenRole')), Action: 'dynamodb:Scan' }] };
      Resources.More = { Type: 'AWS::IAM::Policy', Properties: { PolicyDocument, Roles: [{ Ref: 'TokenRole' }] } };
    },
  ],
  [
    'every function has its own role',
    'a role for two',
    (of) => Object.assign(of('RevokeLambdaFunction'), { Role: of('TokenLambdaFunction').Role }),
  ],
  [
    'tables are encrypted with KMS',
    'a table that is not',
    (of) => Object.assign(of('TokenTable'), { SSESpecification: { SSEEnabled: false } }),
  ],
  [
    'log groups end, and there is one for each function',
    'one that never ends',
    (of) => delete of('TokenLogs').RetentionInDays,
  ],
  [
    'log groups end, and there is one for each function',
    'one that is not there',
    (_of, { Resources }) => delete Resources.TokenLogs,
  ],
  ['stages throttle and log', 'no throttling', (of) => delete of('HttpApiStage').DefaultRouteSettings],
  ['stages throttle and log', 'no log', (of) => delete of('HttpApiStage').AccessLogSettings],
  [
    'routes want IAM authorisation',
    'an open route',
    (of) => delete of('HttpApiRoutePostProfileVarOauthV2Token').AuthorizationType,
  ],
  [
    'routes want IAM authorisation',
    'introspection without IAM',
    (of) =>
      Object.assign(of('HttpApiRoutePostFederatedProfileVarOauthV2Token'), {
        RouteKey: 'POST /federated/{profile}/oauth/v2/introspect',
      }),
  ],
  [
    'no secret in an environment variable',
    'a variable of another name',
    (of) => Object.assign(of('TokenLambdaFunction'), { Environment: { Variables: { CLIENT_SECRET: 'x' } } }),
  ],
  [
    'no secret in an environment variable',
    'a key in a known one',
    (of) =>
      Object.assign(of('TokenLambdaFunction'), {
        Environment: { Variables: { TABLE_NAME: '-----BEGIN PRIVATE KEY-----' } },
      }),
  ],
  [
    'every function has alarms on its errors and throttles',
    'an alarm less',
    (_of, { Resources }) => delete Resources.TokenErrorsAlarm,
  ],
  [
    'every function has alarms on its errors and throttles',
    'an alarm on something else',
    (of) =>
      Object.assign(of('TokenErrorsAlarm'), {
        Dimensions: [{ Name: 'FunctionName', Value: { Ref: 'RevokeLambdaFunction' } }],
      }),
  ],
  ['what is referred to is there', 'a table of another name', (_of, { Resources }) => delete Resources.TokenTable],
];
