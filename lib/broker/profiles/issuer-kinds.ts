import { MINUTE_MS } from '../../core/time.ts';
import type { Algorithm, IssuerKind } from './federated-caller.ts';

/** AWS STS nests what it adds under this name (IAM User Guide, "Understanding token claims"). */
export const AWS_CLAIMS = 'https://sts.amazonaws.com/';

/** The claim that Kubernetes adds to projected service account tokens. */
export const KUBERNETES_CLAIMS = 'kubernetes.io';

/** A field of a matcher. */
export interface MatcherField {
  /** The claims that must equal it. `{field}` in a value stands for fields. */
  readonly claims: readonly { readonly claim: readonly string[]; readonly template?: string }[];
  readonly isRequired?: true;
  /** The value may end in `*`. */
  readonly mayEndInStar?: true;
  /** What a value looks like, without the star. */
  readonly pattern: RegExp;
  /** Completes "must be …". */
  readonly form: string;
}

/** What a kind of issuer is, as data. */
export interface Kind {
  /** The issuer if the profiles name none. */
  readonly issuer?: string;
  readonly algorithms: readonly Algorithm[];
  /** Set where each assertion is minted for one use; otherwise one is used until it ends. */
  readonly maxAgeMs?: number;
  readonly fields: Readonly<Record<string, MatcherField>>;
  /** Of these fields, at least one is needed: without one, any branch of the repository would match. */
  readonly oneOf?: readonly string[];
}

const MINTED_PER_USE_MS = 5 * MINUTE_MS;

const ID = { pattern: /^[1-9]\d{0,19}$/, form: 'a number in quotes: ids are never given to another owner, names are' };
const TEXT = {
  pattern: /^[\x21-\x29\x2b-\x7e]{1,255}$/,
  form: 'printable ASCII without spaces, with * only at the end',
};
const GIT_REF = { pattern: /^refs\/(?:heads|tags)\/[\x21-\x29\x2b-\x7e]{1,200}$/, form: 'refs/heads/… or refs/tags/…' };
const DNS = { pattern: /^[a-z0-9](?:[a-z0-9.-]{0,252})$/, form: 'a name of Kubernetes' };

const equals = (...claim: string[]) => ({ claims: [{ claim }] });

/** The kinds; `oidc` names its claims itself. */
export const KINDS: Readonly<Record<IssuerKind, Kind>> = {
  github: {
    issuer: 'https://token.actions.githubusercontent.com',
    algorithms: ['RS256'],
    maxAgeMs: MINTED_PER_USE_MS,
    fields: {
      repositoryId: { ...ID, ...equals('repository_id'), isRequired: true },
      ownerId: { ...ID, ...equals('repository_owner_id'), isRequired: true },
      ref: { ...GIT_REF, ...equals('ref'), mayEndInStar: true },
      environment: { ...TEXT, ...equals('environment') },
      jobWorkflowRef: { ...TEXT, ...equals('job_workflow_ref') },
    },
    oneOf: ['ref', 'environment'],
  },
  gitlab: {
    issuer: 'https://gitlab.com',
    algorithms: ['RS256'],
    fields: {
      projectId: { ...ID, ...equals('project_id'), isRequired: true },
      namespaceId: { ...ID, ...equals('namespace_id'), isRequired: true },
      ref: { ...TEXT, ...equals('ref'), mayEndInStar: true },
      refType: { pattern: /^(?:branch|tag)$/, form: 'branch or tag', ...equals('ref_type') },
      refProtected: { pattern: /^true$/, form: '"true"', ...equals('ref_protected') },
      environment: { ...TEXT, ...equals('environment') },
    },
    oneOf: ['ref', 'environment'],
  },
  kubernetes: {
    algorithms: ['RS256'],
    fields: {
      namespace: { ...DNS, ...equals(KUBERNETES_CLAIMS, 'namespace'), isRequired: true },
      serviceAccount: {
        ...DNS,
        claims: [
          { claim: [KUBERNETES_CLAIMS, 'serviceaccount', 'name'] },
          { claim: ['sub'], template: 'system:serviceaccount:{namespace}:{serviceAccount}' },
        ],
        isRequired: true,
        mayEndInStar: true,
      },
    },
  },
  aws: {
    algorithms: ['ES384', 'RS256'],
    maxAgeMs: MINTED_PER_USE_MS,
    fields: {
      role: {
        claims: [{ claim: ['sub'] }],
        isRequired: true,
        mayEndInStar: true,
        pattern: /^arn:aws(?:-[a-z]+)*:iam::\d{12}:role\/(?:[\x21-\x29\x2b-\x2e\x30-\x7e]+\/)*[\w+=,.@-]{1,64}$/,
        form: 'the ARN of an IAM role, its path included; never of a session, whose name its user chooses',
      },
    },
  },
  spiffe: {
    algorithms: ['RS256', 'ES256', 'ES384'],
    fields: {
      id: {
        claims: [{ claim: ['sub'] }],
        isRequired: true,
        mayEndInStar: true,
        pattern: /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/[\w.-]+)*\/[\w.-]*$/,
        form: 'a SPIFFE ID with a path: spiffe://trust-domain/path',
      },
    },
  },
  oidc: { algorithms: ['RS256'], fields: {} },
};
