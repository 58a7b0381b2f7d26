import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import schema from '../../../../infra/profiles.schema.json' with { type: 'json' };
import { parseProfiles } from '../../../../lib/broker/profiles/parse.ts';

const matchesSchema = new Ajv({ allErrors: true, strict: false }).compile(schema);
const ISSUERS = {
  github: { kind: 'github' },
  gitlab: { kind: 'gitlab' },
  cluster: { kind: 'kubernetes', issuer: 'https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE' },
  partner: { kind: 'aws', issuer: 'https://example.tokens.sts.global.api.aws', account: '210987654321' },
  mesh: { kind: 'spiffe', trustDomain: 'mesh.example', jwksUri: 'https://bundle.example/keys' },
  idp: { kind: 'oidc', issuer: 'https://idp.example/' },
};
const GITHUB = { repositoryId: '1', ownerId: '2', ref: 'refs/heads/main' };
const documentWith = (callers: unknown, issuers: unknown = ISSUERS, name = 'orders') => ({
  issuers,
  profiles: { [name]: { issuer: 'https://example.zitadel.cloud', secret: 'zitadel/orders', callers } },
});
const parse = (document: unknown) => parseProfiles(document, { allowLoopbackHttp: false });

describe('a caller without IAM', () => {
  test.each<[kind: string, caller: object, rules: readonly (readonly [claim: string, value: string])[]]>([
    [
      'github',
      { github: GITHUB },
      [
        ['repository_id', '1'],
        ['repository_owner_id', '2'],
        ['ref', 'refs/heads/main'],
      ],
    ],
    [
      'gitlab',
      { gitlab: { projectId: '1', namespaceId: '2', environment: 'production' } },
      [
        ['project_id', '1'],
        ['namespace_id', '2'],
        ['environment', 'production'],
      ],
    ],
    [
      'kubernetes',
      { kubernetes: { issuer: 'cluster', namespace: 'shop', serviceAccount: 'orders' } },
      [
        ['kubernetes.io namespace', 'shop'],
        ['kubernetes.io serviceaccount name', 'orders'],
        ['sub', 'system:serviceaccount:shop:orders'],
      ],
    ],
    [
      'aws',
      { aws: { issuer: 'partner', role: 'arn:aws:iam::210987654321:role/batch' } },
      [
        ['sub', 'arn:aws:iam::210987654321:role/batch'],
        ['https://sts.amazonaws.com/ aws_account', '210987654321'],
      ],
    ],
    ['spiffe', { spiffe: { issuer: 'mesh', id: 'spiffe://mesh.example/a' } }, [['sub', 'spiffe://mesh.example/a']]],
    ['oidc', { oidc: { issuer: 'idp', claims: { sub: 'a' } } }, [['sub', 'a']]],
  ])('of %s becomes rules for claims', (_kind, caller, rules) => {
    const document = documentWith([caller]);
    const parsed = parse(document);
    const [read] = (parsed.ok && parsed.value.get('orders')?.federated) || [];
    expect(read?.rules.map(({ claim, value }) => [claim.join(' '), value])).toEqual(rules);
    expect(matchesSchema(document)).toBe(true);
  });

  test('stands beside roles', () => {
    const parsed = parse(documentWith(['arn:aws:iam::123456789012:role/orders', { github: GITHUB }]));
    expect(parsed.ok && parsed.value.get('orders')).toMatchObject({
      callers: [{ role: 'orders' }],
      federated: [{ issuer: { name: 'github', maxAgeMs: 300_000 } }],
    });
  });

  test.each<[what: string, caller: unknown]>([
    ['a name without an id', { github: { repository: 'acme/app', ref: 'refs/heads/main' } }],
    ['neither ref nor environment', { github: { repositoryId: '1', ownerId: '2' } }],
    ['the ref of a pull request', { github: { ...GITHUB, ref: 'refs/pull/1/merge' } }],
    ['an id as a number', { github: { ...GITHUB, repositoryId: 1 } }],
    ['an id with a star', { github: { ...GITHUB, repositoryId: '1*' } }],
    ['a star in the middle', { github: { ...GITHUB, ref: 'refs/heads/*/x' } }],
    ['a star alone', { github: { ...GITHUB, ref: '*' } }],
    ['an unknown issuer', { kubernetes: { issuer: 'other', namespace: 'a', serviceAccount: 'b' } }],
    ['an issuer of another kind', { kubernetes: { issuer: 'partner', namespace: 'a', serviceAccount: 'b' } }],
    ['the ARN of a session', { aws: { issuer: 'partner', role: 'arn:aws:sts::210987654321:assumed-role/batch/x' } }],
    ['a role of another account', { aws: { issuer: 'partner', role: 'arn:aws:iam::123456789012:role/batch' } }],
    ['another trust domain', { spiffe: { issuer: 'mesh', id: 'spiffe://mesh.example.evil/a' } }],
    ['claims without sub', { oidc: { issuer: 'idp', claims: { groups: 'a' } } }],
    ['a claim with a star', { oidc: { issuer: 'idp', claims: { sub: 'a*' } } }],
    ['two kinds', { github: GITHUB, gitlab: {} }],
    ['a name of Object.prototype', { constructor: {} }],
  ])('with %s is a fault', (_what, caller) => {
    const parsed = parse(documentWith([caller]));
    expect(parsed.ok || parsed.error.map(({ path }) => path.join('.'))).toEqual(['profiles.orders.callers.0']);
  });
});

describe('an issuer', () => {
  const URLS = [
    'http://a.example',
    'https://A.example',
    'https://u@a.example',
    'https://a.example/?b',
    'https://ä.example',
  ];
  test.each<[what: string, issuer: object, field: string]>([
    ['of an unknown kind', { kind: 'saml' }, ''],
    ['without account', { ...ISSUERS.partner, account: undefined }, '.account'],
    ['of a trust domain without keys', { kind: 'spiffe', trustDomain: 'a' }, '.jwksUri'],
    ['with a symmetric algorithm', { ...ISSUERS.idp, algorithms: ['HS256'] }, '.algorithms.0'],
    ['without algorithms', { ...ISSUERS.idp, algorithms: [] }, '.algorithms'],
    ['with a private key', { ...ISSUERS.idp, jwks: [{ kty: 'EC', kid: 'a', d: 'b' }] }, '.jwks.0'],
    ['with a symmetric key', { ...ISSUERS.idp, jwks: [{ kty: 'oct', kid: 'a', k: 'b' }] }, '.jwks.0'],
    ['with an age of two days', { ...ISSUERS.idp, maxAgeSeconds: 172_800 }, '.maxAgeSeconds'],
    ['with the account of another kind', { ...ISSUERS.idp, account: '123456789012' }, '.account'],
    ['with the trust domain of another kind', { ...ISSUERS.idp, trustDomain: 'a' }, '.trustDomain'],
    [
      'of a trust domain with an inexact iss',
      { kind: 'spiffe', trustDomain: 'a', jwksUri: 'https://a.example', issuer: 'https://A.example' },
      '.issuer',
    ],
    ['with an unknown field', { ...ISSUERS.idp, audience: 'x' }, '.audience'],
    ...URLS.map((url): [string, object, string] => [`at ${url}`, { kind: 'oidc', issuer: url }, '.issuer']),
  ])('%s is a fault', (_what, issuer, field) => {
    const document = JSON.parse(
      JSON.stringify({ ...documentWith([{ github: GITHUB }]), issuers: { github: ISSUERS.github, bad: issuer } }),
    );
    const parsed = parse(document);
    expect(parsed.ok || parsed.error.map(({ path }) => path.join('.'))).toEqual([`issuers.bad${field}`]);
  });

  test('is declared once', () => {
    expect(parse(documentWith([{ github: GITHUB }], { ...ISSUERS, again: { kind: 'github' } })).ok).toBe(false);
  });
});

test('federated is the name of no profile', () => {
  expect(parse(documentWith([{ github: GITHUB }], ISSUERS, 'federated')).ok).toBe(false);
});
