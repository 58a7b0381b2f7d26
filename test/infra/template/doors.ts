import type { Rule } from './essentials.ts';
import { ofType, references } from './reading.ts';

/** What the service consists of. A type that joins is looked at first: some are a way in (`AWS::Lambda::Url`). */
const TYPES: ReadonlySet<string> = new Set([
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::CloudWatch::Alarm',
  'AWS::DynamoDB::Table',
  'AWS::Events::Rule',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Lambda::Version',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
]);

/** Who may call a function, and the type of the resource of this stack on whose behalf. */
const CALLERS: Readonly<Record<string, string>> = {
  'apigateway.amazonaws.com': 'AWS::ApiGatewayV2::Api',
  'events.amazonaws.com': 'AWS::Events::Rule',
};

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
    name: 'functions are called by this API and this schedule only',
    complaints: (template) =>
      ofType(template, 'AWS::Lambda::Permission').flatMap(([name, { Action, Principal, SourceArn }]) => {
        const type = CALLERS[String(Principal)];
        const sources = references(SourceArn).map((source) => template.Resources[source]?.Type);
        const isOurs = type !== undefined && sources.length === 1 && sources[0] === type;
        return isOurs && Action === 'lambda:InvokeFunction' ? [] : [name];
      }),
  },
  {
    name: 'a route leads to a function that this API may call, and that answers in time',
    complaints: (template) =>
      ofType(template, 'AWS::ApiGatewayV2::Route').flatMap(([name, { Target }]) => {
        const [integration = ''] = references(Target);
        const { IntegrationUri, TimeoutInMillis } = template.Resources[integration]?.Properties ?? {};
        const [to = ''] = references(IntegrationUri);
        const mayBeCalled = ofType(template, 'AWS::Lambda::Permission').some(
          ([, { FunctionName, Principal }]) =>
            Principal === 'apigateway.amazonaws.com' && references(FunctionName).includes(to),
        );
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
