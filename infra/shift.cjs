// A gradual shift of callers to a new version of `token`, and back on an alarm. Without `trafficShift` there is none of this.
const readParameters = require('./parameters.cjs');

/** What ends a shift (alarms.cjs). */
const ROLL_BACK_ON = ['TokenShiftErrorsAlarm', 'TokenShiftFailuresAlarm'];

/** CodeDeploy moves the alias with this role. */
const ROLE = {
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'codedeploy.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    },
    ManagedPolicyArns: [
      { 'Fn::Sub': `arn:\${AWS::Partition}:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited` },
    ],
  },
};

const resources = ({ trafficShift, permissionsBoundaryArn }, prefix) => {
  const bounded = permissionsBoundaryArn === '' ? {} : { PermissionsBoundary: permissionsBoundaryArn };
  return {
    TokenAlias: {
      Type: 'AWS::Lambda::Alias',
      UpdatePolicy: {
        CodeDeployLambdaAliasUpdate: {
          ApplicationName: { Ref: 'TokenShift' },
          DeploymentGroupName: { Ref: 'TokenShiftGroup' },
        },
      },
      Properties: {
        Name: 'live',
        FunctionName: { Ref: 'TokenLambdaFunction' },
        // finish.cjs names the version of the package.
        FunctionVersion: '$LATEST',
      },
    },
    TokenShift: {
      Type: 'AWS::CodeDeploy::Application',
      Properties: { ApplicationName: `${prefix}-token`, ComputePlatform: 'Lambda' },
    },
    TokenShiftRole: { ...ROLE, Properties: { ...ROLE.Properties, ...bounded } },
    TokenShiftGroup: {
      Type: 'AWS::CodeDeploy::DeploymentGroup',
      Properties: {
        ApplicationName: { Ref: 'TokenShift' },
        ServiceRoleArn: { 'Fn::GetAtt': ['TokenShiftRole', 'Arn'] },
        DeploymentConfigName: `CodeDeployDefault.Lambda${trafficShift}`,
        DeploymentStyle: { DeploymentType: 'BLUE_GREEN', DeploymentOption: 'WITH_TRAFFIC_CONTROL' },
        // At once is the way to deploy while an alarm is on.
        AlarmConfiguration: {
          Enabled: trafficShift !== 'AllAtOnce',
          Alarms: ROLL_BACK_ON.map((Name) => ({ Name: { Ref: Name } })),
        },
        AutoRollbackConfiguration: {
          Enabled: true,
          Events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_ALARM', 'DEPLOYMENT_STOP_ON_REQUEST'],
        },
      },
    },
  };
};

module.exports = async (context) => {
  const { values, place } = await readParameters(context);
  if (values.trafficShift === '') return { Resources: {} };
  return { Resources: resources(values, place.prefix) };
};
