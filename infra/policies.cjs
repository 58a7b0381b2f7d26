// How the rights of a function allot into the policies of its role. The sizes are IAM's quotas, which nobody can raise:
// AWS, IAM and AWS STS quotas.

const { partition } = require('@aws-sdk/core/client');

/** The inline policies of one role together, without white space. */
const INLINE_CHARACTERS = 10_240;

/** One managed policy, without white space. */
const MANAGED_CHARACTERS = 6144;

/** The managed policies of one role: the quota of an account by default. */
const MANAGED_POLICIES = 10;

/** Longer than the ARN of any resource here. */
const LONG_ARN = 'a'.repeat(128);

/** A value as CloudFormation fills it in, in a region. */
function resolved(value, region) {
  if (Array.isArray(value)) return value.map((item) => resolved(item, region));
  if (typeof value !== 'object' || value === null) return value;
  const { 'Fn::Sub': sub } = value;
  const { name, dnsSuffix } = partition(region);
  const known = {
    'AWS::Partition': name,
    'AWS::Region': region,
    'AWS::AccountId': '123456789012',
    'AWS::URLSuffix': dnsSuffix,
  };
  if (typeof sub === 'string') return sub.replaceAll(/\$\{([^}]+)\}/g, (_, id) => known[id] ?? LONG_ARN);
  if (Object.keys(value).some((key) => key === 'Ref' || key.startsWith('Fn::'))) return LONG_ARN;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolved(part, region)]));
}

const documentOf = (Statement) => ({ Version: '2012-10-17', Statement });

/** The characters of a policy that IAM counts. */
const charactersOf = (document, region) => JSON.stringify(resolved(document, region)).length;

/** Secrets Manager appends a hyphen and six random characters to the name; only the full ARN contains them. */
function secretArn(secret) {
  if (secret.startsWith('arn:')) return secret;
  const pattern = secret.endsWith('*') ? secret : `${secret}-??????`;
  return { 'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${pattern}` };
}

/** Splits shares into managed policies, each as full as it may be. */
function split(shares, region) {
  const documents = [];
  for (const { secrets, of, keys } of shares) {
    let open = [];
    const close = (also) => documents.push(documentOf([...(open.length === 0 ? [] : [of(open)]), ...also]));
    const size = (resources, also = []) => charactersOf(documentOf([of(resources), ...also]), region);
    // Adding up is quicker than measuring each list anew: a comma and two quotes for each ARN.
    let used = size([]);
    for (const secret of secrets) {
      const arn = secretArn(secret);
      const more = charactersOf(arn, region) + 1;
      if (used + more > MANAGED_CHARACTERS) {
        close([]);
        open = [];
        used = size([]);
      }
      open.push(arn);
      used += more;
    }
    if (size(open, keys) > MANAGED_CHARACTERS) {
      close([]);
      documents.push(documentOf(keys));
    } else close(keys);
  }
  return documents;
}

/** The same rights with one pattern instead of the secrets whose names begin with the prefix. */
const widened = (shares, prefix) =>
  shares.map((share) => {
    const rest = share.secrets.filter((secret) => !secret.startsWith(prefix));
    return rest.length === share.secrets.length ? share : { ...share, secrets: [`${prefix}*`, ...rest] };
  });

const inlineOf = (own, shares) => [
  ...own,
  ...shares.flatMap(({ secrets, of, keys }) => [of(secrets.map(secretArn)), ...keys]),
];

/**
 * Where the rights of a role go: all inline if they allot, else what is about secrets into managed policies.
 * @param {import('./statements.cjs').Rights} rights
 * @param {{ region: string, copies: number, prefix: string }} how the rights on secrets stand so many times in the role;
 *   `prefix` stands for the secrets whose names begin with it, only if they do not allot one by one
 * @returns {{ inline: object[], managed: object[], isWidened: boolean, needed: number }} statements of the inline policy;
 *   documents of the managed ones; `needed` is how many of them one copy takes, which may be more than a role can have
 */
function allot({ own, shares }, { region, copies, prefix }) {
  const attempt = (of) => {
    const repeated = Array(copies - 1).fill(inlineOf([], of));
    const size = [inlineOf(own, of), ...repeated].reduce((sum, all) => sum + charactersOf(documentOf(all), region), 0);
    if (size <= INLINE_CHARACTERS) return { inline: inlineOf(own, of), managed: [], needed: 0 };
    const managed = split(of, region);
    return { inline: own, managed, needed: managed.length };
  };
  const exact = attempt(shares);
  if (exact.needed * copies <= MANAGED_POLICIES || prefix === '') return { ...exact, isWidened: false };
  return { ...attempt(widened(shares, prefix)), isWidened: true };
}

module.exports = {
  INLINE_CHARACTERS,
  MANAGED_CHARACTERS,
  MANAGED_POLICIES,
  charactersOf,
  documentOf,
  allot,
  secretArn,
};
