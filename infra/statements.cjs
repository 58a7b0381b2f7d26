// The IAM statements of the functions, derived from the profiles: each function reads the secrets that it uses.
const { readFileSync } = require('node:fs');
const { parse } = require('yaml');

/** The secrets of the named profiles and, since theirs are earned first, of their subjects. */
function secretsOf(profiles, names) {
  const seen = new Set();
  const follow = (name) => {
    if (name === undefined || seen.has(name) || profiles[name] === undefined) return;
    seen.add(name);
    follow(profiles[name].subject);
  };
  names.forEach(follow);
  return [...new Set([...seen].map((name) => profiles[name].secret))].sort();
}

/** Secrets Manager puts a hyphen and six random characters behind the name; only the full ARN tells which. */
const secretArn = (secret) =>
  secret.startsWith('arn:')
    ? secret
    : { 'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${secret}-??????` };

function statements(logs, secrets, kmsKeyArn) {
  return [
    {
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      // The ARN of a log group ends in :*, which stands for its own streams: their names are not known before.
      Resource: { 'Fn::GetAtt': [logs, 'Arn'] },
    },
    {
      Effect: 'Allow',
      Action: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      Resource: { 'Fn::GetAtt': ['TokenTable', 'Arn'] },
    },
    ...secrets.map((secret) => ({
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: secretArn(secret),
    })),
    ...(kmsKeyArn === '' ? [] : [{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: kmsKeyArn }]),
  ];
}

module.exports = async ({ resolveVariable }) => {
  const { profiles } = parse(readFileSync(process.env.PROFILES_FILE ?? 'infra/profiles.yml', 'utf8'));
  const kmsKeyArn = String(await resolveVariable('param:secretsKmsKeyArn'));
  const names = Object.keys(profiles);
  const prewarmed = names.filter((name) => profiles[name].prewarm === true);
  return {
    token: statements('TokenLogs', secretsOf(profiles, names), kmsKeyArn),
    prewarm: statements('PrewarmLogs', secretsOf(profiles, prewarmed), kmsKeyArn),
  };
};
