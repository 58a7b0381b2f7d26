import type { Rule } from './essentials.ts';
import type { Json } from './packaged.ts';
import { ofType, references } from './reading.ts';

/** What a function may have: no layer, file system or image that would bring other code along. */
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
  'TracingConfig',
  'VpcConfig',
]);

const CLOSED = ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'] as const;

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
    name: 'each secret rotates by one schedule, and not because of a deployment',
    complaints: (template) => {
      const schedules = ofType(template, 'AWS::SecretsManager::RotationSchedule');
      const secrets = schedules.map(([, { SecretId }]) => SecretId);
      return schedules.flatMap(([name, { SecretId, RotateImmediatelyOnUpdate, RotationRules }], at) => {
        const days = Number((RotationRules as Json | undefined)?.AutomaticallyAfterDays);
        const isFirst = secrets.indexOf(SecretId) === at;
        return isFirst && RotateImmediatelyOnUpdate === false && days >= 1 && days <= 365 ? [] : [name];
      });
    },
  },
  {
    name: 'saved queries look into logs that are there',
    complaints: (template) => {
      const groups = ofType(template, 'AWS::Logs::LogGroup').map(([, { LogGroupName }]) => LogGroupName);
      return ofType(template, 'AWS::Logs::QueryDefinition').flatMap(([name, { LogGroupNames }]) => {
        const named = [LogGroupNames ?? []].flat();
        return named.length > 0 && named.every((group) => groups.includes(group)) ? [] : [name];
      });
    },
  },
  {
    name: 'names in texts are there',
    complaints: ({ Resources, Outputs }) =>
      references({ Resources, Outputs }).filter((name) => !Object.hasOwn(Resources, name)),
  },
];
