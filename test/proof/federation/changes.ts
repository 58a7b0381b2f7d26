import type { Random } from '../runner/random.ts';
import type { Request } from './reference.ts';
import {
  BROKER,
  KEY_OF,
  NOW,
  PARTIES,
  type Pair,
  type PartyName,
  SIGNING,
  type SigningAlgorithm,
  TYPES,
  WORKLOADS,
} from './setting.ts';
import { NO_UTF8, type Signing } from './signing.ts';

/** Something that is changed on the way from an honest assertion to a request. */
export interface Draft {
  readonly party: PartyName;
  readonly header: Record<string, unknown>;
  readonly claims: Record<string, unknown>;
  /** Changes of the texts of header and claims, before they are encoded. */
  readonly edits: { readonly of: 'header' | 'claims'; readonly change: (text: string) => string }[];
  /** The private key and the algorithm of the signature, whatever the header says. */
  pair: Pair;
  algorithm: Signing;
  /** Changes of the finished assertion. */
  readonly finish: ((jwt: string) => string)[];
  readonly request: Omit<Request, 'jwt'>;
  isSent: boolean;
}

type Change = (draft: Draft, random: Random) => void;

export const pick = <T>(random: Random, list: readonly T[]): T => random.pick(list as readonly [T, ...T[]]);

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const AWS = 'https://sts.amazonaws.com/';
const INSTANTS = ['exp', 'iat', 'nbf'];
const CLAIMS = words(`
  iss sub aud exp iat nbf kubernetes.io ${AWS} repository_id repository_owner_id ref event_name environment project_id
  namespace_id ref_type ref_protected pipeline_source tenant
`);

const NASTY = [null, true, false, 0, 1, -1, '', ' ', [], {}, [[]], 'x'.repeat(300), '__proto__', '*'];

/** Texts that are almost another. */
function nearly(text: string, random: Random): string {
  const at = random.int(0, Math.max(0, text.length - 1));
  return pick(random, [
    `${text}-evil`,
    `${text}/evil`,
    `${text}:evil`,
    `${text} `,
    `${text}\n`,
    `${text}\0`,
    ` ${text}`,
    text.slice(0, -1),
    text.slice(1),
    text.toUpperCase(),
    text.replace('o', 'о'),
    text.replace('a', 'ａ'),
    `${text.slice(0, at)}*${text.slice(at + 1)}`,
    `${text.slice(0, at)}/${text.slice(at)}`,
    encodeURIComponent(text),
    `${text}/`,
    `evil/${text}`,
    `${text}1`,
  ]);
}

const DELTAS = [
  -100_000, -86_431, -86_401, -86_400, -86_399, -3_601, -3_600, -601, -600, -599, -301, -300, -299, -31, -30, -1, -0.5,
  0, 0.5, 1, 29, 30, 30.5, 31, 299, 300, 3_599, 3_600, 3_629, 3_630, 3_631, 86_399, 86_400, 86_429, 86_430, 86_431,
  100_000, 1e9,
];

/** What issuers and others could write as a member that is nested. */
const nest = (value: unknown, random: Random): unknown => {
  if (typeof value !== 'object' || value === null) return pick(random, NASTY);
  const entries = Object.entries(value);
  const chosen = random.int(0, entries.length);
  if (chosen === entries.length)
    return { ...value, subject_mode: pick(random, ['AWSIdentity', 'OriginIdentity', null, 1, '']) };
  return Object.fromEntries(
    entries.map(([name, member], index) => {
      if (index !== chosen) return [name, member];
      if (typeof member === 'object') return [name, nest(member, random)];
      return [name, random.chance(0.5) ? nearly(String(member), random) : pick(random, NASTY)];
    }),
  );
};

const other = (random: Random) => PARTIES[pick(random, Object.keys(PARTIES) as PartyName[])];

const ISSUERS = (iss: string) => [
  `${iss}/`,
  iss.replace(/\/$/, ''),
  iss.toUpperCase(),
  iss.replace('https', 'http'),
  iss.replace('://', '://user@'),
  iss.replace('://', '://xn--'),
  `${iss}?`,
  `${iss}#`,
  `${iss}:443`,
  'https://evil.example',
  '__proto__',
];

const AUDIENCES = [
  BROKER,
  `${BROKER}/orders`,
  `${BROKER}/billing`,
  `${BROKER}/`,
  `${BROKER}/orders/`,
  BROKER.slice(0, -1),
  BROKER.replace('https', 'http'),
  'https://other.example/federated',
  'https://zitadel.example',
  '',
];

/** A JSON text with a member named twice; the text may be broken already. */
function double(text: string, random: Random): string {
  const names = [...text.matchAll(/"([^"\\]+)"\s*:/g)].map(([, name = '']) => name);
  const name = names.length > 0 ? pick(random, names) : 'alg';
  const spelling = random.chance(0.3) ? `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}` : name;
  return random.chance(0.5)
    ? text.replace('{', `{"${spelling}":"x",`)
    : text.replace(/\}([^}]*)$/, `,"${spelling}":"x"}$1`);
}

const PARTS = ['header', 'claims'] as const;

/** Gives a member, or one of some, one of the values. */
const set =
  (part: 'header' | 'claims' | 'request', names: string | readonly string[], values: readonly unknown[]): Change =>
  (draft, random) => {
    const name = typeof names === 'string' ? names : pick(random, names);
    Object.assign(draft[part], { [name]: pick(random, values) });
  };

const splice = (jwt: string, index: number, change: (part: string) => string): string =>
  jwt
    .split('.')
    .map((part, at) => (at === index ? change(part) : part))
    .join('.');

/** The changes, by what an attacker would call them. */
export const CHANGES: Readonly<Record<string, Change>> = {
  'a claim less': ({ claims }, random) => void delete claims[pick(random, CLAIMS)],
  'a claim of another type': set('claims', CLAIMS, NASTY),
  'a claim that is almost right': ({ claims }, random) => {
    const texts = Object.keys(claims).filter((name) => typeof claims[name] === 'string');
    const name = texts.length > 0 ? pick(random, texts) : 'sub';
    claims[name] = nearly(String(claims[name]), random);
  },
  "another workload's claim": ({ claims }, random) => {
    const [, , theirs] = pick(random, WORKLOADS);
    const name = pick(random, Object.keys(theirs));
    claims[name] = theirs[name];
  },
  'a nested claim': ({ claims }, random) => {
    const nested = Object.keys(claims).filter((name) => typeof claims[name] === 'object' && name !== 'aud');
    const name = pick(random, nested.length > 0 ? nested : ['kubernetes.io', AWS]);
    claims[name] = nest(claims[name] ?? {}, random);
  },
  'another instant': set(
    'claims',
    INSTANTS,
    DELTAS.map((delta) => NOW + delta),
  ),
  'an instant that is none': ({ claims, edits }, random) => {
    const name = pick(random, INSTANTS);
    const literal = pick(random, words(`1e400 -1e400 NaN Infinity "${NOW + 60}" 0 -5 1e17 1e-400 ${NOW}.0`));
    claims[name] = 'literal';
    edits.push({ of: 'claims', change: (text) => text.replace(`"${name}":"literal"`, `"${name}":${literal}`) });
  },
  'another issuer': ({ claims, party }, random) => {
    claims.iss = random.chance(0.5) ? other(random).iss : pick(random, ISSUERS(PARTIES[party].iss));
  },
  'another audience': ({ claims }, random) => {
    const one = pick(random, AUDIENCES);
    claims.aud = pick<unknown>(random, [one, [one], [one, pick(random, AUDIENCES)], [one, one], [], [[one]], [null]]);
  },
  'a pull request': ({ claims }, random) => {
    const events = words(
      'pull_request pull_request_target merge_request_event external_pull_request_event Pull_request push',
    );
    claims[pick(random, ['event_name', 'pipeline_source'])] = pick(random, events);
    if (random.chance(0.5)) claims.ref = 'refs/pull/1/merge';
  },
  'another session of AWS': ({ claims }, random) => {
    claims.sub = pick(random, [
      'arn:aws:sts::210987654321:assumed-role/billing/me',
      'arn:aws:iam::210987654321:user/billing',
      'arn:aws:iam::210987654321:role/team/batch-/evil',
      'arn:aws:iam::210987654321:role/team/batch-x:y',
      'arn:aws:iam::123456789012:role/billing',
      'arn:aws-cn:iam::210987654321:role/billing',
      'arn:aws:iam::210987654321:role/team/batch-',
    ]);
    if (random.chance(0.5)) claims.subject_mode = pick(random, ['OriginIdentity', 'AWSIdentity']);
  },
  'a harmless claim': set('claims', words('extra constructor __proto azp'), [...NASTY, [1, 'a'], { a: { b: [] } }]),
  'another algorithm': (draft, random) => {
    const algorithm = pick(random, SIGNING);
    const pair = PARTIES[draft.party].pairs[KEY_OF[algorithm]];
    Object.assign(draft, { algorithm, pair });
    Object.assign(draft.header, { alg: algorithm, kid: pair.jwk.kid });
  },
  'an algorithm in name alone': set('header', 'alg', [
    ...words('none None HS256 RS256 RS512 ES256 ES384 EdDSA PS256 Ed25519'),
    '',
    null,
    1,
    ['RS256'],
  ]),
  'no signature': (draft) => {
    draft.header.alg = 'none';
    draft.algorithm = 'none';
  },
  'HS256 with the public key': (draft) => {
    draft.header.alg = 'HS256';
    draft.algorithm = 'HS256';
  },
  'the key of another issuer': (draft, random) => {
    draft.pair = other(random).pairs[KEY_OF[draft.header.alg as SigningAlgorithm] ?? 'rsa'];
  },
  'another kid': set('header', 'kid', [
    ...words('rsa p256 p384 ed RSA x'),
    '',
    '../rsa',
    '../../rsa\n',
    'rsa\0',
    null,
    5,
    ['rsa'],
    'k'.repeat(257),
  ]),
  'a header parameter': set('header', words('jku jwk x5u x5c crit b64 zip enc cty x5t nonce'), [
    'https://evil.example/keys',
    ['exp'],
    true,
    {},
    'JWT',
  ]),
  'another type': set('header', 'typ', [
    ...words('JWT jwt JOSE client-authentication+jwt at+jwt logout+jwt id_token'),
    '',
    null,
    1,
  ]),
  'a header parameter less': ({ header }, random) => void delete header[pick(random, ['alg', 'kid', 'typ'])],
  'a member twice': ({ edits }, random) => {
    edits.push({ of: pick(random, PARTS), change: (text) => double(text, random) });
  },
  'another spelling of JSON': ({ edits }, random) => {
    const change = pick<(text: string) => string>(random, [
      (text) => ` ${text}\n`,
      (text) => text.replaceAll(':', ' : '),
      (text) => `\ufeff${text}`,
      (text) => `${text}x`,
      (text) => `[${text}]`,
      (text) => text.replace('}', ',}'),
      (text) => text.replaceAll('"', "'"),
      (text) => text.replace('"', '"\\u0000'),
      (text) => text.replace(/"(\w)/, (_all, sign: string) => `"\\u00${sign.charCodeAt(0).toString(16)}`),
      () => 'null',
      () => '"text"',
      () => '',
      (text) => `${text.slice(0, -1)},"deep":${'['.repeat(1500)}${']'.repeat(1500)}}`,
      (text) => `${text.slice(0, -1)},"quote":"\\"sub\\":","x":"a\\\\"}`,
    ]);
    edits.push({ of: pick(random, PARTS), change });
  },
  'bytes that are not UTF-8': (draft, random) => {
    const place = pick(random, ['claims', 'header'] as const);
    draft[place].extra = `a${NO_UTF8}b`;
  },
  'too long': (draft, random) => {
    draft.claims.filler = 'x'.repeat(pick(random, [1_000, 5_000, 5_500, 7_000]));
  },
  'other parts': (draft, random) => {
    draft.finish.push(
      pick<(jwt: string) => string>(random, [
        (jwt) => jwt.replace(/\.[^.]*$/, ''),
        (jwt) => `${jwt}.AA`,
        (jwt) => `${jwt}.AA.AA`,
        (jwt) => `.${jwt}`,
        (jwt) => jwt.replace('.', '..'),
        (jwt) => jwt.replace(/[^.]*$/, ''),
        (jwt) => ` ${jwt}`,
        (jwt) => `${jwt}\n`,
        () => 'x',
        () => 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA',
      ]),
    );
  },
  'another spelling of base64': (draft, random) => {
    const index = random.int(0, 2);
    const change = pick<(part: string) => string>(random, [
      (part) => `${part}=`,
      (part) => part.replaceAll('-', '+').replaceAll('_', '/'),
      (part) => `${part.slice(0, -1)}${String.fromCharCode(part.charCodeAt(part.length - 1) + 1)}`,
      (part) => `${part}A`,
      (part) => part.slice(0, -1),
      (part) => `${part.slice(0, 4)}%${part.slice(4)}`,
      (part) => Buffer.concat([Buffer.from(part, 'base64url'), Buffer.from([0xff])]).toString('base64url'),
    ]);
    draft.finish.push((jwt) => splice(jwt, index, change));
  },
  'a changed signature': (draft, random) => {
    const at = random.next();
    draft.finish.push((jwt) =>
      splice(jwt, 2, (part) => {
        const bytes = Buffer.from(part, 'base64url');
        const index = Math.floor(at * bytes.length);
        if (bytes.length > 0) bytes[index] = (bytes[index] ?? 0) ^ 1;
        return bytes.toString('base64url');
      }),
    );
  },
  'a signature in DER': (draft) => {
    if (draft.algorithm.startsWith('ES')) draft.algorithm = 'DER';
  },
  'claims changed after signing': (draft, random) => {
    const [, , claims] = pick(random, WORKLOADS);
    const forged = Buffer.from(JSON.stringify({ ...draft.claims, ...claims, jti: 'forged' })).toString('base64url');
    draft.finish.push((jwt) => splice(jwt, 1, () => forged));
  },
  'another profile': set('request', 'profile', [
    ...words('orders billing reports unknown federated __proto__ Orders'),
    'a"b\n',
    'constructor',
  ]),
  'another type of assertion': set('request', 'type', [
    ...Object.values(TYPES),
    'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
    undefined,
  ]),
  'a client id': set('request', 'clientId', words('orders billing x')),
  'a second identity': set('request', 'isSigned', [true]),
  'no assertion': (draft) => {
    draft.isSent = false;
  },
};
