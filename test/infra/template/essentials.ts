import type { Json, Template } from './packaged.ts';
import { grantedTo, ofType, references, routesOf, statements } from './reading.ts';

/** A file of profiles that uses all that a profile can have. */
// biome-ignore format: one profile a line
export const EVERYTHING = `issuers:
  github: { kind: github }
  cluster: { kind: kubernetes, issuer: https://cluster.example }
profiles:
  orders: { issuer: https://example.zitadel.cloud, secret: zitadel/orders, scopes: [urn:zitadel:iam:org:project:id:1:aud], callers: [arn:aws:iam::123456789012:role/orders], revocation: { secret: zitadel/app, callers: [arn:aws:iam::123456789012:role/orders] }, introspection: { secret: zitadel/api, rotation: { every: 7d, by: reports } } }
  shipping: { issuer: https://example.zitadel.cloud, secret: zitadel/shipping, subject: orders, revocation: { secret: zitadel/app, callers: [arn:aws:iam::123456789012:role/shipping] }, callers: [arn:aws:iam::123456789012:role/shipping, { github: { repositoryId: "1", ownerId: "2", ref: refs/heads/main } }], prewarm: true }
  reports: { issuer: https://example.zitadel.cloud, secret: zitadel/reports, scopes: [urn:zitadel:iam:org:project:id:1:aud], callers: [arn:aws:iam::123456789012:role/reports, { kubernetes: { issuer: cluster, namespace: shop, serviceAccount: reports } }], rotation: { every: 30d } }
  owner: { issuer: https://example.zitadel.cloud, secret: zitadel/owner, scopes: [urn:zitadel:iam:org:project:id:1:aud], callers: [arn:aws:iam::123456789012:role/owner] }
  billing: { issuer: https://example.zitadel.cloud, secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:zitadel/billing-a1B2c3", subject: reports, callers: [arn:aws:iam::123456789012:role/billing], rotation: { every: 90d, by: owner } }
`;

/** One rule for templates: answers what breaks it. */
export interface Rule {
  readonly name: string;
  readonly complaints: (template: Template) => readonly string[];
}

/** Each text in a value, with the way to it. */
function* texts(value: unknown, path: string): Generator<readonly [path: string, text: string]> {
  if (typeof value === 'string') yield [path, value];
  else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) yield* texts(part, `${path}.${name}`);
  }
}

/** Statements in which a `*` is right, and why. */
const STARS: Readonly<Record<string, string>> = {
  'ServerlessDeploymentBucketPolicy Resource': 'all objects of the one bucket, for which plain HTTP is denied',
  'ServerlessDeploymentBucketPolicy Action': 'whatever is asked of that bucket over plain HTTP is denied',
  'ServerlessDeploymentBucketPolicy Principal': 'plain HTTP is denied to everybody',
  'RestApi Resource': 'the routes of this API by their methods',
  'RestApi Principal': 'whoever reaches a VPC endpoint, or is of an organisation: see RIGHTS',
  'PrivateDomainName Resource': 'what its API decides itself',
  'PrivateDomainName Principal': 'whoever reaches a VPC endpoint',
};

/** The streams of one log group, whose names are not known in advance. */
const isLogStreams = (text: string): boolean => /:log-group:\/aws\/[a-z-]+\/[\w-]+:\*$/.test(text);

/** The variables that functions may have; none of them is a secret. */
const VARIABLES = [
  ...['TABLE_NAME', 'METRICS_NAMESPACE', 'REQUEST_TIMEOUT_SECONDS', 'PUBLIC_URL', 'METADATA_ISSUER'],
  ...['HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS', 'METRICS_BY_PROFILE', 'CALLER_RATE', 'AWS_USE_FIPS_ENDPOINT'],
];

/** What a function may be allowed to do, and no other. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  TokenRole: ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'secretsmanager:GetSecretValue'],
  PrewarmRole: ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'secretsmanager:GetSecretValue'],
  IntrospectRole: ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'secretsmanager:GetSecretValue'],
  RevokeRole: ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'secretsmanager:GetSecretValue'],
  FederatedRole: ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'secretsmanager:GetSecretValue'],
  MetadataRole: [],
  RotateRole: ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'].map(
    (action) => `secretsmanager:${action}`,
  ),
};
const LOGGING = ['logs:CreateLogStream', 'logs:PutLogEvents'];

/** Routes that are open to everybody, and why. */
const OPEN_ROUTES: Readonly<Record<string, string>> = {
  'GET /{profile}/.well-known/openid-configuration': 'clients read it before they have an identity (RFC 8414)',
  'GET /{profile}/.well-known/oauth-authorization-server': 'the same',
  'GET /.well-known/oauth-authorization-server/{profile}': 'the same',
  'POST /federated/{profile}/oauth/v2/token': 'the function verifies the assertion in the form (RFC 7523)',
  'GET /federated/{profile}/.well-known/openid-configuration':
    'clients read it before they have an identity (RFC 8414)',
  'GET /federated/{profile}/.well-known/oauth-authorization-server': 'the same',
  'GET /.well-known/oauth-authorization-server/federated/{profile}': 'the same',
};

const TRACING = ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'];
const NETWORK = [
  ...['CreateNetworkInterface', 'DescribeNetworkInterfaces', 'DescribeSubnets', 'DeleteNetworkInterface'],
  ...['AssignPrivateIpAddresses', 'UnassignPrivateIpAddresses'],
].map((action) => `ec2:${action}`);

/** What functions may do besides: they send segments, and Lambda puts them into a VPC. */
const besides = (template: Template): readonly string[] => {
  const functions = ofType(template, 'AWS::Lambda::Function');
  const isTraced = functions.every(([, { TracingConfig }]) => (TracingConfig as Json | undefined)?.Mode === 'Active');
  const isInside = functions.every(([, { VpcConfig }]) => VpcConfig !== undefined);
  return [...(isTraced ? TRACING : []), ...(isInside ? NETWORK : [])];
};

/** These actions have no resources that a statement could name. */
const isUnnamed = (action: unknown): boolean =>
  [action].flat().every((one) => [...TRACING, ...NETWORK].includes(String(one)));

/** What AWS keeps for the one service that takes a role: CodeDeploy moves the alias, API Gateway writes its logs. */
const OF_AWS: Readonly<Record<string, string>> = {
  TokenShiftRole: 'service-role/AWSCodeDeployRoleForLambdaLimited',
  ApiLogsRole: 'service-role/AmazonAPIGatewayPushToCloudWatchLogs',
};

const rule = (name: string, complaints: Rule['complaints']): Rule => ({ name, complaints });

/** All rules. */
export const RULES: readonly Rule[] = [
  rule('no * without its reason', (template) =>
    statements(template).flatMap(([path, { Action, Resource, Principal }]) => {
      const [name = ''] = path.split('.');
      return Object.entries({ Action, Resource, Principal }).flatMap(([part, value]) => {
        const stars = [...texts(value, part)].filter(([, text]) => text.includes('*') && !isLogStreams(text));
        const isKnown = `${name} ${part}` in STARS || (part === 'Resource' && isUnnamed(Action));
        return stars.length === 0 || isKnown ? [] : [`${path}.${part}`];
      });
    }),
  ),
  rule('a function may do what it needs, and nothing else', (template) =>
    ofType(template, 'AWS::IAM::Role').flatMap(([name, properties]) => {
      const allowed = [...(ACTIONS[name] ?? []), ...LOGGING, ...besides(template)];
      const granted = grantedTo(template, name).filter(
        ([path, { Effect }]) => Effect === 'Allow' && !path.includes('.AssumeRolePolicyDocument.'),
      );
      const actions = granted.flatMap(([, { Action }]) => [Action].flat().map(String));
      const attached = [properties.ManagedPolicyArns ?? []].flat().filter((arn) => references(arn).length === 0);
      const foreign = attached.filter((arn) => !JSON.stringify(arn).endsWith(`:aws:policy/${OF_AWS[name]}"}`));
      return [...actions.filter((action) => !allowed.includes(action)), ...foreign].map((one) => `${name}: ${one}`);
    }),
  ),
  rule('every function has its own role', (template) => {
    const roles = ofType(template, 'AWS::Lambda::Function').map(([, { Role }]) => JSON.stringify(Role));
    return roles.filter((role, at) => roles.indexOf(role) !== at || !role.includes('Role'));
  }),
  rule('tables are encrypted with KMS', (template) =>
    ofType(template, 'AWS::DynamoDB::Table').flatMap(([name, { SSESpecification }]) =>
      (SSESpecification as Json | undefined)?.SSEEnabled === true ? [] : [name],
    ),
  ),
  rule('log groups end, and there is one for each function', (template) => {
    const groups = ofType(template, 'AWS::Logs::LogGroup');
    const names = groups.map(([, { LogGroupName }]) => LogGroupName);
    const functions = ofType(template, 'AWS::Lambda::Function').map(([, { FunctionName }]) => String(FunctionName));
    return [
      ...groups.flatMap(([name, { RetentionInDays }]) => (Number(RetentionInDays) > 0 ? [] : [name])),
      ...functions.filter((name) => !names.includes(`/aws/lambda/${name}`)),
    ];
  }),
  rule('stages throttle and log', (template) =>
    ['AWS::ApiGatewayV2::Stage', 'AWS::ApiGateway::Stage']
      .flatMap((type) => ofType(template, type))
      .flatMap(([name, stage]) => {
        const [settings] = [stage.DefaultRouteSettings ?? stage.MethodSettings].flat();
        const { ThrottlingRateLimit = 0, ThrottlingBurstLimit = 0 } = (settings ?? {}) as Json;
        const isThrottled = Number(ThrottlingRateLimit) > 0 && Number(ThrottlingBurstLimit) > 0;
        const isLogged = (stage.AccessLogSettings ?? stage.AccessLogSetting) !== undefined;
        return isThrottled && isLogged ? [] : [name];
      }),
  ),
  rule('routes want IAM authorisation', (template) =>
    routesOf(template).flatMap(({ key, authorisation }) =>
      authorisation === 'AWS_IAM' || key in OPEN_ROUTES ? [] : [key],
    ),
  ),
  rule('no secret in an environment variable', (template) =>
    ofType(template, 'AWS::Lambda::Function').flatMap(([name, { Environment }]) => {
      const { Variables = {} } = (Environment ?? {}) as { Variables?: Json };
      return Object.entries(Variables).flatMap(([variable, value]) => {
        const isKnown = VARIABLES.includes(variable);
        return isKnown && !/secret|password|BEGIN|eyJ/i.test(JSON.stringify(value)) ? [] : [`${name}: ${variable}`];
      });
    }),
  ),
  rule('every function has alarms on its errors and throttles', (template) => {
    const watched = ofType(template, 'AWS::CloudWatch::Alarm').map(([, { MetricName, Dimensions }]) =>
      JSON.stringify([MetricName, Dimensions]),
    );
    return ofType(template, 'AWS::Lambda::Function').flatMap(([name]) =>
      ['Errors', 'Throttles'].flatMap((metric) => {
        const wanted = JSON.stringify([metric, [{ Name: 'FunctionName', Value: { Ref: name } }]]);
        return watched.includes(wanted) ? [] : [`${name}: ${metric}`];
      }),
    );
  }),
  rule('what is referred to is there', ({ Resources, Outputs }) => {
    const names = new Set(Object.keys(Resources));
    const missing: string[] = [];
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const { Ref, 'Fn::GetAtt': getAtt } = value as Json;
      const to = typeof Ref === 'string' ? Ref : Array.isArray(getAtt) ? String(getAtt[0]) : undefined;
      if (to !== undefined && !to.startsWith('AWS::') && !names.has(to)) missing.push(to);
      for (const part of Object.values(value)) look(part);
    };
    look(Resources);
    look(Outputs);
    const dependsOn = Object.values(Resources).flatMap(({ DependsOn = [] }) => [DependsOn].flat());
    return [...missing, ...dependsOn.filter((name) => !names.has(name))];
  }),
];
