// When keys rotate, who may start it, and who learns of it: of a new credential prewarm, of a failure the alarms' topic.
const readParameters = require('./parameters.cjs');
const readProfiles = require('./chosen-profiles.cjs');
const rotatedSecrets = require('./rotated-secrets.cjs');

const PERMISSION = 'RotateLambdaPermissionSecretsManager';

const arnOf = (resource) => ({ 'Fn::GetAtt': [resource, 'Arn'] });

const permission = (name, Principal, source) => ({
  Type: 'AWS::Lambda::Permission',
  Properties: { FunctionName: arnOf(name), Action: 'lambda:InvokeFunction', Principal, ...source },
});

/** A rule on events of Secrets Manager. */
const rule = (Description, detailType, detail, target) => ({
  Type: 'AWS::Events::Rule',
  Properties: {
    Description,
    EventPattern: { source: ['aws.secretsmanager'], 'detail-type': [detailType], detail },
    Targets: [target],
  },
});

/**
 * Whoever changed a secret: prewarm tries the new credential while the tokens of the old one still live. Of all secrets of
 * the region: a pattern has room for 2,048 characters, fewer than the names of many secrets. In every deployment: where
 * nothing is prewarmed, prewarm has nothing to do.
 */
const CHANGES = {
  SecretChangedRule: rule(
    'Lets prewarm try a new credential at once.',
    'Secret Label Updated',
    { labelUpdated: ['AWSCURRENT'] },
    { Id: 'prewarm', Arn: arnOf('PrewarmLambdaFunction') },
  ),
  PrewarmLambdaPermissionSecretChangedRule: permission('PrewarmLambdaFunction', 'events.amazonaws.com', {
    SourceArn: arnOf('SecretChangedRule'),
  }),
};

/** Secrets Manager tells of failed rotations through CloudTrail alone; of any secret of the region, as above. */
const failures = (topic) => ({
  RotationFailedRule: rule(
    'Tells of failed rotations, where CloudTrail has a trail.',
    'AWS Service Event via CloudTrail',
    { eventName: ['RotationFailed'] },
    { Id: 'alarms', Arn: topic },
  ),
});

/** For safety: without this condition, secrets of any account could start the function. */
const START = {
  [PERMISSION]: permission('RotateLambdaFunction', 'secretsmanager.amazonaws.com', {
    SourceAccount: { Ref: 'AWS::AccountId' },
  }),
};

const schedule = ({ secret, days }) => [
  `Rotation${rotatedSecrets.idOf(secret)}Schedule`,
  {
    Type: 'AWS::SecretsManager::RotationSchedule',
    // Secrets Manager tests the function when the schedule is made.
    DependsOn: [PERMISSION],
    Properties: {
      SecretId: secret,
      RotationLambdaARN: arnOf('RotateLambdaFunction'),
      RotateImmediatelyOnUpdate: false,
      RotationRules: { AutomaticallyAfterDays: days },
    },
  },
];

/** Secrets Manager invokes a function of the secret's own region and account only. */
function placeFaults(secret, region, account) {
  if (!secret.startsWith('arn:')) return [];
  const [, , , itsRegion, itsAccount] = secret.split(':');
  const move = 'remove its rotation here, and deploy another broker there';
  if (itsRegion !== region) {
    return [`The secret ${secret} cannot rotate: it is in ${itsRegion}, the deployment in ${region}; ${move}`];
  }
  if (account === undefined || itsAccount === account) return [];
  return [`The secret ${secret} cannot rotate: it is not of the account ${account}; ${move}`];
}

/** Two schedules of one secret would replace each other, and removing one would end both. */
const nameFaults = (secrets) =>
  secrets.flatMap((secret, at) => {
    const first = secrets.slice(0, at).find((other) => rotatedSecrets.idOf(other) === rotatedSecrets.idOf(secret));
    return first === undefined
      ? []
      : [`${first} and ${secret} are one secret: name it in the same way in every profile`];
  });

module.exports = async (context) => {
  const { values, place } = await readParameters(context);
  const rotated = rotatedSecrets(readProfiles().profiles);
  const secrets = rotated.map(({ secret }) => secret);
  const faults = [
    ...secrets.flatMap((secret) => placeFaults(secret, place.region, process.env.AWS_ACCOUNT_ID)),
    ...nameFaults(secrets),
  ];
  const topic = values.alarmTopicArn;
  const Resources = {
    ...CHANGES,
    ...(rotated.length === 0 ? {} : START),
    ...Object.fromEntries(rotated.map(schedule)),
    ...(rotated.length === 0 || topic === '' ? {} : failures(topic)),
  };
  return { template: { Resources }, faults, warnings: [] };
};
