import type { Scope } from './kinds/kind.ts';
import type { Sent } from './play.ts';

export const DEPENDENCIES = ['zitadel', 'secrets-manager', 'dynamodb'] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/** A request of a caller. */
export interface Ask {
  readonly profile: string;
  readonly endpoint: 'token' | 'introspect' | 'revoke';
  readonly form: string;
}

/** Where the broker meets a hostile answer: one of the requests that it sends for one request of a caller. */
export interface Place {
  readonly name: string;
  readonly dependency: Dependency;
  readonly scope: Scope;
  readonly ask: Ask;
  /** Which requests get the hostile answer; the others get the proper one. */
  readonly isMark: (sent: Sent) => boolean;
  /**
   * Of how many kinds one is played: without a known token, and with one. The second is absent where a token that was
   * obtained before cannot help.
   */
  readonly every: readonly [none: number, known?: number];
  /** Milliseconds of the clock's time within which the caller gets an answer. */
  readonly limitMs: number;
  /** The table is down meanwhile: what is known is known in memory alone. */
  readonly isTableAway?: true;
  /** Asked before, while all services work: what the place needs in memory. */
  readonly before?: Ask;
  /** Whether a write is made although its answer is hostile; absent where nothing is written. */
  readonly isWritten?: boolean;
  /** Every special kind is played here, not only a share. */
  readonly isHome?: true;
}

/** The token that callers send to have it exchanged, introspected or revoked. */
export const CALLERS_TOKEN = 'Kb5-callers-own-token-xWqZrTyPsDfGhJk';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const EXCHANGE = `grant_type=${TOKEN_EXCHANGE}&subject_token=${CALLERS_TOKEN}&subject_token_type=${ACCESS_TOKEN}`;

const token = (profile: string, form = 'grant_type=client_credentials'): Ask => ({ profile, endpoint: 'token', form });
const withToken = (profile: string, endpoint: Ask['endpoint']): Ask => ({
  profile,
  endpoint,
  form: `token=${CALLERS_TOKEN}`,
});
const OWN = token('own');
const INTROSPECT = withToken('introspecting2', 'introspect');
const REVOKE = withToken('revoking', 'revoke');

const isTo = (path: string) => (sent: Sent) => sent.head.startsWith(`POST ${path} `);
const isToken = isTo('/oauth/v2/token');
const isIntrospection = isTo('/oauth/v2/introspect');
const isExchange = (sent: Sent) => isToken(sent) && sent.body.includes('subject_token=');
const isGet = ({ head }: Sent) => head.includes('.GetItem\r\n');
const isUpdate = (what: string) => (sent: Sent) => sent.head.includes('.UpdateItem\r\n') && sent.body.includes(what);
const isLease = isUpdate('SET #owner');
const isPublication = isUpdate('SET #sealed');
const isSecret = (name: string) => (sent: Sent) => sent.body.includes(`"${name}"`);

/** The longest that the broker takes over each dependency. */
const LIMITS_MS: Readonly<Record<Dependency, number>> = {
  /** One request; a refused key is tried again after 0.5 s. */
  zitadel: 3_600,
  /** One read of a secret, and one more if it proved wrong. */
  'secrets-manager': 4_600,
  /** A few calls, 300 ms each; one that is throttled is repeated for 1 s. */
  dynamodb: 2_000,
};

type Row = readonly [
  name: string,
  scope: Scope,
  ask: Ask,
  isMark: Place['isMark'],
  every: Place['every'],
  more?: Pick<Place, 'isTableAway' | 'before' | 'isWritten' | 'isHome'>,
];

const ZITADEL: readonly Row[] = [
  ['client credentials', 'token', OWN, isToken, [1, 2], { isHome: true }],
  ['client credentials without a table', 'token', OWN, isToken, [16, 8], { isTableAway: true }],
  ['JWT bearer', 'token', token('keyed'), isToken, [4, 12]],
  ['client credentials with a key', 'token', token('asserted'), isToken, [6, 12]],
  ['token exchange', 'token', token('exchanged'), isExchange, [4, 12], { before: OWN }],
  ['token exchange for a caller', 'token', token('behalf', EXCHANGE), isExchange, [2], { isHome: true }],
  ['introspection', 'introspection', INTROSPECT, isIntrospection, [2], { isHome: true }],
  ['introspection with a key', 'introspection', withToken('introspecting', 'introspect'), isIntrospection, [6]],
  ['revocation', 'revocation', REVOKE, isTo('/oauth/v2/revoke'), [2], { isHome: true }],
];
const SECRETS: readonly Row[] = [
  ['GetSecretValue', 'secret', OWN, isSecret('account'), [1, 3], { isHome: true }],
  ['GetSecretValue for introspection', 'secret', INTROSPECT, isSecret('application'), [6]],
];
const TABLE: readonly Row[] = [
  ['GetItem', 'item', OWN, isGet, [2, 4], { isHome: true }],
  ['UpdateItem that takes the lease, not made', 'update', OWN, isLease, [16, 48], { isWritten: false }],
  ['UpdateItem that takes the lease, made', 'update', OWN, isLease, [3, 8], { isWritten: true, isHome: true }],
  ['UpdateItem that publishes, not made', 'update', OWN, isPublication, [6, 12], { isWritten: false }],
  ['UpdateItem that publishes, made', 'update', OWN, isPublication, [8, 16], { isWritten: true }],
  [
    'UpdateItem that remembers a revocation',
    'update',
    REVOKE,
    isUpdate('ADD #notices'),
    [4],
    { isWritten: false, isHome: true },
  ],
];

const at = (dependency: Dependency, rows: readonly Row[]): readonly Place[] =>
  rows.map(([name, scope, ask, isMark, every, more]) => {
    return { name, dependency, scope, ask, isMark, every, limitMs: LIMITS_MS[dependency], ...more };
  });

/** All places. */
export const PLACES: readonly Place[] = [
  ...at('zitadel', ZITADEL),
  ...at('secrets-manager', SECRETS),
  ...at('dynamodb', TABLE),
];
