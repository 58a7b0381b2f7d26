import type { Meaning, Scope } from './kinds/kind.ts';
import type { Sent } from './play.ts';

export const DEPENDENCIES = ['zitadel', 'secrets-manager', 'dynamodb'] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/** A request of a caller. */
export interface Ask {
  readonly profile: string;
  readonly endpoint: 'token' | 'introspect' | 'revoke';
  readonly form: string;
}

/** What a caller must get, and what the log must say of it. */
export interface Cell {
  readonly status: number;
  /** The OAuth error code; absent with 200. */
  readonly error?: string;
  /** The kind of the failure in the log; with 200, of the renewal that failed. */
  readonly kind?: string;
  /** Of a token: one that is handed out for the first time, or the one that was known before. */
  readonly token?: 'new' | 'known';
  /** The row says that another sandbox is at work: the broker waits for it. */
  readonly isWaitedFor?: true;
}

/** The cells of the table of errors for one place. */
type Cells = Readonly<Partial<Record<Meaning, Cell>>>;

/** Where the broker meets a hostile answer: one of the requests that it sends for one request of a caller. */
export interface Place {
  readonly name: string;
  readonly dependency: Dependency;
  readonly scope: Scope;
  readonly ask: Ask;
  /** Which requests get the hostile answer; the others get the proper one. */
  readonly isMark: (sent: Sent) => boolean;
  readonly cells: Cells;
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
const withToken = (profile: string, endpoint: Ask['endpoint']): Ask => {
  return { profile, endpoint, form: `token=${CALLERS_TOKEN}` };
};
const OWN = token('orders');
const ON_BEHALF = token('exchanging', EXCHANGE);
const INTROSPECT = withToken('introspecting-with-secret', 'introspect');
const INTROSPECT_WITH_KEY = withToken('introspecting', 'introspect');
const REVOKE = withToken('revocable', 'revoke');

const isTo = (path: string) => (sent: Sent) => sent.head.startsWith(`POST ${path} `);
const isToken = isTo('/oauth/v2/token');
const isIntrospection = isTo('/oauth/v2/introspect');
const isExchange = (sent: Sent) => isToken(sent) && sent.body.includes('subject_token=');
const isGet = ({ head }: Sent) => head.includes('.GetItem\r\n');
const isUpdate = (what: string) => (sent: Sent) => sent.head.includes('.UpdateItem\r\n') && sent.body.includes(what);
const isLease = isUpdate('SET #owner');
const isPublication = isUpdate('SET #sealed');
const isNotice = isUpdate('ADD #notices');
const isSecret = (name: string) => (sent: Sent) => sent.body.includes(`"${name}"`);

const NEW: Cell = { status: 200, token: 'new' };
const PLAIN: Cell = { status: 200 };
const down: Cell = { status: 503, error: 'temporarily_unavailable', kind: 'unavailable' };
const bad = (kind: string): Cell => ({ status: 502, error: 'server_error', kind });
const callers = (kind: string): Cell => ({ status: 400, error: kind, kind });
const nonsense = bad('unexpected_answer');
const refused = bad('credential_refused');

/** If the profile itself asks, only an operator can correct what ZITADEL refuses. */
const OWN_CELLS: Cells = {
  answer: NEW,
  down,
  nonsense,
  refused,
  grant_refused: refused,
  request_refused: nonsense,
  subject_refused: refused,
  scope_refused: refused,
  target_refused: refused,
  type_refused: refused,
  impersonation_refused: refused,
};

/** If a caller's token is exchanged, the caller must correct what is wrong with it. */
const BEHALF_CELLS: Cells = {
  ...OWN_CELLS,
  grant_refused: callers('invalid_grant'),
  request_refused: callers('invalid_request'),
  subject_refused: callers('invalid_grant'),
  scope_refused: callers('invalid_scope'),
  // The caller names no audience, so it follows from the scopes.
  target_refused: callers('invalid_scope'),
  type_refused: callers('invalid_request'),
  impersonation_refused: { status: 403, error: 'unauthorized_client', kind: 'impersonation_refused' },
};

const INTROSPECTION: Cells = { answer: PLAIN, down, nonsense, refused };
const REVOCATION: Cells = { ...INTROSPECTION, foreign_token: callers('unsupported_token_type') };
const SECRET: Cells = { answer: NEW, down, unusable: bad('credential_unusable') };
/** Without the table, the sandbox obtains a token itself. */
const TABLE: Cells = { answer: NEW, down: NEW, refused: NEW };
/** Refused, and yet the row is free: another sandbox seems to be at work. */
const FREE_ROW: Cells = { ...TABLE, refused: { ...down, isWaitedFor: true } };
const NOTICE: Cells = { answer: PLAIN, down, refused: down };

type Row = readonly [
  name: string,
  scope: Scope,
  ask: Ask,
  isMark: Place['isMark'],
  cells: Cells,
  every: Place['every'],
  more?: Pick<Place, 'isTableAway' | 'before' | 'isWritten' | 'isHome'>,
];

const ROWS: readonly Row[] = [
  ['client credentials', 'token', OWN, isToken, OWN_CELLS, [1, 2], { isHome: true }],
  ['client credentials without a table', 'token', OWN, isToken, OWN_CELLS, [16, 8], { isTableAway: true }],
  ['JWT bearer', 'token', token('reports'), isToken, OWN_CELLS, [4, 12]],
  ['client credentials with a key', 'token', token('asserted'), isToken, OWN_CELLS, [6, 12]],
  ['token exchange', 'token', token('billing'), isExchange, OWN_CELLS, [4, 12], { before: OWN }],
  ['token exchange for a caller', 'token', ON_BEHALF, isExchange, BEHALF_CELLS, [2], { isHome: true }],
  ['introspection', 'introspection', INTROSPECT, isIntrospection, INTROSPECTION, [2], { isHome: true }],
  ['introspection with a key', 'introspection', INTROSPECT_WITH_KEY, isIntrospection, INTROSPECTION, [6]],
  ['revocation', 'revocation', REVOKE, isTo('/oauth/v2/revoke'), REVOCATION, [2], { isHome: true }],
  ['GetSecretValue', 'secret', OWN, isSecret('orders'), SECRET, [1, 3], { isHome: true }],
  ['GetSecretValue for introspection', 'secret', INTROSPECT, isSecret('shipping'), { ...SECRET, answer: PLAIN }, [6]],
  ['GetItem', 'item', OWN, isGet, TABLE, [2, 4], { isHome: true }],
  ['UpdateItem that takes the lease, not made', 'update', OWN, isLease, FREE_ROW, [16, 48], { isWritten: false }],
  ['UpdateItem that takes the lease, made', 'update', OWN, isLease, TABLE, [3, 8], { isWritten: true, isHome: true }],
  ['UpdateItem that publishes, not made', 'update', OWN, isPublication, TABLE, [6, 12], { isWritten: false }],
  ['UpdateItem that publishes, made', 'update', OWN, isPublication, TABLE, [8, 16], { isWritten: true }],
  [
    'UpdateItem that remembers a revocation',
    'update',
    REVOKE,
    isNotice,
    NOTICE,
    [4],
    { isWritten: false, isHome: true },
  ],
];

/** Who is asked, and the longest that the broker takes over it. */
function askedAt(scope: Scope): Pick<Place, 'dependency' | 'limitMs'> {
  // One read of a secret, and one more if it proved wrong.
  if (scope === 'secret') return { dependency: 'secrets-manager', limitMs: 4_600 };
  // A few calls, 300 ms each; one that is throttled is repeated for 1 s.
  if (scope === 'item' || scope === 'update') return { dependency: 'dynamodb', limitMs: 2_000 };
  // One request; a refused key is tried again after 0.5 s.
  return { dependency: 'zitadel', limitMs: 3_600 };
}

/** All places. */
export const PLACES: readonly Place[] = ROWS.map(([name, scope, ask, isMark, cells, every, more]) => {
  return { name, scope, ask, isMark, cells, every, ...askedAt(scope), ...more };
});

/** The cell of the table of errors for an answer of a meaning at a place. */
export function cellOf({ name, dependency, cells }: Place, meaning: Meaning | undefined, isKnown: boolean): Cell {
  const cell = meaning === undefined ? undefined : cells[meaning];
  if (cell === undefined) throw new Error(`there is no cell for ${meaning} at ${name}`);
  if (!isKnown || cell.status === 200) return cell;
  // The last known secret serves; otherwise, the token that is still good.
  if (dependency === 'secrets-manager' && meaning === 'down') return NEW;
  const { error: _error, ...others } = cell;
  return { ...others, status: 200, token: 'known' };
}
