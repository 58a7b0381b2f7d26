import type { Promised } from './histories.ts';

/** A fault of the broker's own, made on purpose: a text that stands once in a file of `lib`, and what takes its place. */
export interface Mutant {
  readonly name: string;
  /** The promise of the histories that it breaks; absent: the second verifier decides otherwise. */
  readonly breaks?: Promised;
  readonly changes: readonly Change[];
}

type Change = readonly [file: string, from: string, to: string];

const JUDGE = 'broker/federation/judge.ts';
const JWS = 'broker/federation/jws.ts';
const KEYS = 'broker/federation/issuer-keys.ts';
const POLICY = 'broker/federation/policy.ts';
const VERIFY = 'broker/federation/verify.ts';
const DOOR = 'http/federated-door.ts';

/** Of what a single assertion shows. */
const OF_ASSERTIONS: Readonly<Record<string, readonly Change[]>> = {
  'believes every signature': [[VERIFY, '    return false;', '    return true;']],
  'takes every algorithm for which the issuer has a key': [
    [VERIFY, '!issuer.algorithms.some((algorithm) => algorithm === header.alg)', 'false'],
    [VERIFY, 'algorithms: [...algorithms]', 'algorithms: [...algorithms, header(jwt)]'],
    [
      VERIFY,
      'type KeySet =',
      "const header = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()).alg;\ntype KeySet =",
    ],
  ],
  'reads one of two members': [[JWS, 'hasDuplicates(json, value) ? undefined : value', 'value']],
  'takes other spellings of base64': [[JWS, "Buffer.from(part, 'base64url').toString('base64url') === part", 'true']],
  'takes bytes that are not UTF-8': [[JWS, 'if (!Buffer.from(json).equals(bytes)) return undefined;', '']],
  'takes assertions of any length': [[JWS, 'compact.length > LONGEST_ASSERTION', 'false']],
  'ignores header parameters that it does not follow': [[JWS, 'REFUSED.some((name) => name in header)', 'false']],
  'takes access tokens': [[JWS, '!TYPES.includes(typ)', 'false']],
  'takes the first of several audiences': [[JUDGE, 'aud.length === 1', 'aud.length > 0']],
  'takes audiences that begin with its own': [
    [JUDGE, 'audiences.includes(only)', 'audiences.some((one) => only.startsWith(one))'],
  ],
  'takes what has expired': [[JUDGE, 'exp * SECOND_MS <= now', 'exp * SECOND_MS < now']],
  'takes what lives for years': [
    [JUDGE, 'exp * SECOND_MS > now + longestMs + AHEAD_MS', 'false'],
    [JUDGE, '(exp - iat) * SECOND_MS > longestMs', 'false'],
  ],
  'takes instants that are texts': [
    [JUDGE, "typeof value === 'number' && Number.isFinite(value)", 'Number(value) > 0'],
  ],
  'takes what is not valid yet': [[JUDGE, 'nbf * SECOND_MS > now + AHEAD_MS', 'false']],
  'needs no iat': [[JUDGE, "iat === undefined && kind === 'spiffe' && maxAgeMs === undefined", 'iat === undefined']],
  'forgets the age': [[JUDGE, 'now - iat * SECOND_MS > (maxAgeMs ?? longestMs)', 'false']],
  'takes any sub': [[JUDGE, '!SUBJECT.test(sub)', 'false']],
  'takes the iss of a SPIFFE token as it is': [[JUDGE, '(issuer.iss ?? iss) === iss', 'true']],
  'takes pull requests': [[JUDGE, 'FOREIGN_EVENT.test(event)', 'false']],
  'takes what does not say what started it': [[JUDGE, "typeof event !== 'string' || ", '']],
  'takes other subjects of AWS': [[JUDGE, "mode === 'AWSIdentity' && asked", "mode !== '' && asked"]],
  'lets a prefix lead into another namespace': [
    [POLICY, '/^[\\x21-\\x2e\\x30-\\x39\\x3b-\\x7e]*$/.test(said.slice(value.length))', 'true'],
  ],
  'is content with one of the claims': [[POLICY, 'rules.every((rule)', 'rules.some((rule)']],
  'takes claims that begin as they should': [[POLICY, 'said === value', 'said.startsWith(value)']],
  'lets every workload use every profile': [
    [POLICY, 'profile.federated?.some((caller) => matches(caller, principal))', 'true'],
  ],
  'tells an unknown profile from one of others': [
    [
      POLICY,
      "return fail({ kind: 'not_allowed', detail: 'no such profile' })",
      "return fail({ kind: 'invalid_request', detail: 'no such profile' })",
    ],
  ],
  'takes two identities': [[DOOR, 'if (isSigned(event))', 'if (false)']],
  'takes a SPIFFE token for any assertion': [
    [VERIFY, "if (issuer === undefined || (issuer.kind === 'spiffe') !== isSpiffe)", 'if (issuer === undefined)'],
    [
      VERIFY,
      'isSpiffe ? trustDomainOf(claims.sub) : String(claims.iss)',
      'trustDomainOf(claims.sub) || String(claims.iss)',
    ],
  ],
  'repeats the name of the profile': [[DOOR, 'isProfileName(profile) ? [base', 'profile ? [base']],
  'throws at what it cannot parse': [
    [VERIFY, 'if (!parsed.ok) return refused(parsed.error);', 'if (!parsed.ok) throw new Error();'],
  ],
};

/** Of what an issuer does over time, by the promise that each breaks. */
const OF_HISTORIES: Readonly<Record<Promised, Readonly<Record<string, readonly Change[]>>>> = {
  'no foreign assertion gets a token': {
    'remembers every key that an issuer has ever had': [
      [
        KEYS,
        'known.set(issuer.name, { keys, readAt',
        'known.set(issuer.name, { keys: [...(known.get(issuer.name)?.keys ?? []), ...keys], readAt',
      ],
    ],
  },
  'no request leaves for another origin': {
    'reads keys wherever the metadata says': [
      [KEYS, 'new URL(uri).origin === new URL(issuer).origin', 'uri.length > 0'],
    ],
  },
  'an assertion is not refused because its issuer is away': {
    'takes an issuer that is away for one without keys': [
      [KEYS, 'fault === undefined || has(KEPT_AWAY_MS) ?', 'fault !== null ?'],
    ],
    'forgets the keys when an issuer goes': [
      [
        KEYS,
        'if (!document.ok) return document.error;',
        'if (!document.ok) {\n      known.delete(issuer.name);\n      return undefined;\n    }',
      ],
    ],
  },
  'a rotated key is accepted within 30 s of its first use': {
    'reads new keys too seldom': [[KEYS, 'REREAD_MS = 30 * SECOND_MS', 'REREAD_MS = 90 * SECOND_MS']],
    'takes what it knows for all there is': [[KEYS, ' && held.keys.some((key) => key.kid === kid)', '']],
  },
  'an issuer is read at most once in 30 s': {
    'reads for every key id': [[KEYS, 'sinceMs >= REREAD_MS ||', 'true ||']],
    'reads twice at once': [
      [KEYS, 'if (running !== undefined) return running;', ''],
      [KEYS, ' || reading.has(name)', ' || kid !== undefined'],
    ],
  },
  'an issuer that is back is used within 30 s': {
    'believes for long that an issuer is away': [
      [
        KEYS,
        'const mayRead = sinceMs >= REREAD_MS',
        'const mayRead = sinceMs >= (faults.get(name) === undefined ? 1 : 10) * REREAD_MS',
      ],
    ],
  },
  'keys are used for a day at most': {
    'keeps keys for good': [[KEYS, 'KEPT_AWAY_MS = DAY_MS', 'KEPT_AWAY_MS = 1000 * DAY_MS']],
  },
};

export const MUTANTS: readonly Mutant[] = [
  ...Object.entries(OF_ASSERTIONS).map(([name, changes]) => ({ name, changes })),
  ...Object.entries(OF_HISTORIES).flatMap(([breaks, mutants]) =>
    Object.entries(mutants).map(([name, changes]) => ({ name, breaks: breaks as Promised, changes })),
  ),
];

/** What the first assertions or histories of the seed `mutant` do not find: by the mutant's name, the one that finds it. */
export const FOUND_AT: Readonly<Record<string, number>> = {
  'takes instants that are texts': 710,
  'needs no iat': 2886,
  'takes any sub': 665,
  'takes the iss of a SPIFFE token as it is': 2051,
  'takes pull requests': 969,
  'takes what does not say what started it': 774,
  'lets a prefix lead into another namespace': 1690,
  'repeats the name of the profile': 2404,
  'remembers every key that an issuer has ever had': 172,
};
