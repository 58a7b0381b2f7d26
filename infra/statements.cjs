// The IAM statements of the functions, derived from the profiles: each function may read only the secrets that it uses.
const readProfiles = require('./chosen-profiles.cjs');
const rotatedSecrets = require('./rotated-secrets.cjs');

/** The secrets of references, without `#member`. */
const unique = (references) =>
  [...new Set(references.filter((secret) => secret !== undefined).map((secret) => secret.split('#')[0]))].sort();

/** The secret of `introspection` or `revocation`: a string, or in a mapping. */
const secretOf = (field) => (typeof field === 'object' && field !== null ? field.secret : field);

/** The secrets of the revoking application, whose client id becomes a scope, and of the introspecting application. */
const applications = ({ revocation, introspection }) => [
  ...(revocation?.clientId === undefined ? [secretOf(revocation)] : []),
  secretOf(introspection),
];

/** The secrets of the named profiles, their subjects (whose tokens are obtained first), and their applications. */
function obtainingSecrets(profiles, names) {
  const seen = new Set();
  const follow = (name) => {
    if (name === undefined || seen.has(name) || profiles[name] === undefined) return;
    seen.add(name);
    follow(profiles[name].subject);
  };
  names.forEach(follow);
  return unique([...seen].flatMap((name) => [profiles[name].secret, ...applications(profiles[name])]));
}

/** Secrets Manager appends a hyphen and six random characters to the name; only the full ARN contains them. */
const secretArn = (secret) =>
  secret.startsWith('arn:')
    ? secret
    : { 'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${secret}-??????` };

/** The service's name where it is called: here, or in the region of a secret's ARN. */
const serviceName = (service, region) =>
  region === undefined
    ? { 'Fn::Sub': `${service}.\${AWS::Region}.\${AWS::URLSuffix}` }
    : { 'Fn::Sub': `${service}.${region}.\${AWS::URLSuffix}` };

/** Empty without a customer managed key: an AWS managed key admits every principal that the service admits. */
const useKeys = (kmsKeyArns, Action, service, regions = [undefined]) => {
  const keys = kmsKeyArns.split(',').map((arn) => arn.trim());
  if (keys[0] === '') return [];
  const services = regions.map((region) => serviceName(service, region));
  return [
    {
      Effect: 'Allow',
      Action,
      Resource: keys.length === 1 ? keys[0] : keys,
      // Only through the service, on the function's behalf; never a ciphertext from elsewhere.
      Condition: { StringEquals: { 'kms:ViaService': services.length === 1 ? services[0] : services } },
    },
  ];
};

/** The regions of secrets: that of an ARN, else `undefined`, the region of the deployment. */
const regionsOf = (secrets) => [
  ...new Set(secrets.map((secret) => (secret.startsWith('arn:') ? secret.split(':')[3] : undefined))),
];

const ownLogs = (logs) => ({
  Effect: 'Allow',
  Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  // The ARN of a log group ends in :*, which means its streams; their names are not known in advance.
  Resource: { 'Fn::GetAtt': [logs, 'Arn'] },
});

/** Lambda sends its segments with the role of the function. These actions have no resources. */
const TRACING = {
  Effect: 'Allow',
  Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
  Resource: '*',
};

const table = (actions, kmsKeyArn) => [
  { Effect: 'Allow', Action: actions, Resource: { 'Fn::GetAtt': ['TokenTable', 'Arn'] } },
  ...useKeys(kmsKeyArn, 'kms:Decrypt', 'dynamodb'),
];

const read = (secrets, kmsKeyArn) => [
  ...secrets.map((secret) => ({
    Effect: 'Allow',
    Action: 'secretsmanager:GetSecretValue',
    Resource: secretArn(secret),
  })),
  ...(secrets.length === 0 ? [] : useKeys(kmsKeyArn, 'kms:Decrypt', 'secretsmanager', regionsOf(secrets))),
];

/** For safety: only secrets whose rotation function is this one, as Secrets Manager knows it, may be changed. */
const rotate = (secrets, functionName, kmsKeyArn) =>
  secrets.length === 0
    ? []
    : [
        {
          Effect: 'Allow',
          Action: ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'].map(
            (action) => `secretsmanager:${action}`,
          ),
          Resource: secrets.map(secretArn),
          Condition: {
            StringEquals: {
              // By its name: the function depends on this role.
              'secretsmanager:resource/AllowRotationLambdaArn': {
                'Fn::Sub': `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:${functionName}`,
              },
            },
          },
        },
        ...useKeys(kmsKeyArn, ['kms:Decrypt', 'kms:GenerateDataKey'], 'secretsmanager'),
      ];

module.exports = async ({ resolveVariable }) => {
  const { profiles } = readProfiles();
  const keys = {
    secrets: String(await resolveVariable('param:secretsKmsKeyArn')),
    table: String(await resolveVariable('param:tableKmsKeyArn')),
  };
  const names = Object.keys(profiles);
  const all = Object.values(profiles);
  const prewarmed = names.filter((name) => profiles[name].prewarm === true);
  const obtain = (secrets) => [
    ...table(['dynamodb:GetItem', 'dynamodb:UpdateItem'], keys.table),
    ...read(secrets, keys.secrets),
  ];
  const introspection = unique(all.map((profile) => secretOf(profile.introspection)));
  // The profile's own credential identifies the account whose tokens may be revoked.
  const revocation = unique(
    all.flatMap(({ revocation, secret }) => (revocation === undefined ? [] : [secretOf(revocation), secret])),
  );
  const rotated = rotatedSecrets(profiles);
  const rotatedNames = unique(rotated.map(({ secret }) => secret));
  // Those that manage the keys of applications; if they rotate too, they are among the others.
  const managers = unique(rotated.map(({ by }) => profiles[by]?.secret));
  const statements = {
    token: [ownLogs('TokenLogs'), ...obtain(obtainingSecrets(profiles, names))],
    prewarm: [ownLogs('PrewarmLogs'), ...obtain(obtainingSecrets(profiles, prewarmed))],
    introspect: [ownLogs('IntrospectLogs'), ...obtain(introspection)],
    revoke: [ownLogs('RevokeLogs'), ...obtain(revocation)],
    metadata: [ownLogs('MetadataLogs')],
    rotate: [
      ownLogs('RotateLogs'),
      ...rotate(rotatedNames, await resolveVariable('self:functions.rotate.name'), keys.secrets),
      ...read(
        managers.filter((secret) => !rotatedNames.includes(secret)),
        keys.secrets,
      ),
    ],
  };
  if (String(await resolveVariable('param:tracing')) !== 'Active') return statements;
  return Object.fromEntries(Object.entries(statements).map(([name, own]) => [name, [...own, TRACING]]));
};
