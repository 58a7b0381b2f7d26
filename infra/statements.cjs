// The IAM statements of the functions, derived from the profiles: each function reads the secrets that it uses.
const { readFileSync } = require('node:fs');
const { parse } = require('yaml');

const unique = (secrets) => [...new Set(secrets.filter((secret) => secret !== undefined))].sort();

/** The secret that `introspection` or `revocation` names, as a text or in a mapping. */
const secretOf = (field) => (typeof field === 'object' && field !== null ? field.secret : field);

/** Those of the applications that revoke, whose client id becomes a scope, and that introspect what comes out. */
const applications = ({ revocation, introspection }) => [
  ...(revocation?.clientId === undefined ? [secretOf(revocation)] : []),
  secretOf(introspection),
];

/**
 * The secrets of the named profiles and, since theirs are obtained first, of their subjects; with those of their
 * applications.
 */
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

/** Secrets Manager puts a hyphen and six random characters behind the name; only the full ARN tells which. */
const secretArn = (secret) =>
  secret.startsWith('arn:')
    ? secret
    : { 'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${secret}-??????` };

/** Nothing without a key of one's own: AWS managed keys let those in whom the service lets in. */
const decrypt = (kmsKeyArn, service) =>
  kmsKeyArn === ''
    ? []
    : [
        {
          Effect: 'Allow',
          Action: 'kms:Decrypt',
          Resource: kmsKeyArn,
          // Only what the service itself decrypts on the function's behalf, never a ciphertext from elsewhere.
          Condition: {
            StringEquals: { 'kms:ViaService': { 'Fn::Sub': `${service}.\${AWS::Region}.\${AWS::URLSuffix}` } },
          },
        },
      ];

const ownLogs = (logs) => ({
  Effect: 'Allow',
  Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  // The ARN of a log group ends in :*, which stands for its own streams: their names are not known before.
  Resource: { 'Fn::GetAtt': [logs, 'Arn'] },
});

const table = (actions, kmsKeyArn) => [
  { Effect: 'Allow', Action: actions, Resource: { 'Fn::GetAtt': ['TokenTable', 'Arn'] } },
  ...decrypt(kmsKeyArn, 'dynamodb'),
];

const read = (secrets, kmsKeyArn) => [
  ...secrets.map((secret) => ({
    Effect: 'Allow',
    Action: 'secretsmanager:GetSecretValue',
    Resource: secretArn(secret),
  })),
  ...(secrets.length === 0 ? [] : decrypt(kmsKeyArn, 'secretsmanager')),
];

module.exports = async ({ resolveVariable }) => {
  const { profiles } = parse(readFileSync(process.env.PROFILES_FILE ?? 'infra/profiles.yml', 'utf8'));
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
  // Whose a token is, the profile's own credential tells.
  const revocation = unique(
    all.flatMap(({ revocation, secret }) => (revocation === undefined ? [] : [secretOf(revocation), secret])),
  );
  return {
    token: [ownLogs('TokenLogs'), ...obtain(obtainingSecrets(profiles, names))],
    prewarm: [ownLogs('PrewarmLogs'), ...obtain(obtainingSecrets(profiles, prewarmed))],
    introspect: [ownLogs('IntrospectLogs'), ...obtain(introspection)],
    revoke: [ownLogs('RevokeLogs'), ...obtain(revocation)],
    metadata: [ownLogs('MetadataLogs')],
  };
};
