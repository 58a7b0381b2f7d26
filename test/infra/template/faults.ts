import type { Json, Template } from './packaged.ts';

/** A fault that somebody might make. */
export interface Fault {
  /** The rule that tells. */
  readonly rule: string;
  readonly fault: string;
  /** Makes the fault in a copy of the template. */
  readonly make: (
    properties: (resource: string) => Json,
    resources: Record<string, unknown>,
    template: Template,
  ) => void;
}

const CLOUD_FRONT = { Type: 'AWS::CloudFront::Distribution', Properties: {} };
const OPEN_URL = { Type: 'AWS::Lambda::Url', Properties: { AuthType: 'NONE', TargetFunctionArn: 'token' } };
const STAGELESS = { Type: 'AWS::ApiGatewayV2::Api', Properties: { ProtocolType: 'HTTP' } };

/** Replaces a text in the dashboard. */
const redraw = (dashboard: Json, from: string, to: string): void => {
  const body = dashboard.DashboardBody as { 'Fn::Sub': string };
  body['Fn::Sub'] = body['Fn::Sub'].replace(from, to);
};

const ROUTE = 'HttpApiRoutePostProfileVarOauthV2Token';
const OPEN_ROUTE = 'HttpApiRoutePostFederatedProfileVarOauthV2Token';
const WITHOUT_IAM = 'POST /federated/{profile}/oauth/v2/token';

/** The statements of a role. */
const statementsOf = (role: Json): Json[] => {
  const [policy] = role.Policies as { PolicyDocument: { Statement: Json[] } }[];
  return policy?.PolicyDocument.Statement ?? [];
};

/** A part of an alarm's expression. */
const queryIn = (alarm: Json, id: string): Json => (alarm.Metrics as Json[]).find(({ Id }) => Id === id) ?? {};

const metricIn = (alarm: Json, id: string): Json => (queryIn(alarm, id).MetricStat as { Metric: Json }).Metric;

/** The schedule of the secret `zitadel/reports`. */
const REPORTS = 'Rotation08a98d246c402965Schedule';

/** The statement that changes secrets. */
const changing = (role: Json): Json =>
  statementsOf(role).find(({ Action }) => String(Action).includes('PutSecretValue')) ?? {};

const allow = (Action: string, rest: Json): Json => ({ Effect: 'Allow', Action, ...rest });

/** Each rule at least once. */
// biome-ignore format: one fault a line or two
export const FAULTS: readonly Fault[] = [
  { rule: 'there are no resources but those of known types', fault: 'a URL of a function, open to everybody',
    make: (_of, resources) => Object.assign(resources, { TokenUrl: OPEN_URL }) },
  { rule: 'there are no resources but those of known types', fault: 'something before the API',
    make: (_of, resources) => Object.assign(resources, { Front: CLOUD_FRONT }) },
  { rule: 'functions are called by this API, these rules and the secrets of this account only', fault: 'everybody calls a function',
    make: (of) => Object.assign(of('TokenLambdaPermissionHttpApi'), { Principal: '*' }) },
  { rule: 'functions are called by this API, these rules and the secrets of this account only', fault: 'any API of any account calls a function',
    make: (of) => delete of('RevokeLambdaPermissionHttpApi').SourceArn },
  { rule: 'functions are called by this API, these rules and the secrets of this account only', fault: 'an API of another stack calls a function',
    make: (of) => Object.assign(of('TokenLambdaPermissionHttpApi'), { SourceArn: 'arn:aws:execute-api:eu-central-1:123456789012:other/*' }) },
  { rule: 'functions are called by this API, these rules and the secrets of this account only', fault: 'the schedule may do more than call',
    make: (of) => Object.assign(of('PrewarmLambdaPermissionEventsRuleSchedule1'), { Action: 'lambda:*' }) },
  { rule: 'functions are called by this API, these rules and the secrets of this account only', fault: 'secrets of any account start a rotation',
    make: (of) => delete of('RotateLambdaPermissionSecretsManager').SourceAccount },
  { rule: 'functions are called by this API, these rules and the secrets of this account only', fault: 'secrets start a function that rotates nothing',
    make: (of) => Object.assign(of('RotateLambdaPermissionSecretsManager'), { FunctionName: { 'Fn::GetAtt': ['TokenLambdaFunction', 'Arn'] } }) },
  { rule: 'a rule leads to a function that it may call, or to the topic of the alarms', fault: 'no permission',
    make: (_of, resources) => delete resources.PrewarmLambdaPermissionSecretChangedRule },
  { rule: 'a rule leads to a function that it may call, or to the topic of the alarms', fault: 'permission for another rule alone',
    make: (of) => Object.assign(of('PrewarmLambdaPermissionSecretChangedRule'), { SourceArn: { 'Fn::GetAtt': ['PrewarmEventsRuleSchedule1', 'Arn'] } }) },
  { rule: 'a rule leads to a function that it may call, or to the topic of the alarms', fault: 'a topic that no alarm has',
    make: (of) => Object.assign(of('SecretChangedRule'), { Targets: [{ Id: 'others', Arn: 'arn:aws:sns:eu-central-1:123456789012:others' }] }) },
  { rule: 'a rule leads to a function that it may call, or to the topic of the alarms', fault: 'a rule for nobody',
    make: (of) => delete of('SecretChangedRule').Targets },
  { rule: 'a rotation has a function that Secrets Manager may call by then', fault: 'no permission',
    make: (_of, resources) => delete resources.RotateLambdaPermissionSecretsManager },
  { rule: 'a rotation has a function that Secrets Manager may call by then', fault: 'the permission may come later',
    make: (_of, resources) => delete (resources[REPORTS] as Json).DependsOn },
  { rule: 'a rotation has a function that Secrets Manager may call by then', fault: 'another function',
    make: (of) => Object.assign(of(REPORTS), { RotationLambdaARN: { 'Fn::GetAtt': ['PrewarmLambdaFunction', 'Arn'] } }) },
  { rule: 'each secret rotates by one schedule, and not because of a deployment', fault: 'each deployment rotates',
    make: (of) => delete of(REPORTS).RotateImmediatelyOnUpdate },
  { rule: 'each secret rotates by one schedule, and not because of a deployment', fault: 'never',
    make: (of) => delete of(REPORTS).RotationRules },
  { rule: 'each secret rotates by one schedule, and not because of a deployment', fault: 'a second schedule',
    make: (of, resources) => Object.assign(resources, { Second: { Type: 'AWS::SecretsManager::RotationSchedule', Properties: of(REPORTS) } }) },
  { rule: 'a route leads to a function that this API may call, and that answers in time', fault: 'no permission',
    make: (_of, resources) => delete resources.IntrospectLambdaPermissionHttpApi },
  { rule: 'a route leads to a function that this API may call, and that answers in time', fault: 'a route to the schedule\'s function',
    make: (of) => Object.assign(of('HttpApiIntegrationToken'), { IntegrationUri: { 'Fn::GetAtt': ['PrewarmLambdaFunction', 'Arn'] } }) },
  { rule: 'a route leads to a function that this API may call, and that answers in time', fault: 'API Gateway has given up before',
    make: (of) => Object.assign(of('TokenLambdaFunction'), { Timeout: 31 }) },
  { rule: 'a route leads to a function that this API may call, and that answers in time', fault: 'a route that leads nowhere',
    make: (of) => delete of(ROUTE).Target },
  { rule: 'every API has one stage, whose limits no route goes round', fault: 'a route with limits of its own',
    make: (of) => Object.assign(of('HttpApiStage'), { RouteSettings: { [ROUTE]: { ThrottlingRateLimit: 100_000 } } }) },
  { rule: 'every API has one stage, whose limits no route goes round', fault: 'another API, without limits',
    make: (_of, resources) => Object.assign(resources, { OtherApi: STAGELESS }) },
  { rule: 'every API has one stage, whose limits no route goes round', fault: 'more for callers without IAM than for all',
    make: (of) => Object.assign((of('HttpApiStage').RouteSettings as Record<string, Json>)[WITHOUT_IAM] ?? {}, { ThrottlingRateLimit: 501 }) },
  { rule: 'a route without a signature leads to a function that asks for none', fault: 'the open route leads to the function of IAM callers',
    make: (of) => Object.assign(of(OPEN_ROUTE), { Target: of(ROUTE).Target }) },
  { rule: 'a route without a signature leads to a function that asks for none', fault: 'a signed route leads to the function of callers without IAM',
    make: (of) => Object.assign(of(ROUTE), { Target: of(OPEN_ROUTE).Target }) },
  { rule: 'a route without a signature leads to a function that asks for none', fault: 'a route of IAM callers is open',
    make: (of) => Object.assign(of(ROUTE), { AuthorizationType: 'NONE' }) },
  { rule: 'tokens without IAM have limits of their own', fault: 'none',
    make: (of) => delete of('HttpApiStage').RouteSettings },
  { rule: 'tokens without IAM have limits of their own', fault: 'no burst',
    make: (of) => delete (of('HttpApiStage').RouteSettings as Record<string, Json>)[WITHOUT_IAM]?.ThrottlingBurstLimit },
  { rule: 'statements name what they are about, not what they leave out', fault: 'everything but IAM',
    make: (of) => statementsOf(of('TokenRole')).push({ Effect: 'Allow', NotAction: 'iam:PassRole', Resource: 'arn:aws:s3:::bucket' }) },
  { rule: 'statements name what they are about, not what they leave out', fault: 'every table but one',
    make: (of) => statementsOf(of('TokenRole')).push(allow('dynamodb:GetItem', { NotResource: 'arn:aws:dynamodb:::table/other' })) },
  { rule: 'a statement for everybody only denies, or is for VPC endpoints or an organisation', fault: 'the packages are for everybody',
    make: (of) => Object.assign((of('ServerlessDeploymentBucketPolicy').PolicyDocument as { Statement: Json[] }).Statement[0] ?? {}, { Effect: 'Allow' }) },
  { rule: 'secrets are named one by one', fault: 'all secrets with names of eight characters',
    make: (of) => statementsOf(of('TokenRole')).push(allow('secretsmanager:GetSecretValue', { Resource: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:????????-??????' })) },
  { rule: 'secrets are named one by one', fault: 'all secrets of a folder',
    make: (of) => statementsOf(of('TokenRole')).push(allow('secretsmanager:GetSecretValue', { Resource: { 'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:::secret:zitadel/*` } })) },
  { rule: 'a secret is changed by the function that rotates it, and by no other', fault: 'a secret of which Secrets Manager knows another function',
    make: (of) => delete changing(of('RotateRole')).Condition },
  { rule: 'a secret is changed by the function that rotates it, and by no other', fault: 'the function of another stage',
    make: (of) => Object.assign(of('RotateLambdaFunction'), { FunctionName: 'zitadel-token-broker-dev-rotate' }) },
  { rule: 'a secret is changed by the function that rotates it, and by no other', fault: 'a secret that does not rotate',
    make: (of) => Object.assign(changing(of('RotateRole')), { Resource: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/owner-a1B2c3' }) },
  { rule: 'a secret is changed by the function that rotates it, and by no other', fault: 'a function that serves callers',
    make: (of) => statementsOf(of('TokenRole')).push(changing(of('RotateRole'))) },
  { rule: 'a secret is changed by the function that rotates it, and by no other', fault: 'one secret too few',
    make: (of) => (changing(of('RotateRole')).Resource as unknown[]).pop() },
  { rule: 'a secret is changed by the function that rotates it, and by no other', fault: 'no right to change it',
    make: (of) => statementsOf(of('RotateRole')).splice(1) },
  { rule: 'a key decrypts through one service only', fault: 'a key for any ciphertext',
    make: (of) => statementsOf(of('TokenRole')).push(allow('kms:Decrypt', { Resource: 'arn:aws:kms:eu-central-1:123456789012:key/k' })) },
  { rule: 'a function writes its own log, and no other\'s', fault: 'the log of another function',
    make: (of) => Object.assign(statementsOf(of('MetadataRole'))[0] ?? {}, { Resource: { 'Fn::GetAtt': ['TokenLogs', 'Arn'] } }) },
  { rule: 'a function writes its own log, and no other\'s', fault: 'no log at all',
    make: (of) => statementsOf(of('MetadataRole')).shift() },
  { rule: 'functions run their bundle and nothing else', fault: 'a layer',
    make: (of) => Object.assign(of('TokenLambdaFunction'), { Layers: ['arn:aws:lambda:eu-central-1:123456789012:layer:extension:1'] }) },
  { rule: 'buckets are encrypted, and closed to the public', fault: 'not encrypted',
    make: (of) => delete of('ServerlessDeploymentBucket').BucketEncryption },
  { rule: 'buckets are encrypted, and closed to the public', fault: 'half closed',
    make: (of) => Object.assign(of('ServerlessDeploymentBucket'), { PublicAccessBlockConfiguration: { BlockPublicAcls: true } }) },
  { rule: 'tables can be brought back, and forget by themselves', fault: 'no recovery',
    make: (of) => delete of('TokenTable').PointInTimeRecoverySpecification },
  { rule: 'tables can be brought back, and forget by themselves', fault: 'rows for ever',
    make: (of) => delete of('TokenTable').TimeToLiveSpecification },
  { rule: 'every alarm looks at something that is there', fault: 'metrics in another namespace',
    make: (of) => Object.assign(of('CredentialRefusedAlarm'), { Namespace: 'zitadel-token-broker-dev' }) },
  { rule: 'every alarm looks at something that is there', fault: 'a dimension that the metric does not have',
    make: (of) => Object.assign(of('CredentialRefusedAlarm'), { Dimensions: [{ Name: 'profile', Value: 'orders' }] }) },
  { rule: 'every alarm looks at something that is there', fault: 'a metric in an expression that the log never writes',
    make: (of) => Object.assign(metricIn(of('PromiseFastAlarm'), 'short'), { MetricName: 'LastResorts' }) },
  { rule: 'every alarm looks at something that is there', fault: 'a function by a name of its own',
    make: (of) => Object.assign(of('PrewarmMissingAlarm'), { Dimensions: [{ Name: 'FunctionName', Value: 'prewarm' }] }) },
  { rule: 'every alarm looks at something that is there', fault: 'another dimension',
    make: (of) => Object.assign(of('ApiLatencyAlarm'), { Dimensions: [{ Name: 'ApiName', Value: { Ref: 'HttpApi' } }] }) },
  { rule: 'every alarm looks at something that is there', fault: 'a metric that the log never writes',
    make: (of) => Object.assign(of('TableAwayAlarm'), { MetricName: 'TableGone' }) },
  { rule: 'every alarm looks at something that is there', fault: 'a metric by the name that it has in REST APIs',
    make: (of) => Object.assign(metricIn(of('ApiErrorsAlarm'), 'errors'), { MetricName: '5XXError' }) },
  { rule: 'every alarm looks at something that is there', fault: 'another dimension, in an expression',
    make: (of) => Object.assign(metricIn(of('ApiErrorsAlarm'), 'requests'), { Dimensions: [{ Name: 'ApiName', Value: { Ref: 'HttpApi' } }] }) },
  { rule: 'every alarm looks at something that is there', fault: 'no metric at all',
    make: (of) => delete of('ApiErrorsAlarm').Metrics },
  { rule: 'an expression names each of its metrics, and alone is looked at', fault: 'a metric of another name',
    make: (of) => Object.assign(queryIn(of('ApiErrorsAlarm'), 'errors'), { Id: 'faults' }) },
  { rule: 'an expression names each of its metrics, and alone is looked at', fault: 'two results',
    make: (of) => delete queryIn(of('ApiErrorsAlarm'), 'errors').ReturnData },
  { rule: 'an expression names each of its metrics, and alone is looked at', fault: 'minutes and hours together',
    make: (of) => Object.assign(queryIn(of('ApiErrorsAlarm'), 'errors').MetricStat as Json, { Period: 3600 }) },
  { rule: 'an alarm can be raised', fault: 'more periods than are looked at',
    make: (of) => Object.assign(of('TableAwayAlarm'), { DatapointsToAlarm: 7 }) },
  { rule: 'an alarm can be raised', fault: 'longer than a day',
    make: (of) => Object.assign(of('PrewarmMissingAlarm'), { EvaluationPeriods: 97 }) },
  { rule: 'an alarm can be raised', fault: 'silence taken for health does not end it',
    make: (of) => delete of('BugsAlarm').TreatMissingData },
  { rule: 'what the log counts as harm has an alarm', fault: 'an alarm less',
    make: (_of, resources) => delete resources.SecretsAwayAlarm },
  { rule: 'what the log counts as harm has an alarm', fault: 'an alarm on something else',
    make: (of) => Object.assign(of('RenewalsFailedAlarm'), { MetricName: 'TokenRequests' }) },
  { rule: 'a dashboard is valid, and no widget covers another', fault: 'a comma too many',
    make: (of) => redraw(of('Dashboard'), '"widgets": [', '"widgets": [,') },
  { rule: 'a dashboard is valid, and no widget covers another', fault: 'two widgets in one place',
    make: (of) => redraw(of('Dashboard'), '"x": 8, "y": 12', '"x": 7, "y": 12') },
  { rule: 'a dashboard is valid, and no widget covers another', fault: 'a widget that is too wide',
    make: (of) => redraw(of('Dashboard'), '"x": 16, "y": 12, "width": 8', '"x": 16, "y": 12, "width": 9') },
  { rule: 'a dashboard shows metrics that are there', fault: 'a metric that the log never writes',
    make: (of) => redraw(of('Dashboard'), '"TableAway"', '"TableGone"') },
  { rule: 'a dashboard shows metrics that are there', fault: 'a function that is not there',
    make: (of) => redraw(of('Dashboard'), `\${TokenLambdaFunction}`, `\${TokensLambdaFunction}`) },
  { rule: 'the dashboard shows all that the log counts', fault: 'a metric less',
    make: (of) => redraw(of('Dashboard'), '"Waits"', '"Hits"') },
  { rule: 'the dashboard shows every alarm, but those of single profiles and of a shift', fault: 'an alarm less',
    make: (of) => redraw(of('Dashboard'), '-table-away"', '-secrets-away"') },
  { rule: 'the dashboard shows every alarm, but those of single profiles and of a shift', fault: 'an alarm that is not there',
    make: (_of, resources) => delete resources.BugsAlarm },
  { rule: 'a rule on contributors reads a log that is there, and is shown', fault: 'the log of another stage',
    make: (of) => Object.assign(of('CallersRule'), { RuleBody: String(of('CallersRule').RuleBody).replace('-prod-', '-dev-') }) },
  { rule: 'a rule on contributors reads a log that is there, and is shown', fault: 'a rule of another name',
    make: (of) => Object.assign(of('CallersRule'), { RuleName: 'callers' }) },
  { rule: 'every alarm says what is wrong and where to look', fault: 'nothing said',
    make: (of) => delete of('BugsAlarm').AlarmDescription },
  { rule: 'every alarm says what is wrong and where to look', fault: 'nowhere to look',
    make: (of) => Object.assign(of('BugsAlarm'), { AlarmDescription: 'The broker met a bug: a caller got 500.' }) },
  { rule: 'every alarm says what is wrong and where to look', fault: 'a field that the log does not have',
    make: (of) => Object.assign(of('BugsAlarm'), { AlarmDescription: 'The broker met a bug. The log says which in the field stack. docs/runbooks.md#bugs' }) },
  { rule: 'docs/operating.md names every alarm', fault: 'an alarm that it does not have',
    make: (of) => Object.assign(of('BugsAlarm'), { AlarmName: 'zitadel-token-broker-prod-beetles', AlarmDescription: 'Beetles. docs/runbooks.md#beetles' }) },
  { rule: 'an alarm ends in the address of its runbook', fault: 'the runbook of another',
    make: (of) => Object.assign(of('BugsAlarm'), { AlarmDescription: of('TableAwayAlarm').AlarmDescription }) },
  { rule: 'an alarm ends in the address of its runbook', fault: 'no runbook of its name',
    make: (of) => Object.assign(of('BugsAlarm'), { AlarmName: 'zitadel-token-broker-prod-beetles', AlarmDescription: 'Beetles. docs/runbooks.md#beetles' }) },
  { rule: 'every runbook of an alarm has its alarm', fault: 'an alarm less',
    make: (_of, resources) => delete resources.BugsAlarm },
  { rule: 'saved queries look into logs that are there', fault: 'the log of another stage',
    make: (of) => Object.assign(of('AwayQuery'), { LogGroupNames: ['/aws/lambda/zitadel-token-broker-dev-token'] }) },
  { rule: 'saved queries look into logs that are there', fault: 'no log',
    make: (of) => Object.assign(of('AwayQuery'), { LogGroupNames: [] }) },
  { rule: 'names in texts are there', fault: 'a URL of no API',
    make: (_of, _resources, { Outputs }) => Object.assign(Outputs, { BrokerUrl: { Value: { 'Fn::Sub': `https://\${HttpApiX}.execute-api` } } }) },
  { rule: 'names in texts are there', fault: 'an attribute of nothing, in one text',
    make: (of) => Object.assign(of('TokenLambdaFunction'), { Role: { 'Fn::GetAtt': 'NoRole.Arn' } }) },
  { rule: 'a function with an alias is called by it alone', fault: 'a route and a permission that go round it',
    make: (_of, resources) => { resources.TokenAlias = { Type: 'AWS::Lambda::Alias', Properties: { Name: 'live', FunctionName: { Ref: 'TokenLambdaFunction' } } }; } },
  { rule: 'a private API is reached through its VPC endpoints alone', fault: 'one on the internet',
    make: (_of, resources) => { resources.RestApi = { Type: 'AWS::ApiGateway::RestApi', Properties: { EndpointConfiguration: { Types: ['REGIONAL'] } } }; } },
  { rule: 'a private API is reached through its VPC endpoints alone', fault: 'a policy for every endpoint of AWS',
    make: (_of, resources) => { resources.RestApi = { Type: 'AWS::ApiGateway::RestApi', Properties: { EndpointConfiguration: { Types: ['PRIVATE'] }, Policy: { Statement: [{ Effect: 'Allow', Principal: '*', Action: 'execute-api:Invoke', Resource: 'execute-api:/*' }] } } }; } },
];
