// One least-privilege role for each function.
const readParameters = require('./parameters.cjs');
const readProfiles = require('./chosen-profiles.cjs');
const rightsOf = require('./statements.cjs');
const { documentOf, allot, MANAGED_POLICIES } = require('./policies.cjs');
const { title } = rightsOf;

const LAMBDA = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

const managedPolicy = (PolicyDocument, properties) => ({
  Type: 'AWS::IAM::ManagedPolicy',
  Properties: { PolicyDocument, ...properties },
});

/** The role of a function. Its managed policies exist before it, so that no update leaves it without rights. */
function role(name, { inline, managed }, boundary) {
  const policies = managed.map((document, at) => [`${title(name)}Secrets${at + 1}`, managedPolicy(document)]);
  const Properties = {
    AssumeRolePolicyDocument: LAMBDA,
    Policies: [{ PolicyName: name, PolicyDocument: documentOf(inline) }],
    ...(policies.length === 0 ? {} : { ManagedPolicyArns: policies.map(([id]) => ({ Ref: id })) }),
    ...(boundary === '' ? {} : { PermissionsBoundary: boundary }),
  };
  return Object.fromEntries([...policies, [`${title(name)}Role`, { Type: 'AWS::IAM::Role', Properties }]]);
}

/**
 * The rights on secrets of `token` once more, for a gradual shift. CloudFormation updates the role before the alias, and
 * these after it: while two versions answer, the role may read the secrets of both. Rights grow before and shrink after.
 */
function kept({ inline, managed }, own) {
  const attached = { Roles: [{ Ref: 'TokenRole' }] };
  const after = (resource) => ({ ...resource, DependsOn: ['TokenAlias'] });
  const documents = managed.map((document, at) => [
    `TokenSecretsKept${at + 1}`,
    after(managedPolicy(document, attached)),
  ]);
  const rest = inline.slice(own.length);
  if (rest.length === 0) return Object.fromEntries(documents);
  const Properties = { PolicyName: 'kept', PolicyDocument: documentOf(rest), ...attached };
  return { TokenSecretsKept: after({ Type: 'AWS::IAM::Policy', Properties }) };
}

/** The longest beginning that most secrets share, up to a separator: a proposal for `secretsPrefix`. */
function commonPrefix(secrets) {
  const counts = new Map();
  for (const secret of secrets.filter((one) => !one.startsWith('arn:'))) {
    for (const { index } of secret.matchAll(/[/._-]/g)) {
      const prefix = secret.slice(0, index + 1);
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    }
  }
  const most = Math.max(0, ...counts.values());
  return [...counts].filter(([, count]) => count === most).sort(([a], [b]) => b.length - a.length)[0]?.[0];
}

/** Everything that a prefix lets in, in words: who packages has no list of the account's secrets. */
const opens = (prefix) =>
  `every secret of the account and region whose name begins with ${prefix}, also those that no profile names ` +
  `(aws secretsmanager list-secrets --filters Key=name,Values=${prefix} lists them)`;

/** A role that has no room for its secrets. */
function tooMany(name, { shares }, needed, copies) {
  const count = shares.reduce((sum, { secrets }) => sum + secrets.length, 0);
  const prefix = commonPrefix(shares.flatMap(({ secrets }) => secrets));
  const shift = copies > 1 ? ', half of which trafficShift needs' : '';
  const remedy =
    prefix === undefined
      ? 'Rename the secrets so that they begin alike, and set secretsPrefix to that'
      : `Set secretsPrefix=${prefix}: the function may then read ${opens(prefix)}`;
  return (
    `The role of ${name} has no room for ${count} secrets: they need ${needed} managed policies, ` +
    `and a role can have ${MANAGED_POLICIES}${shift}. ${remedy}. Or deploy a second broker for some profiles`
  );
}

module.exports = async (context) => {
  const { values, place } = await readParameters(context);
  const { profiles } = readProfiles();
  const rights = rightsOf(profiles, values, (name) => `${place.prefix}-${name}`);
  const Resources = {};
  const faults = [];
  let isWidened = false;
  const warnings = [];
  const prefix = values.secretsPrefix;
  for (const [name, own] of Object.entries(rights)) {
    const copies = name === 'token' && values.trafficShift !== '' ? 2 : 1;
    const allotted = allot(own, { region: place.region, copies, prefix });
    if (allotted.needed * copies > MANAGED_POLICIES) faults.push(tooMany(name, own, allotted.needed, copies));
    isWidened ||= allotted.isWidened;
    if (allotted.isWidened) warnings.push(`The function ${name} may read ${opens(prefix)}.`);
    Object.assign(Resources, role(name, allotted, values.permissionsBoundaryArn));
    if (copies > 1) Object.assign(Resources, kept(allotted, own.own));
  }
  const secrets = Object.values(rights).flatMap(({ shares }) => shares.flatMap((share) => share.secrets));
  if (prefix !== '' && !secrets.some((secret) => secret.startsWith(prefix))) {
    faults.push(`secretsPrefix is ${prefix}, and no profile has a secret whose name begins so`);
  }
  return { template: { Resources }, faults, warnings, isWidened, secrets };
};
