// The template and the packages for other tools than the serverless CLI: dist/.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { FEDERATED_KEY } = require('./api.cjs');

/** Resources and outputs that only the deployment tool uses. */
const ITS_OWN = /^ServerlessDeploymentBucket|QualifiedArn$/;

/** The stack's name begins the names of functions, table, logs and alarms, as it does for the deployment tool. */
const STACK = `\${AWS::StackName}`;

const ref = (Ref) => ({ Ref });
const NOTHING = ref('AWS::NoValue');

/**
 * The template's own parameters: the parameter of the deployment whose value is the default, and where it stands. An
 * `optional` one may be empty.
 */
const PARAMETERS = {
  LogRetentionDays: { from: 'logRetentionDays', Type: 'Number', at: [['AWS::Logs::LogGroup', 'RetentionInDays']] },
  ThrottleRate: {
    from: 'throttleRate',
    Type: 'Number',
    at: [
      ['AWS::ApiGatewayV2::Stage', 'DefaultRouteSettings.ThrottlingRateLimit'],
      ['AWS::ApiGateway::Stage', 'MethodSettings.0.ThrottlingRateLimit'],
    ],
  },
  ThrottleBurst: {
    from: 'throttleBurst',
    Type: 'Number',
    at: [
      ['AWS::ApiGatewayV2::Stage', 'DefaultRouteSettings.ThrottlingBurstLimit'],
      ['AWS::ApiGateway::Stage', 'MethodSettings.0.ThrottlingBurstLimit'],
    ],
  },
  FederatedThrottleRate: {
    from: 'federatedThrottleRate',
    Type: 'Number',
    at: [
      ['AWS::ApiGatewayV2::Stage', `RouteSettings.${FEDERATED_KEY}.ThrottlingRateLimit`],
      ['AWS::ApiGateway::Stage', 'MethodSettings.1.ThrottlingRateLimit'],
    ],
  },
  FederatedThrottleBurst: {
    from: 'federatedThrottleBurst',
    Type: 'Number',
    at: [
      ['AWS::ApiGatewayV2::Stage', `RouteSettings.${FEDERATED_KEY}.ThrottlingBurstLimit`],
      ['AWS::ApiGateway::Stage', 'MethodSettings.1.ThrottlingBurstLimit'],
    ],
  },
  AlarmTopicArn: {
    from: 'alarmTopicArn',
    optional: true,
    at: [
      ['AWS::CloudWatch::Alarm', 'AlarmActions.0'],
      ['AWS::CloudWatch::Alarm', 'OKActions.0'],
    ],
  },
  DeletionProtection: {
    from: 'deletionProtection',
    AllowedValues: ['true', 'false'],
    at: [['AWS::DynamoDB::Table', 'DeletionProtectionEnabled']],
  },
  PrewarmSchedule: { from: 'prewarmSchedule', at: [['AWS::Events::Rule', 'ScheduleExpression']] },
  PermissionsBoundaryArn: {
    from: 'permissionsBoundaryArn',
    optional: true,
    at: [['AWS::IAM::Role', 'PermissionsBoundary']],
  },
  VpcSubnetIds: {
    from: 'vpcSubnetIds',
    Type: 'CommaDelimitedList',
    at: [['AWS::Lambda::Function', 'VpcConfig.SubnetIds']],
  },
  VpcSecurityGroupIds: {
    from: 'vpcSecurityGroupIds',
    Type: 'CommaDelimitedList',
    at: [['AWS::Lambda::Function', 'VpcConfig.SecurityGroupIds']],
  },
};

/** A value in which names that begin with the stack's name follow the stack; those of secrets are the operator's. */
function following(value, prefix) {
  if (Array.isArray(value)) return value.map((item) => following(item, prefix));
  if (typeof value === 'string') {
    if (!value.includes(prefix)) return value;
    return { 'Fn::Sub': value.replaceAll('${', '${!').replaceAll(prefix, STACK) };
  }
  if (typeof value !== 'object' || value === null) return value;
  const sub = value['Fn::Sub'];
  if (typeof sub === 'string') {
    return { 'Fn::Sub': sub.includes(':secretsmanager:') ? sub : sub.replaceAll(prefix, STACK) };
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, name === 'SecretId' ? part : following(part, prefix)]),
  );
}

/** Sets a place in the properties of a resource, if there is something, or if there may be something. */
function set(properties, way, make, isOptional) {
  const steps = way.split('.');
  const last = steps.pop();
  const parent = steps.reduce((part, step) => part?.[step], properties);
  if (parent === undefined || (parent[last] === undefined && !isOptional)) return;
  parent[last] = make;
}

/** Puts the template's own parameters where their values stand. @returns the parameters and conditions */
function parametrise(resources, values) {
  const Parameters = {};
  const Conditions = {};
  for (const [name, { from, optional: isOptional = false, at, Type = 'String', ...rest }] of Object.entries(
    PARAMETERS,
  )) {
    const places = Object.values(resources).flatMap(({ Type: type, Properties }) =>
      at.flatMap(([of, way]) => (of === type ? [[Properties, way]] : [])),
    );
    const isThere = isOptional || places.some(([properties, way]) => read(properties, way) !== undefined);
    if (!isThere) continue;
    Parameters[name] = {
      Type,
      Default: [values[from]].flat().join(','),
      Description: `As ${from} in docs/deploy.md.`,
      ...rest,
    };
    if (isOptional) Conditions[`Has${name}`] = { 'Fn::Not': [{ 'Fn::Equals': [ref(name), ''] }] };
    const make = isOptional ? { 'Fn::If': [`Has${name}`, ref(name), NOTHING] } : ref(name);
    for (const [properties, way] of places) set(properties, way, make, isOptional);
  }
  return { Parameters, Conditions };
}

const read = (properties, way) => way.split('.').reduce((part, step) => part?.[step], properties);

const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Only the letters that make a key new when the package is. */
const DIGEST_CHARACTERS = 16;

/**
 * Makes one template with parameters of what the deployment tool has put together.
 * @param {object} template with the tool's own resources
 * @param {{ values: object, prefix: string, keys: Record<string, string> }} about the deployment's parameters; what names of
 *   its resources begin with; the key of each function's package in the bucket, without its prefix
 */
function plainTemplate(template, { values, prefix, keys }) {
  const kept = (part) => Object.fromEntries(Object.entries(part).filter(([name]) => !ITS_OWN.test(name)));
  const Resources = following(structuredClone(kept(template.Resources)), prefix);
  const Outputs = following(kept(template.Outputs), prefix);
  for (const output of Object.values(Outputs)) delete output.Export;
  const { Parameters, Conditions } = parametrise(Resources, values);
  for (const resource of Object.values(Resources)) {
    const { Code } = resource.Properties ?? {};
    if (Code?.S3Key === undefined) continue;
    const name = path.basename(Code.S3Key, '.zip');
    resource.Properties.Code = { S3Bucket: ref('CodeBucket'), S3Key: { 'Fn::Sub': `\${CodePrefix}${keys[name]}` } };
  }
  // Events that have nowhere to go are not sent.
  if (Resources.RotationFailedRule !== undefined) {
    Resources.RotationFailedRule.Condition = 'HasAlarmTopicArn';
    Resources.RotationFailedRule.Properties.Targets[0].Arn = ref('AlarmTopicArn');
  }
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'ZITADEL access tokens for microservices: the token broker.',
    Metadata: template.Metadata,
    Parameters: {
      CodeBucket: {
        Type: 'String',
        Description: 'The S3 bucket, in the region of the stack, with the zip files of this folder.',
      },
      CodePrefix: { Type: 'String', Default: '', Description: 'What their keys begin with, such as broker/.' },
      ...Parameters,
    },
    Conditions,
    // The tool's order is another one each time.
    Resources: Object.fromEntries(Object.entries(Resources).sort(([a], [b]) => (a < b ? -1 : 1))),
    Outputs,
  };
}

/**
 * Writes `template.json`, the packages with digests in their names, and `SHA256SUMS`, into a folder that is made anew.
 * @param {{ folder: string, template: object, zips: Record<string, string>, values: object, prefix: string }} what the zip
 *   file of each function
 */
function write({ folder, template, zips, values, prefix }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const sums = [];
  const keys = {};
  for (const [name, zip] of Object.entries(zips)) {
    const digest = sha256(zip);
    keys[name] = `${name}-${digest.slice(0, DIGEST_CHARACTERS)}.zip`;
    writeFileSync(path.join(folder, keys[name]), readFileSync(zip));
    sums.push(`${digest}  ${keys[name]}\n`);
  }
  const file = path.join(folder, 'template.json');
  writeFileSync(file, `${JSON.stringify(plainTemplate(template, { values, prefix, keys }), null, 1)}\n`);
  sums.push(`${sha256(file)}  template.json\n`);
  writeFileSync(path.join(folder, 'SHA256SUMS'), sums.join(''));
}

module.exports = { plainTemplate, write };
