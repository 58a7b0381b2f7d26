// The IAM statements of the functions, derived from the profiles: each function may read only the secrets that it uses.
const { federatedProfiles } = require('./federated-profiles.cjs');
const rotatedSecrets = require('./rotated-secrets.cjs');

/**
 * What a function may do.
 * @typedef {object} Rights
 * @property {object[]} own statements that do not depend on how many profiles there are
 * @property {Share[]} shares statements on secrets
 */

/**
 * Rights on secrets that may be split over several policies.
 * @typedef {object} Share
 * @property {string[]} secrets as profiles name them, without `#member`
 * @property {(resources: unknown[]) => object} of the statement on some of them
 * @property {object[]} keys statements on the keys that encrypt them
 */

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

/** The service's name where it is called: here, or in the region of a secret's ARN. */
const serviceName = (service, region) =>
  region === undefined
    ? { 'Fn::Sub': `${service}.\${AWS::Region}.\${AWS::URLSuffix}` }
    : { 'Fn::Sub': `${service}.${region}.\${AWS::URLSuffix}` };

/** Empty without a customer managed key: an AWS managed key admits every principal that the service admits. */
const useKeys = (keys, Action, service, regions = [undefined]) => {
  if (keys.length === 0) return [];
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

/**
 * Lambda attaches its network interfaces with the role of the function (AWS, Giving Lambda functions access to resources in
 * an Amazon VPC). Interfaces that do not exist yet have no ARN to name.
 */
const NETWORK = {
  Effect: 'Allow',
  Action: [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ],
  Resource: '*',
};

/** For safety: the code of the function itself may not use them (the condition is present only in its own calls). */
const networkDenied = (functionName) => ({
  ...NETWORK,
  Effect: 'Deny',
  Condition: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn(functionName) } },
});

/** By its name: the function depends on its role. */
const functionArn = (functionName) => ({
  'Fn::Sub': `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:${functionName}`,
});

const table = (kmsKeyArn) => [
  {
    Effect: 'Allow',
    Action: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
    Resource: { 'Fn::GetAtt': ['TokenTable', 'Arn'] },
  },
  ...useKeys(kmsKeyArn === '' ? [] : [kmsKeyArn], 'kms:Decrypt', 'dynamodb'),
];

const read = (secrets, kmsKeyArns) => ({
  secrets,
  of: (Resource) => ({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource }),
  keys: secrets.length === 0 ? [] : useKeys(kmsKeyArns, 'kms:Decrypt', 'secretsmanager', regionsOf(secrets)),
});

/** For safety: only secrets whose rotation function is this one, as Secrets Manager knows it, may be changed. */
const rotate = (secrets, functionName, kmsKeyArns) => ({
  secrets,
  of: (Resource) => ({
    Effect: 'Allow',
    Action: ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'].map(
      (action) => `secretsmanager:${action}`,
    ),
    Resource,
    Condition: {
      StringEquals: { 'secretsmanager:resource/AllowRotationLambdaArn': functionArn(functionName) },
    },
  }),
  keys: secrets.length === 0 ? [] : useKeys(kmsKeyArns, ['kms:Decrypt', 'kms:GenerateDataKey'], 'secretsmanager'),
});

/**
 * The rights of each function.
 * @param {object} profiles as in the document
 * @param {object} values the parameters (parameters.cjs)
 * @param {(name: string) => string} functionName the name of a function in Lambda
 * @returns {Record<'token' | 'introspect' | 'revoke' | 'metadata' | 'prewarm' | 'rotate', Rights>} and of `federated`, if
 *   a profile has callers without IAM
 */
module.exports = (profiles, values, functionName) => {
  const all = Object.values(profiles);
  const names = Object.keys(profiles);
  const federated = federatedProfiles(profiles);
  const prewarmed = names.filter((name) => profiles[name].prewarm === true);
  const introspection = unique(all.map((profile) => secretOf(profile.introspection)));
  // The profile's own credential identifies the account whose tokens may be revoked.
  const revocation = unique(
    all.flatMap(({ revocation, secret }) => (revocation === undefined ? [] : [secretOf(revocation), secret])),
  );
  const rotated = rotatedSecrets(profiles);
  const rotatedNames = unique(rotated.map(({ secret }) => secret));
  // Those that manage the keys of applications; if they rotate too, they are among the others.
  const managers = unique(rotated.map(({ by }) => profiles[by]?.secret));
  const keys = values.secretsKmsKeyArn;
  const rows = table(values.tableKmsKeyArn);
  const rights = {
    token: { own: rows, shares: [read(obtainingSecrets(profiles, names), keys)] },
    introspect: { own: rows, shares: [read(introspection, keys)] },
    revoke: { own: rows, shares: [read(revocation, keys)] },
    metadata: { own: [], shares: [] },
    prewarm: { own: prewarmed.length === 0 ? [] : rows, shares: [read(obtainingSecrets(profiles, prewarmed), keys)] },
    rotate: {
      own: [],
      shares: [
        rotate(rotatedNames, functionName('rotate'), keys),
        read(
          managers.filter((secret) => !rotatedNames.includes(secret)),
          keys,
        ),
      ],
    },
    // A flaw there opens no secret but those of the profiles that such callers may use.
    ...(federated.length === 0
      ? {}
      : { federated: { own: rows, shares: [read(obtainingSecrets(profiles, federated), keys)] } }),
  };
  const everywhere = (name) => [
    ...(values.tracing === 'Active' ? [TRACING] : []),
    ...(values.vpcSubnetIds.length === 0 ? [] : [NETWORK, networkDenied(functionName(name))]),
  ];
  return Object.fromEntries(
    Object.entries(rights).map(([name, { own, shares }]) => [
      name,
      {
        own: [ownLogs(`${title(name)}Logs`), ...own, ...everywhere(name)],
        shares: shares.filter(({ secrets }) => secrets.length > 0),
      },
    ]),
  );
};

/** The logical names of a function's resources begin so. */
const title = (name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
module.exports.title = title;
