import type { Endpoint, ProfileName } from './setting.ts';
import { AUDIENCES, REFRESH_TOKEN, SAML2_TOKEN, SCOPES, SENT, TOKEN_EXCHANGE, TOKEN_TYPES } from './setting.ts';
import { at, namesOf } from './variants.ts';

type Pair = readonly [name: string, value: string];

/** Parameters in the order in which they are sent; a name may come twice. */
export type Pairs = readonly Pair[];

/** What a request begins with, before it is changed. */
export const FORMS = {
  own: () => [['grant_type', 'client_credentials']],
  exchange: (variant) => [
    ['grant_type', TOKEN_EXCHANGE],
    ['subject_token', at(SENT.goodSubjects, variant)],
    ['subject_token_type', variant % 5 === 0 ? TOKEN_TYPES.id_token : TOKEN_TYPES.access_token],
  ],
  reference: (variant) => [['token', at([...SENT.active, ...SENT.unknown], variant)]],
} satisfies Readonly<Record<string, (variant: number) => Pairs>>;

export type FormName = keyof typeof FORMS;

/** The form that the endpoint wants, and for a token the profile. */
export function fittingForm(endpoint: Endpoint, profile: ProfileName): FormName {
  if (endpoint !== 'token') return 'reference';
  return profile === 'exchanging' || profile === 'portal' ? 'exchange' : 'own';
}

/** The usual way to write parameters down. */
export const spell = (pairs: Pairs): string =>
  new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString();

/** Changes the parameters of a form in one way or another; any whole number names a variant. */
type Change = (pairs: Pairs, variant: number, profile: string) => Pairs;
type Changes = Readonly<Record<string, Change>>;

const TYPES = Object.values(TOKEN_TYPES);
const { access_token: ACCESS_TOKEN, id_token: ID_TOKEN, user_id: USER_ID } = TOKEN_TYPES;
const ZITADEL_API = 'urn:zitadel:iam:org:project:id:zitadel:aud';
const { project: PROJECT, profile: PROFILE } = SCOPES;

const add =
  (...made: Pairs): Change =>
  (pairs, variant) => [...pairs, at(made, variant)];

/** Sets what is there already, or else adds it. */
const set =
  (name: string, ...values: readonly string[]): Change =>
  (pairs, variant) => [...pairs.filter(([known]) => known !== name), [name, at(values, variant)]];

const addActor =
  (tokens: readonly string[], types: readonly string[]): Change =>
  (pairs, variant) => [...pairs, ['actor_token', at(tokens, variant)], ['actor_token_type', at(types, variant)]];

/** Changes the name and the value of one parameter, which `variant` chooses. */
const changeOne =
  (change: (name: string, value: string) => Pairs[number]): Change =>
  (pairs, variant) =>
    pairs.map(([name, value], index) => (index === variant % pairs.length ? change(name, value) : [name, value]));

/** Adds a parameter that fills the form up to about one of the sizes, in bytes; every eighth variant takes another unit. */
const fill =
  (sizes: readonly number[], ...units: readonly string[]): Change =>
  (pairs, variant) => {
    const unit = at(units, variant >> 3);
    const used = pairs.reduce((sum, pair) => sum + spell([pair]).length + 1, 'filling='.length);
    return [...pairs, ['filling', unit.repeat(Math.max(0, Math.floor((at(sizes, variant) - used) / unit.length)))]];
  };

const UNKNOWN = new URLSearchParams('x=y&state=ü&__proto__=x&constructor=1&=x&client_secret=x&toString=');
const EMPTY = new URLSearchParams('scope=&client_id=&audience=&actor_token=&token_type_hint=');

/** Changes that leave a fitting form fit to be served. */
const FINE = {
  'scope of the profile': set('scope', PROJECT, `${PROJECT} ${PROJECT} ${PROJECT}`),
  'client id of the profile': (pairs, variant, profile) => set('client_id', profile)(pairs, variant, profile),
  'parameter that nobody knows': add(...UNKNOWN),
  'parameter without value': add(...EMPTY),
  'other order': (pairs) => [...pairs].reverse(),
  hint: set('token_type_hint', 'access_token', 'refresh_token', 'nonsense'),
  'requested type': set('requested_token_type', ...TYPES.slice(0, 3)),
  'audience of the profile': set('audience', AUDIENCES.known),
  actor: addActor(SENT.goodActors, [ACCESS_TOKEN]),
  'filled up': fill([300, 400, 500, 600, 700, 4000, 4090], 'a'),
} satisfies Changes;

/** Changes that make most forms of any kind unfit. */
const UNFIT_ANYWHERE = {
  'one missing': (pairs, variant) => pairs.filter((_, index) => index !== variant % pairs.length),
  'one twice': (pairs, variant) => (pairs.length === 0 ? pairs : [...pairs, at(pairs, variant)]),
  'one twice with another value': (pairs, variant) =>
    pairs.length === 0 ? pairs : [...pairs, [at(pairs, variant)[0], '']],
  'one empty': changeOne((name) => [name, '']),
  'name in other letters': changeOne((name, value) => [name.toUpperCase(), value]),
  'client id of another': set('client_id', 'foreign', 'ORDERS', 'orders ', '*', 'constructor'),
  'much too large': fill([102_399, 102_400, 102_401, 120_000], 'a', 'a', 'ü'),
  'very many': (pairs, variant) => [
    ...pairs,
    ...Array.from({ length: 300 }, (_, index) => [`p${index}`, variant % 2 === 0 ? '' : 'x'] as const),
  ],
} satisfies Changes;

/** Changes that make most token requests unfit. */
const UNFIT_TOKEN_REQUEST = {
  'scope outside the profile': set(
    'scope',
    ...['openid', `${PROJECT} openid`, PROFILE, PROJECT.toUpperCase(), '*', 'constructor'],
  ),
  'scope badly written': set(
    'scope',
    ...[` ${PROJECT}`, `${PROJECT} `, `${PROJECT}  ${PROJECT}`, `${PROJECT}\t${PROJECT}`, `${PROJECT},profile`, ' '],
    `${PROJECT}\0`,
  ),
  "scope of ZITADEL's own API": set('scope', ZITADEL_API, `${PROJECT} ${ZITADEL_API}`),
  'audience of another': set('audience', AUDIENCES.unknown, 'x', `${AUDIENCES.known} ${AUDIENCES.known}`),
  resource: set('resource', 'https://example.com', 'x'),
  'unknown grant': set(
    'grant_type',
    ...['password', 'CLIENT_CREDENTIALS', 'client_credentials ', 'refresh_token', 'authorization_code', 'constructor'],
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
  ),
  'the other grant': set('grant_type', 'client_credentials', TOKEN_EXCHANGE),
  'a little too large': fill([4095, 4096, 4097, 4098, 4200], 'a', 'ü', '%'),
} satisfies Changes;

/** Changes that make most exchanges unfit. */
const UNFIT_EXCHANGE = {
  'other subject type': set('subject_token_type', ...TYPES.slice(1), REFRESH_TOKEN, 'access_token', 'x'),
  'other requested type': set('requested_token_type', REFRESH_TOKEN, 'jwt', 'x', ID_TOKEN, USER_ID),
  'refused subject': set('subject_token', ...SENT.badSubjects, 'garbage', '\0', 'ü', ' '),
  'actor without type': add(['actor_token', SENT.goodActors[0] ?? '']),
  'type without actor': add(['actor_token_type', ACCESS_TOKEN]),
  'actor of no use': addActor([...SENT.powerlessActors, ...SENT.badSubjects, 'garbage'], TYPES),
  'actor of unknown type': addActor(SENT.goodActors, ['x', 'access_token', '__proto__', SAML2_TOKEN]),
} satisfies Changes;

/** Changes that make most forms unfit that send a token to be introspected or revoked. */
const UNFIT_REFERENCE = {
  'token of another application': set('token', ...SENT.unrevocable),
  'odd token': set('token', 'garbage', '\0', 'ü'.repeat(100), ' ', '\u2028', '__proto__', '{"a":1}', 'a&b=c%00'),
} satisfies Changes;

/** All changes: those that leave a fitting form fit to be served, and those that do not. */
export const CHANGES = { ...FINE, ...UNFIT_ANYWHERE, ...UNFIT_TOKEN_REQUEST, ...UNFIT_EXCHANGE, ...UNFIT_REFERENCE };

type ChangeName = keyof typeof CHANGES;

const FINE_FOR_TOKENS: readonly ChangeName[] = [
  'scope of the profile',
  'client id of the profile',
  'parameter that nobody knows',
  'parameter without value',
  'other order',
  'filled up',
];
const FINE_FOR_REFERENCES: readonly ChangeName[] = [
  'hint',
  ...FINE_FOR_TOKENS.filter((name) => name !== 'scope of the profile' && name !== 'parameter without value'),
];

/** The changes that leave a form of the kind fit to be served. */
export function fineFor(form: FormName, profile: ProfileName): readonly ChangeName[] {
  if (form === 'reference') return FINE_FOR_REFERENCES;
  return form === 'exchange' && profile === 'portal' ? namesOf(FINE) : FINE_FOR_TOKENS;
}

const UNFIT_FOR_TOKENS = [...namesOf(UNFIT_ANYWHERE), ...namesOf(UNFIT_TOKEN_REQUEST)];

/** What few exchanges would meet otherwise. */
const OFTEN: readonly ChangeName[] = ['audience of another', 'refused subject', 'actor of no use', 'actor of no use'];

/** The changes that mean something in a form of the kind; some twice, so that they are chosen more often. */
export const UNFIT_FOR: Readonly<Record<FormName, readonly ChangeName[]>> = {
  own: UNFIT_FOR_TOKENS,
  exchange: [...UNFIT_FOR_TOKENS, ...namesOf(UNFIT_EXCHANGE), ...OFTEN, ...OFTEN],
  reference: [...namesOf(UNFIT_ANYWHERE), ...namesOf(UNFIT_REFERENCE).flatMap((name) => [name, name])],
};
