/** A finding that is left as it is. */
export interface Accepted {
  readonly rule: string;
  /** Logical names of resources. */
  readonly resources: readonly string[];
  /** With the defaults alone, with every option set alone, or with a private API alone; else with the first two. */
  readonly only?: 'defaults' | 'options' | 'private';
  readonly reason: string;
}

const FUNCTIONS = [
  'TokenLambdaFunction',
  'IntrospectLambdaFunction',
  'RevokeLambdaFunction',
  'MetadataLambdaFunction',
  'PrewarmLambdaFunction',
  'RotateLambdaFunction',
  'FederatedLambdaFunction',
];

const ROLES = [
  'TokenRole',
  'IntrospectRole',
  'RevokeRole',
  'MetadataRole',
  'PrewarmRole',
  'RotateRole',
  'FederatedRole',
];

const METHODS = ['Token', 'Introspect', 'Revoke'].map((name) => `RestApiMethodPostProfileVarOauthV2${name}`);
const FEDERATED_METHOD = 'RestApiMethodPostFederatedProfileVarOauthV2Token';
const OPEN_METHODS = [
  'RestApiMethodGetProfileVarWellDashknownOpenidDashconfiguration',
  'RestApiMethodGetProfileVarWellDashknownOauthDashauthorizationDashserver',
  'RestApiMethodGetWellDashknownOauthDashauthorizationDashserverProfileVar',
  'RestApiMethodGetFederatedProfileVarWellDashknownOpenidDashconfiguration',
  'RestApiMethodGetFederatedProfileVarWellDashknownOauthDashauthorizationDashserver',
  'RestApiMethodGetWellDashknownOauthDashauthorizationDashserverFederatedProfileVar',
];

/** What cdk-nag finds and why it stays so; docs/template-checks.md says the same of other checkers. */
export const ACCEPTED: readonly Accepted[] = [
  {
    rule: 'AwsSolutions-S1',
    resources: ['ServerlessDeploymentBucket'],
    reason:
      'The deployment tool makes this bucket for the packages that it uploads, which hold no secret; who writes to it ' +
      'is in CloudTrail. A bucket of your own, with its own logging, can be named as provider.deploymentBucket.',
  },
  {
    rule: 'AwsSolutions-APIG4',
    resources: [
      'HttpApiRouteGetProfileVarWellDashknownOpenidDashconfiguration',
      'HttpApiRouteGetProfileVarWellDashknownOauthDashauthorizationDashserver',
      'HttpApiRouteGetWellDashknownOauthDashauthorizationDashserverProfileVar',
      'HttpApiRouteGetFederatedProfileVarWellDashknownOpenidDashconfiguration',
      'HttpApiRouteGetFederatedProfileVarWellDashknownOauthDashauthorizationDashserver',
      'HttpApiRouteGetWellDashknownOauthDashauthorizationDashserverFederatedProfileVar',
    ],
    reason:
      'Metadata (RFC 8414) is public: clients read it before they have an identity. It is the same for every name, so ' +
      'that nobody learns from it which profiles exist, and its function may do nothing but log.',
  },
  {
    rule: 'AwsSolutions-APIG4',
    resources: ['HttpApiRoutePostFederatedProfileVarOauthV2Token'],
    reason:
      'Callers without IAM send an assertion of their issuer in the form (RFC 7523 §2.2), which the function verifies. ' +
      'It has a role of its own, and the route limits of its own.',
  },
  {
    rule: 'Serverless-LambdaDLQ',
    resources: FUNCTIONS,
    reason:
      'API Gateway waits for its functions, so there is no event to keep. Prewarm runs again after five minutes: a run ' +
      'that was lost is worth nothing later, and an alarm tells of it. Secrets Manager repeats the steps of a rotation.',
  },
  {
    rule: 'Serverless-LambdaTracing',
    resources: FUNCTIONS,
    only: 'defaults',
    reason:
      'Each request has one line of log with its durations, where its token came from, and the root of its trace. ' +
      'The segments of Lambda itself need more rights, and cost: the parameter tracing switches them on.',
  },
  ...['AwsSolutions-IAM5[Resource::*]', 'Serverless-LambdaStarPermissions'].map((rule) => ({
    rule,
    resources: ROLES,
    only: 'options' as const,
    reason:
      'X-Ray has no resources to name, nor have network interfaces that do not exist yet. With the parameters tracing ' +
      'and vpcSubnetIds, functions may send segments and Lambda may attach them; their own code may not.',
  })),
  {
    rule: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
    resources: ['TokenShiftRole'],
    only: 'options',
    reason:
      'AWS keeps this policy for what CodeDeploy needs to move an alias; it may change no function and read no secret.',
  },
  {
    rule: 'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/lambda/zitadel-token-broker-dev-metadata:*]',
    resources: ['MetadataRole'],
    only: 'options',
    reason:
      'The streams of one log group, whose names are not known in advance; the group exists and is not of the stack.',
  },
  {
    rule: 'Serverless-LambdaAsyncFailureDestination',
    resources: ['PrewarmLambdaEvConf'],
    reason: 'A failed run of prewarm is told by the alarm on its errors; the next run does all that it left undone.',
  },
  {
    rule: 'Serverless-EventBusDLQ',
    resources: ['PrewarmEventsRuleSchedule1', 'SecretChangedRule', 'RotationFailedRule'],
    reason:
      'The schedule carries no data that could be lost, and runs that are missing raise an alarm after 15 minutes. The ' +
      'next of them does what a lost event would have done; of a failed rotation, alarms of its own tell as well.',
  },
  {
    rule: 'AwsSolutions-APIG2',
    resources: ['RestApi'],
    only: 'private',
    reason:
      'The functions validate requests themselves: API Gateway validates bodies in JSON only, and these are forms.',
  },
  {
    rule: 'AwsSolutions-COG4',
    resources: [...METHODS, FEDERATED_METHOD, ...OPEN_METHODS],
    only: 'private',
    reason:
      'Callers are IAM roles that sign their requests (AWS_IAM), or send an assertion that the function verifies; they are ' +
      'not users of Cognito. Metadata is open to its VPC.',
  },
  {
    rule: 'AwsSolutions-APIG4',
    resources: OPEN_METHODS,
    only: 'private',
    reason: 'Metadata (RFC 8414) is public, as with the HTTP API; here only the VPC endpoints reach it.',
  },
  {
    rule: 'AwsSolutions-APIG4',
    resources: [FEDERATED_METHOD],
    only: 'private',
    reason: 'Callers without IAM send an assertion, as with the HTTP API; here only the VPC endpoints reach the route.',
  },
  {
    rule: 'AwsSolutions-APIG3',
    resources: ['RestApiStage'],
    only: 'private',
    reason:
      'Only the VPC endpoints reach a private API; IAM, its resource policy and throttling are what AWS WAF would add.',
  },
  {
    rule: 'AwsSolutions-APIG6',
    resources: ['RestApiStage'],
    only: 'private',
    reason:
      'The access log has a line for each request; the execution log would hold headers, and with them signatures.',
  },
  {
    rule: 'Serverless-APIGWXrayEnabled',
    resources: ['RestApiStage'],
    only: 'private',
    reason:
      'As for the functions: the parameter tracing switches the segments on, for the stage and the functions alike.',
  },
  {
    rule: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
    resources: ['ApiLogsRole'],
    only: 'private',
    reason: 'AWS keeps this policy for the one role by which API Gateway writes the logs of all APIs of the account.',
  },
];
