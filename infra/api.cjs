// The doors of the broker: an HTTP API, or a REST API in a private network (parameter `api`), with the same routes.
const { createHash } = require('node:crypto');
const { hasFederated } = require('./federated-profiles.cjs');
const readParameters = require('./parameters.cjs');
const { title } = require('./statements.cjs');

/** Where clients look for the metadata of an issuer: OpenID Connect Discovery 1.0 §4, and RFC 8414 §3.1 in both places. */
const metadataOf = (issuer) =>
  [
    `${issuer}/.well-known/openid-configuration`,
    `${issuer}/.well-known/oauth-authorization-server`,
    `/.well-known/oauth-authorization-server${issuer}`,
  ].map((path) => ({ method: 'GET', path, name: 'metadata' }));

/** With IAM. Metadata is public: clients look for it before they have an identity, and it tells nothing about a profile. */
const ROUTES = [
  ...['token', 'introspect', 'revoke'].map((name) => ({ method: 'POST', path: `/{profile}/oauth/v2/${name}`, name })),
  ...metadataOf('/{profile}'),
];

/** Callers without IAM send an assertion, which the function itself verifies. */
const FEDERATED_ROUTE = { method: 'POST', path: '/federated/{profile}/oauth/v2/token', name: 'federated' };
const FEDERATED_KEY = `${FEDERATED_ROUTE.method} ${FEDERATED_ROUTE.path}`;
const FEDERATED_ROUTES = [FEDERATED_ROUTE, ...metadataOf('/federated/{profile}')];

/** All routes of a deployment. */
const routesOf = () => [...ROUTES, ...(hasFederated() ? FEDERATED_ROUTES : [])];

const functionsOf = () => [...new Set(routesOf().map(({ name }) => name))];

/** RFC 8414 §2 and RFC 7523 §2.2; everything else needs a signature. */
const authorisationOf = ({ name }) => (['metadata', 'federated'].includes(name) ? 'NONE' : 'AWS_IAM');

/** Deployed stacks have the stage `$default` of HTTP APIs; REST APIs have none without a name. */
const REST_STAGE = 'v1';

/** What API Gateway waits at most for an answer. */
const TIMEOUT_MS = { http: 30_000, rest: 29_000 };

/** An id of CloudFormation for a path, as the serverless CLI makes it: so deployed APIs are kept. */
const idOf = (path) =>
  path
    .split('/')
    .map((part) =>
      title(
        part
          .replaceAll('-', 'Dash')
          .replace(/^\{(.+)\}$/, '$1Var')
          .replace(/[^A-Za-z0-9]/g, ''),
      ),
    )
    .join('');

/** No header, no query string, no body. */
const accessLog = (route) =>
  `{"id":"$context.requestId","time":"$context.requestTimeEpoch","route":"${route}","status":"$context.status","caller":"$context.identity.userArn","ip":"$context.identity.sourceIp","ms":"$context.responseLatency","bytes":"$context.responseLength","error":"$context.error.responseType","integration":"$context.integrationErrorMessage"}`;

const ref = (Ref) => ({ Ref });
const arnOf = (id) => ({ 'Fn::GetAtt': [id, 'Arn'] });

/** What is invoked for a function: with a gradual shift, its alias. Integrations and permissions name nothing else. */
const targetOf = (name, { trafficShift }) =>
  name === 'token' && trafficShift !== '' ? ref('TokenAlias') : arnOf(`${title(name)}LambdaFunction`);

const permissionId = (name) => `${title(name)}LambdaPermissionHttpApi`;

/** Lets the API call the functions, and nobody else's. */
const permissions = (api, values) =>
  Object.fromEntries(
    functionsOf().map((name) => [
      permissionId(name),
      {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          FunctionName: targetOf(name, values),
          Action: 'lambda:InvokeFunction',
          Principal: 'apigateway.amazonaws.com',
          SourceArn: {
            'Fn::Sub': `arn:\${AWS::Partition}:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${${api}}/*`,
          },
        },
      },
    ]),
  );

const httpRouteId = ({ method, path }) => `HttpApiRoute${title(method.toLowerCase())}${idOf(path)}`;

/** The limit of callers without IAM: whatever they send, those with IAM have their share. */
const federatedLimits = ({ federatedThrottleRate, federatedThrottleBurst }) => ({
  ThrottlingRateLimit: federatedThrottleRate,
  ThrottlingBurstLimit: federatedThrottleBurst,
});

/** An API on the internet, whose signed routes IAM guards. */
function httpApi(values, { stage, service }) {
  const integrations = functionsOf().map((name) => [
    `HttpApiIntegration${title(name)}`,
    {
      Type: 'AWS::ApiGatewayV2::Integration',
      DependsOn: [permissionId(name)],
      Properties: {
        ApiId: ref('HttpApi'),
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: targetOf(name, values),
        PayloadFormatVersion: '2.0',
        TimeoutInMillis: TIMEOUT_MS.http,
      },
    },
  ]);
  const routes = routesOf().map((route) => [
    httpRouteId(route),
    {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: ref('HttpApi'),
        RouteKey: `${route.method} ${route.path}`,
        Target: { 'Fn::Join': ['/', ['integrations', ref(`HttpApiIntegration${title(route.name)}`)]] },
        ...(authorisationOf(route) === 'NONE' ? {} : { AuthorizationType: authorisationOf(route) }),
      },
    },
  ]);
  return {
    HttpApi: {
      Type: 'AWS::ApiGatewayV2::Api',
      Properties: { Name: `${stage}-${service}`, ProtocolType: 'HTTP' },
    },
    HttpApiStage: {
      Type: 'AWS::ApiGatewayV2::Stage',
      // API Gateway refuses settings of a route that is not there yet.
      ...(hasFederated() ? { DependsOn: [httpRouteId(FEDERATED_ROUTE)] } : {}),
      Properties: {
        ApiId: ref('HttpApi'),
        StageName: '$default',
        AutoDeploy: true,
        DefaultRouteSettings: {
          DetailedMetricsEnabled: true,
          ThrottlingRateLimit: values.throttleRate,
          ThrottlingBurstLimit: values.throttleBurst,
        },
        ...(hasFederated()
          ? {
              RouteSettings: {
                [FEDERATED_KEY]: {
                  DetailedMetricsEnabled: true,
                  ...federatedLimits(values),
                },
              },
            }
          : {}),
        AccessLogSettings: { DestinationArn: arnOf('AccessLogs'), Format: accessLog('$context.routeKey') },
      },
    },
    ...Object.fromEntries([...integrations, ...routes]),
    ...permissions('HttpApi', values),
  };
}

/** A `*` also stands for slashes: without the name of the stage, other routes could be written so that it matches them. */
const FEDERATED_RESOURCE = `execute-api:/${REST_STAGE}/POST/federated/*/oauth/v2/token`;

const fromEndpoints = (operator, { vpcEndpointIds }) => ({ [operator]: { 'aws:SourceVpce': vpcEndpointIds } });

const invoke = (Effect, Principal, Resource, Condition) => ({
  Effect,
  Principal,
  Action: 'execute-api:Invoke',
  Resource,
  ...(Condition && { Condition }),
});

/**
 * Who may reach a private API. Signed routes: accounts by name, whose own policies decide on roles; and an organisation,
 * but for the broker's own account: there an Allow for everybody would grant what a role's policy does not (AWS, How API
 * Gateway resource policies affect authorization workflow). Metadata, and tokens for callers without IAM: whoever reaches
 * an endpoint.
 */
function resourcePolicy(values) {
  const { callerAccounts, callerOrganization } = values;
  const accounts = [...new Set([`\${AWS::AccountId}`, ...callerAccounts])];
  const AWS = accounts.map((account) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:iam::${account}:root` }));
  const ofOrganization = {
    StringEquals: { 'aws:PrincipalOrgID': callerOrganization },
    StringNotEquals: { 'aws:PrincipalAccount': ref('AWS::AccountId') },
  };
  return {
    Version: '2012-10-17',
    Statement: [
      invoke('Deny', '*', 'execute-api:/*', fromEndpoints('StringNotEquals', values)),
      invoke('Allow', { AWS }, 'execute-api:/*/POST/*'),
      ...(callerOrganization === '' ? [] : [invoke('Allow', '*', 'execute-api:/*/POST/*', ofOrganization)]),
      invoke('Allow', '*', 'execute-api:/*/GET/*', fromEndpoints('StringEquals', values)),
      ...(hasFederated() ? [invoke('Allow', '*', FEDERATED_RESOURCE, fromEndpoints('StringEquals', values))] : []),
    ],
  };
}

/** Accepted findings of checkov: docs/template-checks.md. */
const accepted = (...skip) => ({ Metadata: { checkov: { skip: skip.map(([id, comment]) => ({ id, comment })) } } });

const OPEN = [
  'CKV_AWS_59',
  'Metadata is public, and behind the VPC endpoints: clients read it before they have an identity.',
];
const ASSERTED = [
  'CKV_AWS_59',
  'Callers without IAM send an assertion (RFC 7523), which the function verifies; behind the VPC endpoints.',
];
const NOT_CACHED = [
  'CKV_AWS_120',
  'A cache of API Gateway would hold tokens; the functions cache metadata and tokens themselves.',
];
const NOT_TRACED = ['CKV_AWS_73', 'The parameter tracing switches it on.'];

/** The resources of the paths, each below its parent; `undefined` is the root. */
function restResources() {
  const resources = {};
  for (const { path } of routesOf()) {
    const parts = path.split('/').slice(1);
    parts.forEach((PathPart, at) => {
      const above = parts.slice(0, at);
      resources[`RestApiResource${idOf(`/${parts.slice(0, at + 1).join('/')}`)}`] = {
        Type: 'AWS::ApiGateway::Resource',
        Properties: {
          RestApiId: ref('RestApi'),
          ParentId:
            above.length === 0
              ? { 'Fn::GetAtt': ['RestApi', 'RootResourceId'] }
              : ref(`RestApiResource${idOf(`/${above.join('/')}`)}`),
          PathPart,
        },
      };
    });
  }
  return resources;
}

/** Of a function or an alias, as REST APIs name it. */
const invocationUri = (target) => ({
  'Fn::Join': [
    '',
    [
      { 'Fn::Sub': `arn:\${AWS::Partition}:apigateway:\${AWS::Region}:lambda:path/2015-03-31/functions/` },
      target,
      '/invocations',
    ],
  ],
});

/** The role by which API Gateway writes access logs of REST APIs: one for all APIs of the account and region. */
function apiLogsRole({ apiLogsRole: wanted, permissionsBoundaryArn }) {
  if (wanted !== 'create') return {};
  const Statement = [{ Effect: 'Allow', Principal: { Service: 'apigateway.amazonaws.com' }, Action: 'sts:AssumeRole' }];
  // The account goes on using it when this stack is gone.
  const kept = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
  return {
    ApiLogsRole: {
      Type: 'AWS::IAM::Role',
      ...kept,
      Properties: {
        AssumeRolePolicyDocument: { Version: '2012-10-17', Statement },
        ManagedPolicyArns: [
          {
            'Fn::Sub': `arn:\${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs`,
          },
        ],
        ...(permissionsBoundaryArn === '' ? {} : { PermissionsBoundary: permissionsBoundaryArn }),
      },
    },
    ApiAccount: {
      Type: 'AWS::ApiGateway::Account',
      ...kept,
      Properties: { CloudWatchRoleArn: arnOf('ApiLogsRole') },
    },
  };
}

/** An API that only VPC endpoints reach. */
function restApi(values, { stage, service }) {
  const methods = Object.fromEntries(
    routesOf().map((route) => [
      `RestApiMethod${title(route.method.toLowerCase())}${idOf(route.path)}`,
      {
        Type: 'AWS::ApiGateway::Method',
        ...(authorisationOf(route) === 'NONE' ? accepted(route.name === 'federated' ? ASSERTED : OPEN) : {}),
        DependsOn: [permissionId(route.name)],
        Properties: {
          RestApiId: ref('RestApi'),
          ResourceId: ref(`RestApiResource${idOf(route.path)}`),
          HttpMethod: route.method,
          AuthorizationType: authorisationOf(route),
          Integration: {
            Type: 'AWS_PROXY',
            IntegrationHttpMethod: 'POST',
            Uri: invocationUri(targetOf(route.name, values)),
            TimeoutInMillis: TIMEOUT_MS.rest,
          },
        },
      },
    ]),
  );
  const api = {
    Type: 'AWS::ApiGateway::RestApi',
    Properties: {
      Name: `${stage}-${service}`,
      EndpointConfiguration: { Types: ['PRIVATE'], VpcEndpointIds: values.vpcEndpointIds },
      Policy: resourcePolicy(values),
    },
  };
  const resources = restResources();
  // A stage serves what its deployment was made of: another API is another deployment.
  const digest = createHash('sha256')
    .update(JSON.stringify([api, resources, methods]))
    .digest('hex')
    .slice(0, 12);
  const account = apiLogsRole(values);
  return {
    RestApi: api,
    ...resources,
    ...methods,
    ...permissions('RestApi', values),
    ...account,
    [`RestApiDeployment${digest}`]: {
      Type: 'AWS::ApiGateway::Deployment',
      DependsOn: Object.keys(methods),
      Properties: { RestApiId: ref('RestApi') },
    },
    RestApiStage: {
      Type: 'AWS::ApiGateway::Stage',
      ...accepted(NOT_CACHED, NOT_TRACED),
      ...(account.ApiAccount === undefined ? {} : { DependsOn: ['ApiAccount'] }),
      Properties: {
        RestApiId: ref('RestApi'),
        DeploymentId: ref(`RestApiDeployment${digest}`),
        StageName: REST_STAGE,
        TracingEnabled: values.tracing === 'Active',
        MethodSettings: [
          {
            ResourcePath: '/*',
            HttpMethod: '*',
            MetricsEnabled: true,
            ThrottlingRateLimit: values.throttleRate,
            ThrottlingBurstLimit: values.throttleBurst,
          },
          ...(hasFederated()
            ? [
                {
                  // Its slashes are written so (AWS::ApiGateway::Stage MethodSetting).
                  ResourcePath: `/${FEDERATED_ROUTE.path.replaceAll('/', '~1')}`,
                  HttpMethod: FEDERATED_ROUTE.method,
                  MetricsEnabled: true,
                  ...federatedLimits(values),
                },
              ]
            : []),
        ],
        AccessLogSetting: {
          DestinationArn: arnOf('AccessLogs'),
          Format: accessLog('$context.httpMethod $context.resourcePath'),
        },
      },
    },
  };
}

/** A name of one's own for the HTTP API; the record in DNS is the operator's. */
const httpDomain = ({ domainName, certificateArn, basePath }) => ({
  DomainName: {
    Type: 'AWS::ApiGatewayV2::DomainName',
    Properties: {
      DomainName: domainName,
      DomainNameConfigurations: [
        { CertificateArn: certificateArn, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
      ],
    },
  },
  DomainMapping: {
    Type: 'AWS::ApiGatewayV2::ApiMapping',
    Properties: {
      ApiId: ref('HttpApi'),
      DomainName: ref('DomainName'),
      Stage: ref('HttpApiStage'),
      ...(basePath === '' ? {} : { ApiMappingKey: basePath }),
    },
  },
});

/** The same for the private API: the name, too, is only for these endpoints. */
function restDomain(values) {
  const { domainName, certificateArn, basePath, vpcEndpointIds } = values;
  const DomainNameArn = { 'Fn::GetAtt': ['PrivateDomainName', 'DomainNameArn'] };
  const associations = vpcEndpointIds.map((id, at) => [
    `PrivateDomainAccess${at + 1}`,
    {
      Type: 'AWS::ApiGateway::DomainNameAccessAssociation',
      Properties: { AccessAssociationSource: id, AccessAssociationSourceType: 'VPCE', DomainNameArn },
    },
  ]);
  return {
    PrivateDomainName: {
      Type: 'AWS::ApiGateway::DomainNameV2',
      Properties: {
        DomainName: domainName,
        CertificateArn: certificateArn,
        EndpointConfiguration: { Types: ['PRIVATE'] },
        SecurityPolicy: 'TLS_1_2',
        Policy: {
          Version: '2012-10-17',
          Statement: [
            invoke('Deny', '*', 'execute-api:/*', fromEndpoints('StringNotEquals', values)),
            invoke('Allow', '*', 'execute-api:/*', fromEndpoints('StringEquals', values)),
          ],
        },
      },
    },
    PrivateDomainMapping: {
      Type: 'AWS::ApiGateway::BasePathMappingV2',
      Properties: {
        DomainNameArn,
        RestApiId: ref('RestApi'),
        Stage: ref('RestApiStage'),
        ...(basePath === '' ? {} : { BasePath: basePath }),
      },
    },
    ...Object.fromEntries(associations),
  };
}

/** The URL of a domain of one's own; empty without one. */
const domainUrl = ({ domainName, basePath }) =>
  domainName === '' ? '' : `https://${domainName}${basePath === '' ? '' : `/${basePath}`}`;

/** The URL that the broker tells of itself; empty: as the request says. */
const publicUrlOf = (values) => values.publicUrl || domainUrl(values);

function outputs(values) {
  const isPrivate = values.api === 'private';
  const api = isPrivate ? 'RestApi' : 'HttpApi';
  const url = `https://\${${api}}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}${isPrivate ? `/${REST_STAGE}` : ''}`;
  const stage = isPrivate ? REST_STAGE : '$default';
  const ownUrl = publicUrlOf(values);
  const target = {
    DomainTarget: {
      Description: `Where DNS must lead ${values.domainName} (an alias or CNAME record).`,
      Value: { 'Fn::GetAtt': ['DomainName', 'RegionalDomainName'] },
    },
    DomainTargetZoneId: {
      Description: 'The hosted zone of the target, for an alias record of Route 53.',
      Value: { 'Fn::GetAtt': ['DomainName', 'RegionalHostedZoneId'] },
    },
  };
  return {
    BrokerUrl: {
      Description: "The base URL of the broker. A profile's token endpoint is {BrokerUrl}/{profile}/oauth/v2/token.",
      Value: values.domainName === '' ? { 'Fn::Sub': url } : domainUrl(values),
    },
    InvokeArn: {
      Description:
        "What a caller's role needs execute-api:Invoke on, for tokens (likewise introspect and revoke); replace PROFILE.",
      Value: {
        'Fn::Sub': `arn:\${AWS::Partition}:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${${api}}/${stage}/POST/PROFILE/oauth/v2/token`,
      },
    },
    ...(hasFederated()
      ? {
          FederatedUrl: {
            Description:
              'The audience of assertions of callers without IAM; their token endpoint is {FederatedUrl}/{profile}/oauth/v2/token.',
            Value: ownUrl === '' ? { 'Fn::Sub': `${url}/federated` } : `${ownUrl}/federated`,
          },
        }
      : {}),
    ...(isPrivate || values.domainName === '' ? {} : target),
    DashboardUrl: {
      Description: 'The dashboard of the broker.',
      Value: {
        'Fn::Sub': `https://\${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=\${AWS::Region}#dashboards/dashboard/\${Dashboard}`,
      },
    },
    TokenTableName: { Description: 'The table of sealed tokens.', Value: ref('TokenTable') },
  };
}

/** How CloudWatch names the metrics of either API, and what tells this API from others. */
function apiMetrics({ api }, { stage, service }) {
  return api === 'private'
    ? {
        dimensions: [
          { Name: 'ApiName', Value: `${stage}-${service}` },
          { Name: 'Stage', Value: REST_STAGE },
        ],
        clientErrors: '4XXError',
        serverErrors: '5XXError',
      }
    : { dimensions: [{ Name: 'ApiId', Value: ref('HttpApi') }], clientErrors: '4xx', serverErrors: '5xx' };
}

module.exports = async (context) => {
  const { values, place } = await readParameters(context);
  const isPrivate = values.api === 'private';
  const api = isPrivate ? restApi(values, place) : httpApi(values, place);
  const domain = isPrivate ? restDomain : httpDomain;
  return { Resources: { ...api, ...(values.domainName === '' ? {} : domain(values)) }, Outputs: outputs(values) };
};
Object.assign(module.exports, { apiMetrics, publicUrlOf, FEDERATED_KEY });
