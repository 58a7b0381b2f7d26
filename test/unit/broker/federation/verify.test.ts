import { sign as createSignature, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import { createIssuerKeys } from '../../../../lib/broker/federation/issuer-keys.ts';
import { authorizeWorkload } from '../../../../lib/broker/federation/policy.ts';
import { ASSERTION_TYPE, createVerifyAssertion } from '../../../../lib/broker/federation/verify.ts';
import type { Principal } from '../../../../lib/broker/profiles/caller.ts';
import { instant } from '../../../../lib/core/time.ts';
import type { OAuthAnswer, Send } from '../../../../lib/oauth/transport.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { profilesOf } from '../../../support/profiles.ts';

const NOW_MS = 1_795_438_700_000;
const NOW = NOW_MS / 1000;
const AUDIENCE = 'https://broker.example/federated/orders';
const CLUSTER = 'https://cluster.example/id/A';
const GITHUB = 'https://token.actions.githubusercontent.com';
const PARTNER = 'https://partner.tokens.sts.global.api.aws';
const AWS = 'https://sts.amazonaws.com/';
const ROLE = 'arn:aws:iam::210987654321:role/batch';

const pairs = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  other: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
};
const jwk = (pair: { publicKey: KeyObject }, kid: string) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid });
const KEYS = JSON.stringify({ keys: [jwk(pairs.rsa, 'k1'), jwk(pairs.ec, 'k2')] });

const profiles = profilesOf({
  issuers: {
    cluster: { kind: 'kubernetes', issuer: CLUSTER },
    github: { kind: 'github' },
    partner: { kind: 'aws', issuer: PARTNER, account: '210987654321' },
    mesh: { kind: 'spiffe', trustDomain: 'mesh.example', jwksUri: 'https://bundle.example/keys' },
  },
  profiles: {
    orders: {
      issuer: 'https://zitadel.example',
      secret: 'orders',
      callers: [
        { kubernetes: { issuer: 'cluster', namespace: 'shop', serviceAccount: 'orders*' } },
        { github: { repositoryId: '1', ownerId: '2', ref: 'refs/heads/main' } },
        { aws: { issuer: 'partner', role: ROLE } },
        { spiffe: { issuer: 'mesh', id: 'spiffe://mesh.example/shop/app' } },
      ],
    },
  },
});

const pod = (name = 'orders', namespace = 'shop') => ({
  iss: CLUSTER,
  sub: `system:serviceaccount:${namespace}:${name}`,
  aud: [AUDIENCE],
  iat: NOW - 600,
  exp: NOW + 3000,
  'kubernetes.io': { namespace, serviceaccount: { name, uid: 'u' } },
});
const job = {
  iss: GITHUB,
  sub: 'repo:octo@2/app@1:ref:refs/heads/main',
  aud: AUDIENCE,
  iat: NOW - 10,
  exp: NOW + 290,
  repository_id: '1',
  repository_owner_id: '2',
  ref: 'refs/heads/main',
  event_name: 'push',
};
const role = {
  iss: PARTNER,
  sub: ROLE,
  aud: AUDIENCE,
  iat: NOW - 10,
  exp: NOW + 290,
  [AWS]: { aws_account: '210987654321' },
};
const svid = { sub: 'spiffe://mesh.example/shop/app', aud: [AUDIENCE], exp: NOW + 300 };

const sign = (claims: object, header: object = {}, key: KeyObject | Uint8Array = pairs.rsa.privateKey) =>
  new SignJWT(claims as JWTPayload)
    .setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header } as JWTHeaderParameters)
    .sign(key);
const part = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Signs parts as they are, which a library would not. */
const signRaw = (header: object | string, claims: object | string) => {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${createSignature('sha256', Buffer.from(input), pairs.rsa.privateKey).toString('base64url')}`;
};

let clock = createFakeClock(instant(NOW_MS));
let urls: string[] = [];
let answerTo: (url: string) => Partial<OAuthAnswer> | undefined;
const send: Send = ({ url }) => {
  urls.push(url);
  const answer = answerTo(url);
  return Promise.resolve(
    answer === undefined
      ? { ok: false, error: { kind: 'unreachable', detail: 'ECONNREFUSED' } }
      : { ok: true, value: { status: 200, headers: {}, body: '', ...answer } },
  );
};
const honest = (url: string): Partial<OAuthAnswer> => {
  const issuer = url.replace('/.well-known/openid-configuration', '');
  return { body: issuer === url ? KEYS : JSON.stringify({ issuer, jwks_uri: `${new URL(url).origin}/keys` }) };
};
const create = () => createVerifyAssertion({ clock, profiles, keys: createIssuerKeys({ clock, send }) });
let verify = create();
beforeEach(() => {
  clock = createFakeClock(instant(NOW_MS));
  urls = [];
  answerTo = honest;
  verify = create();
});

const ask = async (jwt: string | Promise<string>, type: string = ASSERTION_TYPE.jwtBearer) =>
  verify({ type, jwt: await jwt, audiences: ['https://broker.example/federated', AUDIENCE] });
const outcome = async (jwt: string | Promise<string>, type?: string) => {
  const verified = await ask(jwt, type);
  if (!verified.ok) return verified.error.kind;
  const allowed = authorizeWorkload(profiles, 'orders', verified.value);
  return allowed.ok ? 'allowed' : allowed.error.kind;
};

describe('a workload that the profile lists', () => {
  test.each<[who: string, claims: object, type?: string]>([
    ['a pod', pod()],
    ['a pod that a prefix lists', pod('orders-worker')],
    ['a job at GitHub', job],
    ['a job at GitHub with the older sub', { ...job, sub: 'repo:octo/app:ref:refs/heads/main' }],
    ['a job at GitHub with a customised sub', { ...job, sub: 'environment:anything' }],
    ['a role of another account', role],
    ['a role that asked for itself', { ...role, [AWS]: { aws_account: '210987654321', principal_id: ROLE } }],
    ['a SPIFFE workload without iss and iat', svid, ASSERTION_TYPE.jwtSpiffe],
    ['with the URL of all profiles', { ...pod(), aud: 'https://broker.example/federated' }],
  ])('%s', async (_who, claims, type) => expect(await outcome(sign(claims), type)).toBe('allowed'));
});

describe('an assertion is refused', () => {
  const without = (claims: object, name: string) => ({ ...claims, [name]: undefined });
  const unsigned = (header: object, claims: object = pod(), signature = 'AA') =>
    `${part(header)}.${part(claims)}.${signature}`;
  const rsaPem = Buffer.from(pairs.rsa.publicKey.export({ format: 'pem', type: 'spki' }));

  test.each<[why: string, jwt: () => string | Promise<string>]>([
    ['alg none', () => unsigned({ alg: 'none', kid: 'k1' })],
    ['alg none without signature', () => unsigned({ alg: 'none', kid: 'k1' }, pod(), '')],
    ['HS256 with the RSA key', () => sign(pod(), { alg: 'HS256' }, rsaPem)],
    ["an algorithm that is not the issuer's", () => sign(pod(), { alg: 'PS256' })],
    ['the key of another', () => sign(pod(), {}, pairs.other.privateKey)],
    ['a key of another type', () => sign(pod(), { kid: 'k2' })],
    ['kid absent', () => sign(pod(), { kid: undefined })],
    ['kid unknown', () => sign(pod(), { kid: 'k9' })],
    ['kid with a path', () => sign(pod(), { kid: '../../k1\n' })],
    ['kid doubled', () => signRaw('{"alg":"RS256","kid":"k1","kid":"k1"}', pod())],
    ...['jku', 'x5u', 'jwk', 'x5c', 'zip'].map((name): [string, () => Promise<string>] => [
      name,
      () => sign(pod(), { [name]: 'https://evil.example' }),
    ]),
    ['crit', () => signRaw({ alg: 'RS256', kid: 'k1', crit: ['x'], x: 1 }, pod())],
    ['an access token', () => sign(pod(), { typ: 'at+jwt' })],
    ['five parts', async () => `${await sign(pod())}.AA.AA`],
    ['two parts', async () => (await sign(pod())).replace(/\.[^.]*$/, '')],
    ['more than 8 kB', () => sign({ ...pod(), x: 'x'.repeat(9000) })],
    [
      'another spelling of the signature',
      async () =>
        (await sign(pod())).replace(/.$/, (last) =>
          last === 'A' ? 'B' : last === 'Q' ? 'R' : last === 'g' ? 'h' : 'x',
        ),
    ],
    ['padding', async () => `${await sign(pod())}=`],
    ['members doubled', () => signRaw({ alg: 'RS256', kid: 'k1' }, `{"aud":"a",${JSON.stringify(pod()).slice(1)}`)],
    ['aud missing', () => sign(without(pod(), 'aud'))],
    ['aud of another broker', () => sign({ ...pod(), aud: 'https://other.example/federated/orders' })],
    ['aud of another profile', () => sign({ ...pod(), aud: 'https://broker.example/federated/billing' })],
    ['aud as a part', () => sign({ ...pod(), aud: 'https://broker.example/feder' })],
    ['aud with a slash', () => sign({ ...pod(), aud: `${AUDIENCE}/` })],
    ['two audiences', () => sign({ ...pod(), aud: [AUDIENCE, 'https://other.example'] })],
    ['no audience in a list', () => sign({ ...pod(), aud: [] })],
    ['exp missing', () => sign(without(pod(), 'exp'))],
    ['exp now', () => sign({ ...pod(), exp: NOW })],
    ['exp as a text', () => sign({ ...pod(), exp: `${NOW + 60}` })],
    [
      'exp 1e400',
      () => signRaw({ alg: 'RS256', kid: 'k1' }, JSON.stringify(pod()).replace(/"exp":\d+/, '"exp":1e400')),
    ],
    ['exp in two days', () => sign({ ...pod(), exp: NOW + 172_800 })],
    ['iat missing', () => sign(without(pod(), 'iat'))],
    ['iat in the future', () => sign({ ...pod(), iat: NOW + 60 })],
    ['iat after exp', () => sign({ ...pod(), iat: NOW + 20, exp: NOW + 10 })],
    ['nbf in the future', () => sign({ ...pod(), nbf: NOW + 60 })],
    ['nbf null', () => sign({ ...pod(), nbf: null })],
    ['an age of six minutes, of a job', () => sign({ ...job, iat: NOW - 360 })],
    ...['\0', '\n', ' ', 'ｏrders', 'а', ''].map((sub): [string, () => Promise<string>] => [
      `sub ${JSON.stringify(sub)}`,
      () => sign({ ...pod(), sub: sub === '' ? '' : `${pod().sub}${sub}` }),
    ]),
    ['sub of 300 characters', () => sign({ ...pod(), sub: 'a'.repeat(300) })],
    ['a pull request from a fork', () => sign({ ...job, event_name: 'pull_request', ref: 'refs/pull/1/merge' })],
    ['pull_request_target', () => sign({ ...job, event_name: 'pull_request_target' })],
    ['OriginIdentity', () => sign({ ...role, [AWS]: { aws_account: '210987654321', subject_mode: 'OriginIdentity' } })],
    [
      'a subject that is not who asked AWS',
      () => sign({ ...role, [AWS]: { aws_account: '210987654321', principal_id: `${ROLE}-evil` } }),
    ],
    ['a SVID as a plain assertion', () => sign(svid)],
    ['a SVID with iss as a plain assertion', () => sign({ ...svid, iss: 'spiffe://mesh.example' })],
    ['the issuer in a list', () => sign({ ...pod(), iss: [CLUSTER] })],
  ])('with %s', async (_why, jwt) => expect(await outcome(jwt())).toBe('assertion_refused'));

  test.each(
    ['/', '?', '#']
      .map((end) => `${CLUSTER}${end}`)
      .concat([
        CLUSTER.replace('cluster', 'Cluster'),
        CLUSTER.replace('https://', 'https://a@'),
        CLUSTER.replace('https', 'http'),
        CLUSTER.replace('cluster', 'xn--clster-7ya'),
        'https://evil.example',
        '__proto__',
      ]),
  )('of the issuer %s, and no request leaves', async (iss) => {
    expect(await outcome(sign({ ...pod(), iss }))).toBe('assertion_refused');
    expect(urls).toEqual([]);
  });

  test.each(['none', 'HS256', 'PS256'])('with alg %s before a request leaves', async (alg) => {
    expect(await outcome(unsigned({ alg, kid: 'k1' }))).toBe('assertion_refused');
    expect(urls).toEqual([]);
  });

  test.each<[what: string, svid: object]>([
    ['another trust domain', { ...svid, sub: 'spiffe://mesh.example.evil/shop/app' }],
    ['two hours', { ...svid, exp: NOW + 7200 }],
    ['an iss that is no text', { ...svid, iss: ['spiffe://mesh.example'] }],
  ])('as a SVID with %s', async (_what, claims) =>
    expect(await outcome(sign(claims), ASSERTION_TYPE.jwtSpiffe)).toBe('assertion_refused'),
  );
});

test.each([
  [undefined, true],
  ['https://oidc.mesh.example', true],
  ['https://other.example', false],
])('an iss of %s, where the trust domain has one', async (iss, isOk) => {
  const mesh = profilesOf({
    issuers: {
      mesh: {
        kind: 'spiffe',
        trustDomain: 'mesh.example',
        issuer: 'https://oidc.mesh.example',
        jwksUri: 'https://b.example',
      },
    },
    profiles: {
      orders: {
        issuer: 'https://zitadel.example',
        secret: 'a',
        callers: [{ spiffe: { issuer: 'mesh', id: svid.sub } }],
      },
    },
  });
  answerTo = () => ({ body: KEYS });
  const own = createVerifyAssertion({ clock, profiles: mesh, keys: createIssuerKeys({ clock, send }) });
  const jwt = await sign({ ...svid, iss });
  expect((await own({ type: ASSERTION_TYPE.jwtSpiffe, jwt, audiences: [AUDIENCE] })).ok).toBe(isOk);
});

describe('a stranger with a valid assertion is not allowed', () => {
  test.each<[who: string, claims: object]>([
    ['a pod of another namespace', pod('orders', 'evil')],
    ['a prefix that goes on with a colon', { ...pod('orders:x') }],
    ['claims that contradict sub', { ...pod('orders'), sub: 'system:serviceaccount:evil:orders' }],
    ['a pod without the claims of Kubernetes', { ...pod(), 'kubernetes.io': undefined }],
    ['another repository of the same name', { ...job, repository_id: '11' }],
    ['another owner', { ...job, repository_owner_id: '20' }],
    ['another branch', { ...job, ref: 'refs/heads/main-evil' }],
    ['an id as a number', { ...job, repository_id: 1 }],
    ['an assumed role', { ...role, sub: 'arn:aws:sts::210987654321:assumed-role/batch/x' }],
    ['an IAM user', { ...role, sub: 'arn:aws:iam::210987654321:user/batch' }],
    ['a role of an account that is not the claim', { ...role, [AWS]: { aws_account: '123456789012' } }],
    ['a longer name', { ...role, sub: `${ROLE}-evil` }],
  ])('%s', async (_who, claims) => expect(await outcome(sign(claims))).toBe('not_allowed'));

  test('a workload of another issuer with the same claims', () => {
    const principal = { kind: 'federated', issuer: 'partner', subject: pod().sub, claims: pod() } as const;
    expect(authorizeWorkload(profiles, 'orders', principal)).toMatchObject({ error: { kind: 'not_allowed' } });
  });

  test('and an unknown profile answers the same', async () => {
    const verified = await ask(sign(pod()));
    expect(verified.ok && authorizeWorkload(profiles, 'unknown', verified.value)).toMatchObject({
      error: { kind: 'not_allowed' },
    });
  });
});

describe('the keys of an issuer', () => {
  const LONG = { exp: NOW + 86_000, iat: NOW - 10 };
  test.each<[what: string, answer: (url: string) => Partial<OAuthAnswer> | undefined]>([
    ['away', () => undefined],
    ['redirecting', (url) => ({ ...honest(url), status: 302, headers: { location: 'https://evil.example' } })],
    ['HTML', () => ({ body: '<html>' })],
    ['more than 64 kB', (url) => ({ body: `${honest(url).body}${' '.repeat(70_000)}` })],
    ['empty', (url) => (url.endsWith('/keys') ? { body: '{"keys":[]}' } : honest(url))],
    [
      'symmetric',
      (url) => (url.endsWith('/keys') ? { body: '{"keys":[{"kty":"oct","k":"AA","kid":"k1"}]}' } : honest(url)),
    ],
    [
      'of another issuer',
      (url) => (url.endsWith('/keys') ? honest(url) : { body: '{"issuer":"https://evil.example"}' }),
    ],
    [
      'at another origin',
      (url) =>
        url.endsWith('/keys')
          ? honest(url)
          : { body: JSON.stringify({ issuer: CLUSTER, jwks_uri: 'https://evil.example/keys' }) },
    ],
  ])('that are %s make the broker unavailable, never refuse', async (_what, answer) => {
    answerTo = answer;
    expect(await outcome(sign(pod()))).toBe('unavailable');
    expect(urls.filter((url) => url.includes('evil'))).toEqual([]);
  });

  test.each([
    ['jwt-svid', 'allowed'],
    ['x509-svid', 'assertion_refused'],
  ])('of a trust domain whose use is %s: %s', async (use, expected) => {
    answerTo = () => ({ body: JSON.stringify({ keys: [{ ...jwk(pairs.rsa, 'k1'), use }] }) });
    expect(await outcome(sign(svid), ASSERTION_TYPE.jwtSpiffe)).toBe(expected);
  });

  test('are read once in ten minutes', async () => {
    await Promise.all([outcome(sign(pod())), outcome(sign(pod()))]);
    expect(urls).toHaveLength(2);
    await clock.advance(9 * 60_000);
    expect(await outcome(sign(pod()))).toBe('allowed');
    expect(urls).toHaveLength(2);
    await clock.advance(60_000);
    await outcome(sign(pod()));
    expect(urls).toHaveLength(4);
  });

  test('are read at most every 30 s for made-up key ids', async () => {
    for (let i = 0; i < 50; i += 1) expect(await outcome(sign(pod(), { kid: `x${i}` }))).toBe('assertion_refused');
    expect(urls).toHaveLength(2);
    await clock.advance(30_000);
    await outcome(sign(pod(), { kid: 'x' }));
    expect(urls).toHaveLength(4);
  });

  test('serve for a day while the issuer is away, then the broker is unavailable', async () => {
    const token = sign({ ...pod(), ...LONG });
    expect(await outcome(token)).toBe('allowed');
    answerTo = () => undefined;
    await clock.advance(23 * 3_600_000);
    expect(await outcome(token)).toBe('allowed');
    await clock.advance(3_600_001);
    expect(await outcome(sign({ ...pod(), iat: NOW + 86_400, exp: NOW + 90_000 }))).toBe('unavailable');
  });
});

test('a change of any character of a valid assertion is refused', async () => {
  const jwt = await sign(pod());
  await fc.assert(
    fc.asyncProperty(fc.nat(jwt.length - 1), fc.constantFrom(...'Aa0-_.='), async (at, character) => {
      fc.pre(jwt[at] !== character);
      expect((await ask(`${jwt.slice(0, at)}${character}${jwt.slice(at + 1)}`)).ok).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('no rule accepts what a naive reading refuses', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab/:-'), maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom('shop', 'shop2'), text, text, (namespace, rest, uid) => {
      const principal: Principal = {
        kind: 'federated',
        issuer: 'cluster',
        subject: 'x',
        claims: { ...pod(`orders${rest}`, namespace), uid },
      };
      const expected = namespace === 'shop' && !rest.includes('/') && !rest.includes(':');
      expect(authorizeWorkload(profiles, 'orders', principal).ok).toBe(expected);
    }),
  );
});
