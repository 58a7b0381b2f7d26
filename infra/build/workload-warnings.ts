import type { ClaimRule, FederatedCaller, IssuerKind } from '../../lib/broker/profiles/federated-caller.ts';
import { KINDS } from '../../lib/broker/profiles/issuer-kinds.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';

/** The rules of a caller, by the last member of their claims. */
type Rules = ReadonlyMap<string, ClaimRule>;

/** Why a caller may match more than is meant. */
interface Doubt {
  readonly isPresent: (rules: Rules) => boolean;
  readonly why: string;
}

const has = (rules: Rules, ...names: readonly string[]): boolean => names.some((name) => rules.has(name));

const isPrefix = (rules: Rules, name: string): boolean => rules.get(name)?.isPrefix === true;

/** Claims that a person chooses, or that somebody else can get once they are free. */
const NAMES = [
  ...['email', 'preferred_username', 'user_login', 'name', 'actor'],
  ...['repository', 'repository_owner', 'project_path', 'namespace_path'],
];

const DOUBTS: Readonly<Record<IssuerKind, readonly Doubt[]>> = {
  github: [
    {
      isPresent: (rules) => isPrefix(rules, 'ref') && !has(rules, 'environment'),
      why: 'whoever may push to the repository may choose such a branch or tag: write the whole ref, or add environment',
    },
    {
      isPresent: (rules) => !has(rules, 'ref'),
      why: 'without ref, a job of any branch may use the profile, unless GitHub limits the branches of the environment: add ref',
    },
  ],
  gitlab: [
    {
      isPresent: (rules) => !has(rules, 'ref'),
      why: 'without ref, a job of any branch may use the profile, unless GitLab protects the environment: add ref and refType',
    },
    {
      isPresent: (rules) => has(rules, 'ref') && !has(rules, 'ref_type'),
      why: 'a tag and a branch of one name have the same ref: add refType',
    },
    {
      isPresent: (rules) => !has(rules, 'ref_protected'),
      why: 'whoever may push to the project may change an unprotected branch: protect it, and add refProtected: "true"',
    },
  ],
  kubernetes: [
    {
      isPresent: (rules) => isPrefix(rules, 'name'),
      why: 'whoever may create a service account in the namespace may choose such a name: write the whole name',
    },
  ],
  aws: [
    {
      isPresent: (rules) => isPrefix(rules, 'sub'),
      why: 'whoever may create a role in that account may choose such a name: write the whole ARN',
    },
  ],
  spiffe: [],
  oidc: [
    {
      isPresent: (rules) => has(rules, ...NAMES),
      why: 'a name or an address can be given to somebody else: write ids that the issuer never gives again',
    },
  ],
};

/** The kind whose own fields describe the callers of an issuer better than exact claims do. */
const betterKind = ({ kind, issuer }: FederatedCaller['issuer']): string | undefined =>
  kind === 'oidc' ? Object.entries(KINDS).find(([, { issuer: its }]) => its === issuer)?.[0] : undefined;

function doubtsOf(caller: FederatedCaller): readonly string[] {
  const { issuer } = caller;
  const rules: Rules = new Map(caller.rules.map((rule) => [rule.claim.at(-1) ?? '', rule]));
  const better = betterKind(issuer);
  return [
    ...DOUBTS[issuer.kind].filter(({ isPresent }) => isPresent(rules)).map(({ why }) => why),
    ...(better === undefined
      ? []
      : [`sub has names that can be registered anew, and jobs of pull requests match: use kind ${better}`]),
  ];
}

/** A caller without IAM in one line. */
export const describeWorkload = ({ issuer, rules }: FederatedCaller): string =>
  [issuer.name, ...rules.map(({ claim, value, isPrefix }) => `${claim.at(-1)}=${value}${isPrefix ? '*' : ''}`)].join(
    ' ',
  );

/** Callers without IAM that may match more than is meant, one reason per line. */
export const findDoubtfulWorkloads = (profiles: Profiles): readonly string[] =>
  [...profiles.values()].flatMap(({ name, federated = [] }) =>
    federated.flatMap((caller) =>
      doubtsOf(caller).map((why) => `profile ${name}: the caller ${describeWorkload(caller)}: ${why}`),
    ),
  );

/** Issuers that no caller names, one per line. */
export function findUnusedIssuers(issuers: readonly string[], profiles: Profiles): readonly string[] {
  const used = new Set(
    [...profiles.values()].flatMap(({ federated = [] }) => federated.map(({ issuer }) => issuer.name)),
  );
  return issuers
    .filter((name) => !used.has(name))
    .map((name) => `the issuer ${name} is of no use: no profile lists a caller of it; remove it, or add a caller`);
}
