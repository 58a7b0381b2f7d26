// What can only be said of the whole template: it is changed here once the deployment tool has put it together.

/** The types whose property `Tags` is a list of keys and values, and those where it is a mapping. */
const TAGGED = {
  list: [
    'AWS::ApiGateway::DomainNameAccessAssociation',
    'AWS::ApiGateway::DomainNameV2',
    'AWS::ApiGateway::RestApi',
    'AWS::ApiGateway::Stage',
    'AWS::CloudWatch::Alarm',
    'AWS::CloudWatch::InsightRule',
    'AWS::CodeDeploy::Application',
    'AWS::CodeDeploy::DeploymentGroup',
    'AWS::DynamoDB::Table',
    'AWS::Events::Rule',
    'AWS::IAM::Role',
    'AWS::Lambda::Function',
    'AWS::Logs::LogGroup',
    'AWS::S3::Bucket',
  ],
  map: ['AWS::ApiGatewayV2::Api', 'AWS::ApiGatewayV2::DomainName', 'AWS::ApiGatewayV2::Stage'],
};

const entriesOf = ({ Resources }) => Object.entries(Resources);

/** Puts tags on everything that takes them. */
function tag(template, tags) {
  const list = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  for (const [, { Type, Properties }] of entriesOf(template)) {
    if (TAGGED.list.includes(Type)) Properties.Tags = list;
    if (TAGGED.map.includes(Type)) Properties.Tags = tags;
  }
}

/** The alias leads to the version of this package. Its logical name, a digest, is known only now. */
function nameVersion(template) {
  const alias = template.Resources.TokenAlias;
  if (alias === undefined) return;
  const isOfToken = ({ Type, Properties }) =>
    Type === 'AWS::Lambda::Version' && Properties.FunctionName?.Ref === 'TokenLambdaFunction';
  const [version] = entriesOf(template).find(([, resource]) => isOfToken(resource));
  alias.Properties.FunctionVersion = { 'Fn::GetAtt': [version, 'Version'] };
}

/** The logical names that a value refers to. */
function references(value) {
  if (Array.isArray(value)) return value.flatMap(references);
  if (typeof value !== 'object' || value === null) return [];
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Sub': text } = value;
  const named = [Ref, [attribute].flat()[0]?.split('.')[0]].filter((name) => typeof name === 'string');
  const written = [...String([text].flat()[0] ?? '').matchAll(/\$\{([^}!.]+)/g)].map(([, name]) => name);
  return [...named, ...written, ...Object.values(value).flatMap(references)];
}

/** Leaves out dependencies that references imply: the deployment tool writes both, and checkers complain (W3005). */
function withoutImplied(template) {
  for (const [, resource] of entriesOf(template)) {
    if (resource.DependsOn === undefined) continue;
    const implied = new Set(references(resource.Properties));
    const needed = [resource.DependsOn].flat().filter((name) => !implied.has(name));
    if (needed.length > 0) resource.DependsOn = needed;
    else delete resource.DependsOn;
  }
}

/** A value with every reference to a log group replaced by its ARN, written out. */
function withArns(value, arns) {
  if (Array.isArray(value)) return value.map((item) => withArns(item, arns));
  if (typeof value !== 'object' || value === null) return value;
  const [id, attribute] = value['Fn::GetAtt'] ?? [];
  if (attribute === 'Arn' && arns.has(id)) return { 'Fn::Sub': arns.get(id) };
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withArns(part, arns)]));
}

/** Leaves out log groups that exist and are not of the stack: functions and API go on writing to them. */
function adopt(template, ids) {
  const arnOf = ({ Properties }) =>
    `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:${Properties.LogGroupName}:*`;
  const arns = new Map(ids.map((id) => [id, arnOf(template.Resources[id])]));
  for (const id of ids) delete template.Resources[id];
  template.Resources = withArns(template.Resources, arns);
}

module.exports = { adopt, nameVersion, tag, withoutImplied };
