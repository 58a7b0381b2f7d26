import type { Rule } from './essentials.ts';
import type { Json, Template } from './packaged.ts';
import { ofType, references } from './reading.ts';

/** What the service consists of. A type that joins is looked at first: some are a way in (`AWS::Lambda::Url`). */
const TYPES: ReadonlySet<string> = new Set([
  'AWS::ApiGatewayV2::Api',
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

/** Who may call a function, and the type of the resource of this stack on whose behalf. */
const CALLERS: Readonly<Record<string, string>> = {
  'apigateway.amazonaws.com': 'AWS::ApiGatewayV2::Api',
  'events.amazonaws.com': 'AWS::Events::Rule',
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
        const type = CALLERS[String(Principal)];
        const sources = references(SourceArn).map((source) => template.Resources[source]?.Type);
        const isOurs = type !== undefined && sources.length === 1 && sources[0] === type;
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
      ofType(template, 'AWS::ApiGatewayV2::Route').flatMap(([name, { Target }]) => {
        const [integration = ''] = references(Target);
        const { IntegrationUri, TimeoutInMillis } = template.Resources[integration]?.Properties ?? {};
        const [to = ''] = references(IntegrationUri);
        const mayBeCalled = permissionsFor(template, 'apigateway.amazonaws.com', to).length > 0;
        const timeoutMs = Number(template.Resources[to]?.Properties.Timeout) * 1000;
        const isInTime = timeoutMs < Number(TimeoutInMillis ?? INTEGRATION_TIMEOUT_MS);
        return mayBeCalled && isInTime ? [] : [name];
      }),
  },
  {
    name: 'every API has one stage, whose limits no route goes round',
    complaints: (template) => {
      const stages = ofType(template, 'AWS::ApiGatewayV2::Stage');
      const apis = ofType(template, 'AWS::ApiGatewayV2::Api').map(([name]) => name);
      const stagesOf = (api: string) => stages.filter(([, { ApiId }]) => references(ApiId).includes(api));
      return [
        ...apis.filter((api) => stagesOf(api).length !== 1),
        ...stages.filter(([, { RouteSettings }]) => RouteSettings !== undefined).map(([name]) => name),
      ];
    },
  },
];
