import { generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import { ISSUER, START } from '../../support/fleet.ts';

/** When everything happens, in seconds: the time of the recordings. */
export const NOW = START / 1000;

/** Where API Gateway says that it was called, and what that makes of the broker. */
export const DOMAIN = 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com';
export const BROKER = `https://${DOMAIN}/federated`;

/** A private key and its public half as the issuer publishes it. */
export interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JsonWebKey & { readonly kid: string };
}

/** The kinds of keys, by the key ids that each issuer uses for them: two issuers never share a key. */
const MAKERS = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  p256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ed: () => generateKeyPairSync('ed25519'),
};
type KeyKind = keyof typeof MAKERS;

/** The kind of key that makes signatures of an algorithm. */
export const KEY_OF = { RS256: 'rsa', PS256: 'rsa', ES256: 'p256', ES384: 'p384', EdDSA: 'ed' } as const;
export type SigningAlgorithm = keyof typeof KEY_OF;
export const SIGNING = Object.keys(KEY_OF) as SigningAlgorithm[];

export function createPair(kind: KeyKind, kid: string = kind): Pair {
  const { publicKey, privateKey } = MAKERS[kind]() as { publicKey: KeyObject; privateKey: KeyObject };
  return { publicKey, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid } };
}

const pairsOf = (): Readonly<Record<KeyKind, Pair>> => {
  const entries = Object.keys(MAKERS).map((kind) => [kind, createPair(kind as KeyKind)]);
  return Object.fromEntries(entries) as Record<KeyKind, Pair>;
};

/** An issuer of the setting, as the profiles name it and as it is. */
interface Party {
  readonly document: Readonly<Record<string, unknown>>;
  /** The exact `iss`. */
  readonly iss: string;
  readonly algorithms: readonly SigningAlgorithm[];
  readonly pairs: Readonly<Record<KeyKind, Pair>>;
}

/** Most sign with RS256, and are named in the document. */
const createParty = ({
  document,
  iss = String(document.issuer),
  algorithms = ['RS256'],
  pairs = pairsOf(),
}: Partial<Party> & Pick<Party, 'document'>): Party => ({ document, iss, algorithms, pairs });

const edge = pairsOf();

export const PARTIES = {
  cluster: createParty({ document: { kind: 'kubernetes', issuer: 'https://cluster.example/id/A' } }),
  edge: createParty({
    document: {
      kind: 'kubernetes',
      issuer: 'https://edge.example',
      algorithms: ['ES256', 'EdDSA'],
      jwks: [edge.p256.jwk, edge.ed.jwk, edge.rsa.jwk],
    },
    algorithms: ['ES256', 'EdDSA'],
    pairs: edge,
  }),
  github: createParty({ document: { kind: 'github' }, iss: 'https://token.actions.githubusercontent.com' }),
  gitlab: createParty({ document: { kind: 'gitlab' }, iss: 'https://gitlab.com' }),
  partner: createParty({
    document: { kind: 'aws', issuer: 'https://partner.tokens.sts.global.api.aws', account: '210987654321' },
    algorithms: ['ES384', 'RS256'],
  }),
  mesh: createParty({
    document: {
      kind: 'spiffe',
      trustDomain: 'mesh.example',
      issuer: 'https://oidc.mesh.example',
      jwksUri: 'https://bundle.example/keys',
    },
    algorithms: ['RS256', 'ES256', 'ES384'],
  }),
  idp: createParty({
    document: { kind: 'oidc', issuer: 'https://idp.example/', algorithms: SIGNING, maxAgeSeconds: 600 },
    algorithms: SIGNING,
  }),
};
export type PartyName = keyof typeof PARTIES;

const shared = { issuer: ISSUER, secret: 'orders', scopes: ['profile'] };

/** The document of the profiles. What it means is written a second time, in reference.ts. */
export const DOCUMENT = {
  issuers: Object.fromEntries(Object.entries(PARTIES).map(([name, { document }]) => [name, document])),
  profiles: {
    orders: {
      ...shared,
      callers: [
        'arn:aws:iam::123456789012:role/orders-service',
        { kubernetes: { issuer: 'cluster', namespace: 'shop', serviceAccount: 'orders*' } },
        { kubernetes: { issuer: 'edge', namespace: 'shop', serviceAccount: 'till' } },
        { github: { repositoryId: '1', ownerId: '2', ref: 'refs/heads/main' } },
        { gitlab: { projectId: '7', namespaceId: '8', ref: 'v*', refType: 'tag', refProtected: 'true' } },
        { aws: { issuer: 'partner', role: 'arn:aws:iam::210987654321:role/team/batch-*' } },
        { spiffe: { issuer: 'mesh', id: 'spiffe://mesh.example/shop/app' } },
        { oidc: { issuer: 'idp', claims: { sub: 'agent-1', tenant: 'acme' } } },
      ],
    },
    billing: {
      ...shared,
      callers: [
        { kubernetes: { issuer: 'cluster', namespace: 'billing', serviceAccount: 'billing' } },
        { github: { repositoryId: '1', ownerId: '2', environment: 'production' } },
        { gitlab: { projectId: '7', namespaceId: '8', environment: 'production' } },
        { aws: { issuer: 'partner', role: 'arn:aws:iam::210987654321:role/billing' } },
        { spiffe: { issuer: 'mesh', id: 'spiffe://mesh.example/billing/*' } },
      ],
    },
    // Of IAM roles alone.
    reports: { ...shared, callers: ['arn:aws:iam::123456789012:role/reports-service'] },
  },
};

export type Claims = Readonly<Record<string, unknown>>;

const pod = (namespace: string, name: string): Claims => ({
  sub: `system:serviceaccount:${namespace}:${name}`,
  iat: NOW - 600,
  exp: NOW + 3000,
  'kubernetes.io': { namespace, serviceaccount: { name, uid: '0c9a' } },
});
const perUse = { iat: NOW - 10, exp: NOW + 290 };
const job = {
  ...perUse,
  sub: 'repo:octo@2/app@1:ref:refs/heads/main',
  repository_id: '1',
  repository_owner_id: '2',
  ref: 'refs/heads/main',
  event_name: 'push',
};
const pipeline = { iat: NOW - 60, exp: NOW + 3540, sub: 'project_path:acme/app', project_id: '7', namespace_id: '8' };
const tag = { ref: 'v1.2', ref_type: 'tag', ref_protected: 'true' };
const role = (name: string): Claims => ({
  ...perUse,
  sub: `arn:aws:iam::210987654321:role/${name}`,
  'https://sts.amazonaws.com/': { aws_account: '210987654321', org_id: 'o-1' },
});

/** Workloads with the claims that their issuers write, but for `iss` and `aud`. */
export const WORKLOADS: readonly (readonly [issuer: PartyName, profile: string, claims: Claims])[] = [
  ['cluster', 'orders', pod('shop', 'orders')],
  ['cluster', 'orders', pod('shop', 'orders-worker')],
  ['cluster', 'billing', pod('billing', 'billing')],
  ['edge', 'orders', pod('shop', 'till')],
  ['github', 'orders', job],
  ['github', 'billing', { ...job, ref: 'refs/heads/next', environment: 'production', event_name: 'workflow_dispatch' }],
  ['gitlab', 'orders', { ...pipeline, ...tag, pipeline_source: 'push', sub: 'project_path:x' }],
  ['gitlab', 'billing', { ...pipeline, ref: 'main', environment: 'production', pipeline_source: 'web' }],
  ['partner', 'orders', role('team/batch-7')],
  ['partner', 'billing', role('billing')],
  ['mesh', 'orders', { sub: 'spiffe://mesh.example/shop/app', exp: NOW + 300 }],
  ['mesh', 'billing', { sub: 'spiffe://mesh.example/billing/app', exp: NOW + 300, iat: NOW - 5 }],
  ['idp', 'orders', { ...perUse, sub: 'agent-1', tenant: 'acme', jti: 'a' }],
];

export const TYPES = {
  jwt: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  spiffe: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
} as const;
