import type { Rule } from './essentials.ts';
import type { Json, Template } from './packaged.ts';
import { ofType, references, routesOf } from './reading.ts';

/** What the service consists of. A type that joins is looked at first: some are a way in (`AWS::Lambda::Url`). */
const TYPES: ReadonlySet<string> = new Set([
  'AWS::ApiGateway::Account',
  'AWS::ApiGateway::BasePathMappingV2',
  'AWS::ApiGateway::Deployment',
  'AWS::ApiGateway::DomainNameAccessAssociation',
  'AWS::ApiGateway::DomainNameV2',
  'AWS::ApiGateway::Method',
  'AWS::ApiGateway::Resource',
  'AWS::ApiGateway::RestApi',
  'AWS::ApiGateway::Stage',
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::ApiMapping',
  'AWS::ApiGatewayV2::DomainName',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::CloudWatch::InsightRule',
  'AWS::CodeDeploy::Application',
  'AWS::CodeDeploy::DeploymentGroup',
  'AWS::DynamoDB::Table',
  'AWS::Events::Rule',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::Alias',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Lambda::Version',
  'AWS::Logs::LogGroup',
  'AWS::Logs::QueryDefinition',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::SecretsManager::RotationSchedule',
]);

/** Who may call a function, and the types of the resources of this stack on whose behalf. */
const CALLERS: Readonly<Record<string, readonly string[]>> = {
  'apigateway.amazonaws.com': ['AWS::ApiGatewayV2::Api', 'AWS::ApiGateway::RestApi'],
  'events.amazonaws.com': ['AWS::Events::Rule'],
};

/** The permissions of a service to call a function. */
const permissionsFor = (template: Template, principal: string, to: string) =>
  ofType(template, 'AWS::Lambda::Permission').filter(
    ([, { FunctionName, Principal }]) => Principal === principal && references(FunctionName).includes(to),
  );

/** Whether a permission lets in secrets of this account alone, to a function that rotates some. */
const isForRotation = (template: Template, { FunctionName, Principal, SourceAccount }: Json): boolean =>
  Principal === 'secretsmanager.amazonaws.com' &&
  (SourceAccount as Json | undefined)?.Ref === 'AWS::AccountId' &&
  ofType(template, 'AWS::SecretsManager::RotationSchedule').some(([, { RotationLambdaARN }]) =>
    references(RotationLambdaARN).some((to) => references(FunctionName).includes(to)),
  );

/** Whether the rule may call what it leads to: a function, or the topic of the alarms. */
function mayCall(template: Template, rule: string, { Arn }: Json): boolean {
  const [to] = references(Arn);
  if (to === undefined) {
    const alarms = ofType(template, 'AWS::CloudWatch::Alarm');
    return alarms.some(([, { AlarmActions }]) => [AlarmActions].flat().includes(Arn));
  }
  const permissions = permissionsFor(template, 'events.amazonaws.com', to);
  return permissions.some(([, { SourceArn }]) => references(SourceArn).includes(rule));
}

/** What API Gateway waits at most for an answer, and without a word of its own. */
const INTEGRATION_TIMEOUT_MS = 30_000;

/** Each way of a request to a function, or to its alias: of a route or of a method. */
function* waysOf(template: Template): Generator<readonly [route: string, uri: unknown, timeoutMs: unknown]> {
  for (const [name, { Target }] of ofType(template, 'AWS::ApiGatewayV2::Route')) {
    const { IntegrationUri, TimeoutInMillis } = template.Resources[references(Target)[0] ?? '']?.Properties ?? {};
    yield [name, IntegrationUri, TimeoutInMillis];
  }
  for (const [name, { Integration }] of ofType(template, 'AWS::ApiGateway::Method')) {
    const { Uri, TimeoutInMillis } = (Integration ?? {}) as Json;
    yield [name, Uri, TimeoutInMillis];
  }
}

/** The function behind what is invoked: itself, or that of an alias. */
function functionBehind({ Resources }: Template, to: string): Json | undefined {
  const { Type, Properties } = Resources[to] ?? {};
  return Type === 'AWS::Lambda::Alias'
    ? Resources[references(Properties?.FunctionName)[0] ?? '']?.Properties
    : Properties;
}

/** What a function has to do with a route: which it may serve at all, since only some verify who asks. */
const SERVES: Readonly<Record<string, (key: string, isSigned: boolean) => boolean>> = {
  FederatedLambdaFunction: (key, isSigned) => !isSigned && key === WITHOUT_IAM,
  MetadataLambdaFunction: (key) => key.startsWith('GET '),
};

/** The only route of tokens without a signature. */
const WITHOUT_IAM = 'POST /federated/{profile}/oauth/v2/token';

interface Limits {
  readonly ThrottlingRateLimit?: unknown;
  readonly ThrottlingBurstLimit?: unknown;
}

/** The limits of a stage for all routes, and those of single ones. */
function limitsOf({ DefaultRouteSettings, RouteSettings, MethodSettings }: Json) {
  const [all, ...some] = [MethodSettings ?? []].flat() as (Limits & Json)[];
  const methods = some.map(
    (its) => [`${its.HttpMethod} ${String(its.ResourcePath).slice(1).replaceAll('~1', '/')}`, its] as const,
  );
  const own = [...Object.entries((RouteSettings ?? {}) as Record<string, Limits>), ...methods];
  return { all: (DefaultRouteSettings ?? all ?? {}) as Limits, own: new Map<string, Limits>(own) };
}

/** Whether limits are set, and admit no more than others. */
const isWithin = (limits: Limits | undefined, most: Limits): boolean =>
  (['ThrottlingRateLimit', 'ThrottlingBurstLimit'] as const).every(
    (name) => Number(limits?.[name]) > 0 && Number(limits?.[name]) <= Number(most[name]),
  );

/** Who comes in, and by which way. */
export const DOORS: readonly Rule[] = [
  {
    name: 'there are no resources but those of known types',
    complaints: ({ Resources }) =>
      Object.entries(Resources).flatMap(([name, { Type }]) => (TYPES.has(Type) ? [] : [`${name}: ${Type}`])),
  },
  {
    name: 'functions are called by this API, these rules and the secrets of this account only',
    complaints: (template) =>
      ofType(template, 'AWS::Lambda::Permission').flatMap(([name, properties]) => {
        const { Action, Principal, SourceArn } = properties;
        const types = CALLERS[String(Principal)] ?? [];
        const sources = references(SourceArn).map((source) => template.Resources[source]?.Type ?? '');
        const isOurs = sources.length === 1 && sources.every((source) => types.includes(source));
        const isKnown = isOurs || isForRotation(template, properties);
        return isKnown && Action === 'lambda:InvokeFunction' ? [] : [name];
      }),
  },
  {
    name: 'a rule leads to a function that it may call, or to the topic of the alarms',
    complaints: (template) =>
      ofType(template, 'AWS::Events::Rule').flatMap(([name, { Targets }]) => {
        const targets = (Targets ?? []) as readonly Json[];
        return targets.length > 0 && targets.every((target) => mayCall(template, name, target)) ? [] : [name];
      }),
  },
  {
    name: 'a rotation has a function that Secrets Manager may call by then',
    complaints: (template) =>
      ofType(template, 'AWS::SecretsManager::RotationSchedule').flatMap(([name, { RotationLambdaARN }]) => {
        const [to = ''] = references(RotationLambdaARN);
        const [permission = ''] = permissionsFor(template, 'secretsmanager.amazonaws.com', to).map(([its]) => its);
        return [template.Resources[name]?.DependsOn].flat().includes(permission) ? [] : [name];
      }),
  },
  {
    name: 'a route leads to a function that this API may call, and that answers in time',
    complaints: (template) =>
      [...waysOf(template)].flatMap(([name, uri, waitMs]) => {
        const [to = ''] = references(uri);
        const mayBeCalled = permissionsFor(template, 'apigateway.amazonaws.com', to).length > 0;
        const timeoutMs = Number(functionBehind(template, to)?.Timeout) * 1000;
        const isInTime = timeoutMs < Number(waitMs ?? INTEGRATION_TIMEOUT_MS);
        return mayBeCalled && isInTime ? [] : [name];
      }),
  },
  {
    name: 'a function with an alias is called by it alone',
    complaints: (template) =>
      ofType(template, 'AWS::Lambda::Alias').flatMap(([alias, { FunctionName }]) => {
        const [name = ''] = references(FunctionName);
        const called = [
          ...[...waysOf(template)].map(([route, uri]) => [route, uri] as const),
          ...ofType(template, 'AWS::Lambda::Permission').map(
            ([id, permission]) => [id, permission.FunctionName] as const,
          ),
        ];
        const isAround = called.filter(([, to]) => references(to).includes(name)).map(([id]) => id);
        const isUsed = called.some(([, to]) => references(to).includes(alias));
        return isUsed ? isAround : [alias, ...isAround];
      }),
  },
  {
    name: 'every API has one stage, whose limits no route goes round',
    complaints: (template) => {
      const stages = ['AWS::ApiGatewayV2::Stage', 'AWS::ApiGateway::Stage'].flatMap((type) => ofType(template, type));
      const apis =
        CALLERS['apigateway.amazonaws.com']?.flatMap((type) => ofType(template, type)).map(([name]) => name) ?? [];
      const stagesOf = (api: string) =>
        stages.filter(([, { ApiId, RestApiId }]) => references(ApiId ?? RestApiId).includes(api));
      const goesRound = (stage: Json) => {
        const { all, own } = limitsOf(stage);
        return [...own].some(([key, limits]) => key !== WITHOUT_IAM || !isWithin(limits, all));
      };
      return [
        ...apis.filter((api) => stagesOf(api).length !== 1),
        ...stages.filter(([, properties]) => goesRound(properties)).map(([name]) => name),
      ];
    },
  },
  {
    name: 'a route without a signature leads to a function that asks for none',
    complaints: (template) => {
      const targets = new Map([...waysOf(template)].map(([name, uri]) => [name, references(uri)[0] ?? '']));
      return routesOf(template).flatMap(({ name, key, authorisation }) => {
        const isSigned = authorisation === 'AWS_IAM';
        const serves = SERVES[targets.get(name) ?? ''];
        return (serves?.(key, isSigned) ?? isSigned) ? [] : [name];
      });
    },
  },
  {
    name: 'tokens without IAM have limits of their own',
    complaints: (template) => {
      const isServed = routesOf(template).some(({ key }) => key === WITHOUT_IAM);
      return ['AWS::ApiGatewayV2::Stage', 'AWS::ApiGateway::Stage']
        .flatMap((type) => ofType(template, type))
        .flatMap(([name, stage]) => {
          const { all, own } = limitsOf(stage);
          return isServed && !isWithin(own.get(WITHOUT_IAM), all) ? [name] : [];
        });
    },
  },
  {
    name: 'a private API is reached through its VPC endpoints alone',
    complaints: (template) =>
      ['AWS::ApiGateway::RestApi', 'AWS::ApiGateway::DomainNameV2']
        .flatMap((type) => ofType(template, type))
        .flatMap(([name, { EndpointConfiguration, Policy }]) => {
          const { Types = [] } = (EndpointConfiguration ?? {}) as { Types?: readonly string[] };
          const { Statement = [] } = (Policy ?? {}) as { Statement?: readonly Json[] };
          const isClosed = Statement.some(({ Effect, Principal, Resource, Condition }) => {
            const { StringNotEquals } = (Condition ?? {}) as { StringNotEquals?: Json };
            const ids = [StringNotEquals?.['aws:SourceVpce'] ?? []].flat();
            return Effect === 'Deny' && Principal === '*' && Resource === 'execute-api:/*' && ids.length > 0;
          });
          return Types.join() === 'PRIVATE' && isClosed ? [] : [name];
        }),
  },
];
