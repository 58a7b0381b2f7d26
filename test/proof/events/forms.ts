import { AUDIENCES, SCOPES } from './profiles.ts';
import { at } from './variants.ts';
import { SENT } from './zitadel.ts';

/** Parameters in the order in which they are sent; a name may come twice. */
export type Pairs = readonly (readonly [name: string, value: string])[];

/** Changes parameters in one way or another; any whole number names a variant. */
export type Change = (pairs: Pairs, variant: number, profile: string) => Pairs;

const IETF = 'urn:ietf:params:oauth:token-type:';
const TYPES = [`${IETF}access_token`, `${IETF}id_token`, `${IETF}jwt`, 'urn:zitadel:params:oauth:token-type:user_id'];

/** What a request begins with, before it is changed. */
export const FORMS = {
  own: () => [['grant_type', 'client_credentials']],
  exchange: (variant) => [
    ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ['subject_token', at(SENT.goodSubjects, variant)],
    ['subject_token_type', at(TYPES.slice(0, 2), variant % 5 === 0 ? 1 : 0)],
  ],
  reference: (variant) => [['token', at([...SENT.active, ...SENT.unknown], variant)]],
} as const satisfies Readonly<Record<string, (variant: number) => Pairs>>;

export type FormName = keyof typeof FORMS;

const add =
  (...made: readonly (readonly [name: string, value: string])[]): Change =>
  (pairs, variant) => [...pairs, at(made, variant)];

/** Sets what is there already, or else adds it. */
const set = (pairs: Pairs, name: string, value: string): Pairs => [
  ...pairs.filter(([known]) => known !== name),
  [name, value],
];

const setTo =
  (name: string, ...values: readonly string[]): Change =>
  (pairs, variant) =>
    set(pairs, name, at(values, variant));

const fill = (pairs: Pairs, size: number, unit: string): Pairs => {
  const used = pairs.reduce(
    (sum, [name, value]) => sum + new URLSearchParams([[name, value]]).toString().length + 1,
    0,
  );
  return [...pairs, ['filling', unit.repeat(Math.max(0, Math.floor((size - used - 'filling='.length) / unit.length)))]];
};

/** Changes that leave a fitting form fit to be served. */
export const FINE = {
  'scope of the profile': setTo('scope', SCOPES.project, [SCOPES.project, SCOPES.project, SCOPES.project].join(' ')),
  'client id of the profile': (pairs, _, profile) => set(pairs, 'client_id', profile),
  'parameter that nobody knows': add(
    ['x', 'y'],
    ['state', 'ü'],
    ['__proto__', 'x'],
    ['constructor', '1'],
    ['', 'x'],
    ['client_secret', 'x'],
    ['toString', ''],
  ),
  'parameter without value': add(
    ['scope', ''],
    ['client_id', ''],
    ['audience', ''],
    ['actor_token', ''],
    ['token_type_hint', ''],
  ),
  'other order': (pairs) => [...pairs].reverse(),
  hint: setTo('token_type_hint', 'access_token', 'refresh_token', 'nonsense'),
  'requested type': setTo('requested_token_type', ...TYPES.slice(0, 3)),
  'audience of the profile': setTo('audience', AUDIENCES.known),
  actor: (pairs, variant) => [
    ...pairs,
    ['actor_token', at(SENT.goodActors, variant)],
    ['actor_token_type', TYPES[0] ?? ''],
  ],
  'filled up': (pairs, variant) => fill(pairs, at([300, 400, 500, 600, 700, 4000, 4090], variant), 'a'),
} as const satisfies Readonly<Record<string, Change>>;

/** Changes that make most forms unfit. */
export const UNFIT = {
  'one missing': (pairs, variant) => pairs.filter((_, index) => index !== variant % Math.max(1, pairs.length)),
  'one twice': (pairs, variant) => (pairs.length === 0 ? pairs : [...pairs, at(pairs, variant)]),
  'one twice with another value': (pairs, variant) =>
    pairs.length === 0 ? pairs : [...pairs, [at(pairs, variant)[0], '']],
  'one empty': (pairs, variant) =>
    pairs.map(([name, value], index) => [name, index === variant % pairs.length ? '' : value]),
  'name in other letters': (pairs, variant) =>
    pairs.map(([name, value], index) => [index === variant % pairs.length ? name.toUpperCase() : name, value]),
  'client id of another': setTo('client_id', 'foreign', 'ORDERS', 'orders ', '*', 'constructor'),
  'scope outside the profile': setTo(
    'scope',
    'openid',
    `${SCOPES.project} openid`,
    SCOPES.profile,
    SCOPES.project.toUpperCase(),
    '*',
    'constructor',
  ),
  'scope badly written': setTo(
    'scope',
    ` ${SCOPES.project}`,
    `${SCOPES.project} `,
    `${SCOPES.project}  ${SCOPES.project}`,
    `${SCOPES.project}\t${SCOPES.project}`,
    `${SCOPES.project},profile`,
    ' ',
    `${SCOPES.project}\0`,
  ),
  "scope of ZITADEL's own API": setTo(
    'scope',
    'urn:zitadel:iam:org:project:id:zitadel:aud',
    `${SCOPES.project} urn:zitadel:iam:org:project:id:zitadel:aud`,
  ),
  'audience of another': setTo('audience', AUDIENCES.unknown, 'x', `${AUDIENCES.known} ${AUDIENCES.known}`),
  resource: setTo('resource', 'https://example.com', 'x'),
  'unknown grant': setTo(
    'grant_type',
    'password',
    'CLIENT_CREDENTIALS',
    'client_credentials ',
    'refresh_token',
    'authorization_code',
    'constructor',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
  ),
  'the other grant': setTo('grant_type', 'client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'),
  'other subject type': setTo('subject_token_type', ...TYPES.slice(1), `${IETF}refresh_token`, 'access_token', 'x'),
  'other requested type': setTo(
    'requested_token_type',
    `${IETF}refresh_token`,
    'jwt',
    'x',
    `${IETF}id_token`,
    TYPES[3] ?? '',
  ),
  'refused subject': setTo('subject_token', ...SENT.badSubjects, 'garbage', '\0', 'ü', ' '),
  'actor without type': add(['actor_token', SENT.goodActors[0] ?? '']),
  'type without actor': add(['actor_token_type', TYPES[0] ?? '']),
  'actor of no use': (pairs, variant) => [
    ...pairs,
    ['actor_token', at([...SENT.powerlessActors, ...SENT.badSubjects, 'garbage'], variant)],
    ['actor_token_type', at(TYPES, variant)],
  ],
  'actor of unknown type': (pairs, variant) => [
    ...pairs,
    ['actor_token', at(SENT.goodActors, variant)],
    ['actor_token_type', at(['x', 'access_token', '__proto__', `${IETF}saml2`], variant)],
  ],
  'token of another application': setTo('token', ...SENT.unrevocable),
  'odd token': setTo('token', 'garbage', '\0', 'ü'.repeat(100), ' ', '\u2028', '__proto__', '{"a":1}', 'a&b=c%00'),
  'a little too large': (pairs, variant) =>
    fill(pairs, at([4095, 4096, 4097, 4098, 4200], variant), at(['a', 'ü', '%'], variant >> 3)),
  'much too large': (pairs, variant) =>
    fill(pairs, at([49_151, 49_152, 49_153, 60_000], variant), at(['a', 'a', 'ü'], variant >> 3)),
  'very many': (pairs, variant) => [
    ...pairs,
    ...Array.from({ length: 300 }, (_, index): [string, string] => [`p${index}`, variant % 2 === 0 ? '' : 'x']),
  ],
} as const satisfies Readonly<Record<string, Change>>;

export type FineName = keyof typeof FINE;
export type UnfitName = keyof typeof UNFIT;
