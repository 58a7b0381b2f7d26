import type { Request } from './reference.ts';
import { BROKER, type Claims, NOW, PARTIES, type Pair, type PartyName, TYPES, WORKLOADS } from './setting.ts';
import { type Signing, signParts } from './signing.ts';

const REFUSED = '401 invalid_client';
const FOREIGN = '403 unauthorized_client';
const TWO = '400 invalid_request';

const { cluster, partner } = PARTIES;

const honest = (party: PartyName, profile = 'orders'): Claims => {
  const [, , claims] = WORKLOADS.find(([name, of]) => name === party && of === profile) ?? [];
  return { ...(party !== 'mesh' && { iss: PARTIES[party].iss }), aud: BROKER, ...claims };
};
const POD = honest('cluster');
const JOB = honest('github');
const ROLE = honest('partner', 'billing');
const AWS = 'https://sts.amazonaws.com/';

interface Sent {
  readonly party?: PartyName;
  readonly profile?: string;
  readonly header?: object | string;
  readonly pair?: Pair;
  readonly algorithm?: Signing;
  readonly finish?: (jwt: string) => string;
}

/** A request with an assertion; by default of the cluster's pod, whose key is an RSA key. */
function send(claims: object | string, sent: Sent = {}): Request {
  const { party = 'cluster', profile = 'orders', algorithm = party === 'partner' ? 'ES384' : 'RS256' } = sent;
  const pairs = PARTIES[party].pairs;
  const { pair = algorithm === 'ES384' ? pairs.p384 : pairs.rsa, finish = (jwt) => jwt } = sent;
  const usual = { alg: algorithm, kid: pair.jwk.kid };
  const header = typeof sent.header === 'string' ? sent.header : { ...usual, ...sent.header };
  const jwt = finish(signParts(header, claims, pair, algorithm));
  return { profile, type: party === 'mesh' ? TYPES.spiffe : TYPES.jwt, jwt };
}

const literal = (name: string, value: string): string =>
  JSON.stringify({ ...POD, [name]: 'literal' }).replace('"literal"', value);

/** Assertions of a pod, a job and a role with other claims; `undefined` leaves one out. */
const pod = (claims: Claims): Request => send({ ...POD, ...claims });
const job = (claims: Claims): Request => send({ ...JOB, ...claims }, { party: 'github' });
const role = (claims: Claims, profile = 'billing'): Request =>
  send({ ...ROLE, ...claims }, { party: 'partner', profile });
const head = (header: object): Request => send(POD, { header });
const forged = (finish: (jwt: string) => string): Request => send(POD, { finish });

/** What each attack sends, by its name and the answer. */
const SENT: Readonly<Record<string, Readonly<Record<string, Request>>>> = {
  '200': {
    '(none: an honest assertion)': send(honest('idp'), { party: 'idp' }),
    'the format of `sub` that GitHub has for new repositories': job({}),
    'the format of `sub` that GitHub has for old repositories': job({ sub: 'repo:octo/app:ref:refs/heads/main' }),
    'a customised `sub` of GitHub, with the right claims': job({ sub: 'repository_owner_id:9:repository_id:9' }),
  },
  [REFUSED]: {
    'alg `none`': send(POD, { algorithm: 'none', finish: (jwt) => `${jwt}AA` }),
    'alg `none`, and no signature': send(POD, { algorithm: 'none' }),
    'HS256 with the RSA key': send(POD, { algorithm: 'HS256' }),
    "an alg that is not the issuer's": send(POD, { algorithm: 'PS256' }),
    "an alg that is not the key's": send(ROLE, { party: 'partner', profile: 'billing', header: { alg: 'RS256' } }),
    '`kid` absent': head({ kid: undefined }),
    '`kid` twice': send(POD, { header: '{"alg":"RS256","kid":"rsa","kid":"rsa"}' }),
    '`kid` with path characters': head({ kid: '../../rsa\n' }),
    '`kid` of no key': head({ kid: 'unknown' }),
    '`jku`': head({ jku: 'https://evil.example/keys' }),
    '`x5u`': head({ x5u: 'https://evil.example/cert' }),
    '`x5c`': head({ x5c: ['MIIB'] }),
    '`jwk`, with the key that signed': send(POD, { pair: partner.pairs.rsa, header: { jwk: partner.pairs.rsa.jwk } }),
    '`crit`': head({ crit: ['exp'], exp: NOW + 60 }),
    'the key of another issuer': send(POD, { pair: partner.pairs.rsa }),
    'an issuer that no profile names': pod({ iss: 'https://evil.example' }),
    'an issuer with a slash more': pod({ iss: `${cluster.iss}/` }),
    'an issuer in other case': pod({ iss: cluster.iss.replace('cluster', 'Cluster') }),
    'an issuer with userinfo': pod({ iss: cluster.iss.replace('://', '://user@') }),
    'an issuer in punycode': pod({ iss: cluster.iss.replace('cluster', 'xn--clster-7ya') }),
    '`aud` missing': pod({ aud: undefined }),
    '`aud` a part of the right one': pod({ aud: BROKER.slice(0, -3) }),
    '`aud` with two values, one right': pod({ aud: [BROKER, 'https://other.example'] }),
    "`aud` of another broker's": pod({ aud: 'https://other.example/federated' }),
    '`aud` of another profile': pod({ aud: `${BROKER}/billing` }),
    '`exp` missing': pod({ exp: undefined }),
    '`exp` NaN': send(literal('exp', 'NaN')),
    '`exp` 1e400': send(literal('exp', '1e400')),
    '`exp` a text': pod({ exp: `${NOW + 60}` }),
    '`exp` over': pod({ exp: NOW }),
    '`exp` in two days': pod({ exp: NOW + 172_800 }),
    '`iat` missing': pod({ iat: undefined }),
    '`iat` NaN': send(literal('iat', 'NaN')),
    '`iat` 1e400': send(literal('iat', '1e400')),
    '`iat` −1e400': send(literal('iat', '-1e400')),
    '`iat` in the future': pod({ iat: NOW + 60 }),
    '`iat` six minutes ago, of a kind that mints per use': job({ iat: NOW - 360 }),
    '`nbf` NaN': send(literal('nbf', 'NaN')),
    '`nbf` 1e400': send(literal('nbf', '1e400')),
    '`nbf` in the future': pod({ nbf: NOW + 60 }),
    '`nbf` null': pod({ nbf: null }),
    '`sub` with NUL': pod({ sub: `${String(POD.sub)}\0` }),
    '`sub` with a newline': pod({ sub: `${String(POD.sub)}\n` }),
    '`sub` of 300 characters': pod({ sub: 'a'.repeat(300) }),
    '`sub` with a letter that looks alike': pod({ sub: String(POD.sub).replace('o', 'о') }),
    'a pull request from a fork': job({ event_name: 'pull_request', ref: 'refs/pull/1/merge' }),
    '`pull_request_target`': job({ event_name: 'pull_request_target' }),
    'a child pipeline at GitLab, perhaps of a merge request': send(
      { ...honest('gitlab', 'billing'), pipeline_source: 'parent_pipeline' },
      { party: 'gitlab', profile: 'billing' },
    ),
    '`OriginIdentity` of AWS': role({ [AWS]: { aws_account: '210987654321', subject_mode: 'OriginIdentity' } }),
    'an AWS session that names another subject than who asked (`principal_id`)': role({
      [AWS]: { aws_account: '210987654321', principal_id: 'arn:aws:iam::210987654321:role/evil' },
    }),
    'an access token of the same issuer (`at+jwt`)': send(POD, { header: { typ: 'at+jwt' } }),
    'an access token of the same issuer, for an API': pod({ aud: 'https://api.example', scope: 'read' }),
    'an id token of the same issuer': pod({ aud: 'client-1', nonce: 'n', azp: 'client-1' }),
    'a SPIFFE token as another kind of assertion': { ...send(honest('mesh'), { party: 'mesh' }), type: TYPES.jwt },
    'a JWE': forged(() => 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA'),
    'two parts': forged((jwt) => jwt.replace(/\.[^.]*$/, '')),
    'three parts, one empty': forged((jwt) => jwt.replace(/\.[^.]*\./, '..')),
    'five parts': forged((jwt) => `${jwt}.AA.AA`),
    'more than 8 kB': pod({ filler: 'x'.repeat(6_200) }),
    'a claim twice': send(`{"aud":"https://other.example",${JSON.stringify(POD).slice(1)}`),
    'a claim twice, one of them escaped': send(`{"\\u0061ud":"https://other.example",${JSON.stringify(POD).slice(1)}`),
    'another spelling of base64': forged((jwt) => `${jwt}=`),
    'claims changed after signing': forged((jwt) => {
      const [header, , signature] = jwt.split('.');
      const claims = Buffer.from(JSON.stringify({ ...POD, jti: 'forged' })).toString('base64url');
      return `${header}.${claims}.${signature}`;
    }),
    'no assertion': { ...send(POD), jwt: undefined },
    'another `client_assertion_type`': {
      ...send(POD),
      type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
    },
  },
  [FOREIGN]: {
    'a prefix that goes on into another namespace (`acme/app-evil`)': role(
      { sub: 'arn:aws:iam::210987654321:role/team/batch-/evil' },
      'orders',
    ),
    'a longer name': role({ sub: `${String(ROLE.sub)}-evil` }),
    'a customised `sub` of GitHub, with claims of another repository': job({
      repository_id: '11',
      repository: 'octo/app',
    }),
    'a repository of the same name and another owner': job({ repository_owner_id: '22' }),
    'an assumed-role ARN': role({ sub: 'arn:aws:sts::210987654321:assumed-role/billing/me' }),
    'another AWS account': role({
      sub: 'arn:aws:iam::123456789012:role/billing',
      [AWS]: { aws_account: '123456789012' },
    }),
    'an IAM user': role({ sub: 'arn:aws:iam::210987654321:user/billing' }),
    'a pod of another namespace': pod({
      sub: 'system:serviceaccount:evil:orders',
      'kubernetes.io': { namespace: 'evil', serviceaccount: { name: 'orders' } },
    }),
    'claims that contradict `sub`': pod({ sub: 'system:serviceaccount:evil:orders' }),
    'a profile that lists others, and one that does not exist (the same answer)': send(POD, { profile: 'unknown' }),
  },
  [TWO]: {
    'two identities: a signature of AWS in the headers': { ...send(POD), isSigned: true },
  },
};

/** Attacks that are one request: what an attacker sends, and what the broker must answer. */
export const ATTACKS = Object.entries(SENT).flatMap(([answer, requests]) =>
  Object.entries(requests).map(([name, request]) => ({ name, request, answer })),
);
