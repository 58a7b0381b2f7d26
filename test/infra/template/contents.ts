import type { Rule } from './essentials.ts';
import type { Json, Template } from './packaged.ts';
import { ofType, references } from './reading.ts';

/** What a function may have: no layer, file system, image or network that would bring other code or other ways along. */
const FUNCTION_PROPERTIES: ReadonlySet<string> = new Set([
  'Architectures',
  'Code',
  'Description',
  'Environment',
  'FunctionName',
  'Handler',
  'MemorySize',
  'ReservedConcurrentExecutions',
  'Role',
  'Runtime',
  'Tags',
  'Timeout',
]);

const CLOSED = ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'] as const;

/** The dimensions that an alarm needs, by its namespace, and the type of what they name. */
const WATCHED: Readonly<Record<string, readonly [dimension: string, type: string]>> = {
  'AWS/Lambda': ['FunctionName', 'AWS::Lambda::Function'],
  'AWS/ApiGateway': ['ApiId', 'AWS::ApiGatewayV2::Api'],
};

/** The namespaces that the functions' own metrics go to. */
const ownNamespaces = (template: Template): readonly unknown[] =>
  ofType(template, 'AWS::Lambda::Function').map(([, { Environment }]) => {
    const { Variables = {} } = (Environment ?? {}) as { Variables?: Json };
    return Variables.METRICS_NAMESPACE;
  });

/** The functions' own metrics have no dimensions, so an alarm with one would wait for ever. */
function looksAtSomething(template: Template, { Namespace, Dimensions }: Json): boolean {
  const dimensions = (Dimensions ?? []) as readonly { Name: string; Value: unknown }[];
  const watched = WATCHED[String(Namespace)];
  if (watched === undefined) {
    return dimensions.length === 0 && ownNamespaces(template).every((own) => own === Namespace);
  }
  const [name, type] = watched;
  const [dimension] = dimensions;
  const [to = ''] = references(dimension?.Value);
  return dimensions.length === 1 && dimension?.Name === name && template.Resources[to]?.Type === type;
}

/** What the parts of the service hold. */
export const CONTENTS: readonly Rule[] = [
  {
    name: 'functions run their bundle and nothing else',
    complaints: (template) =>
      ofType(template, 'AWS::Lambda::Function').flatMap(([name, properties]) =>
        Object.keys(properties)
          .filter((property) => !FUNCTION_PROPERTIES.has(property))
          .map((property) => `${name}.${property}`),
      ),
  },
  {
    name: 'buckets are encrypted, and closed to the public',
    complaints: (template) =>
      ofType(template, 'AWS::S3::Bucket').flatMap(([name, { BucketEncryption, PublicAccessBlockConfiguration }]) => {
        const block = (PublicAccessBlockConfiguration ?? {}) as Json;
        return BucketEncryption !== undefined && CLOSED.every((part) => block[part] === true) ? [] : [name];
      }),
  },
  {
    name: 'tables can be brought back, and forget by themselves',
    complaints: (template) =>
      ofType(template, 'AWS::DynamoDB::Table').flatMap(([name, properties]) => {
        const { PointInTimeRecoverySpecification: recovery, TimeToLiveSpecification: ttl } = properties as Record<
          string,
          Json | undefined
        >;
        return recovery?.PointInTimeRecoveryEnabled === true && ttl?.Enabled === true ? [] : [name];
      }),
  },
  {
    name: 'every alarm looks at something that is there',
    complaints: (template) =>
      ofType(template, 'AWS::CloudWatch::Alarm').flatMap(([name, properties]) =>
        looksAtSomething(template, properties) ? [] : [name],
      ),
  },
  {
    name: 'names in texts are there',
    complaints: ({ Resources, Outputs }) =>
      references({ Resources, Outputs }).filter((name) => !Object.hasOwn(Resources, name)),
  },
];
