import type { Meaning } from './kinds/kind.ts';
import type { Place } from './places.ts';

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

const NEW: Cell = { status: 200, token: 'new' };
const PLAIN: Cell = { status: 200 };
const down: Cell = { status: 503, error: 'temporarily_unavailable', kind: 'unavailable' };
const bad = (kind: string): Cell => ({ status: 502, error: 'server_error', kind });
const callers = (kind: string): Cell => ({ status: 400, error: kind, kind });
const nonsense = bad('unexpected_answer');
const refused = bad('credential_refused');
const unusable = bad('credential_unusable');

type Row = Readonly<Partial<Record<Meaning, Cell>>>;

/** If the profile itself asks, only an operator can correct what ZITADEL refuses. */
const OWN: Row = {
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
const BEHALF: Row = {
  ...OWN,
  grant_refused: callers('invalid_grant'),
  request_refused: callers('invalid_request'),
  subject_refused: callers('invalid_grant'),
  scope_refused: callers('invalid_scope'),
  // The caller names no audience, so it follows from the scopes.
  target_refused: callers('invalid_scope'),
  type_refused: callers('invalid_request'),
  impersonation_refused: { status: 403, error: 'unauthorized_client', kind: 'impersonation_refused' },
};

const INTROSPECTION: Row = { answer: PLAIN, down, nonsense, refused };
const REVOCATION: Row = { ...INTROSPECTION, foreign_token: callers('unsupported_token_type') };
const SECRET: Row = { answer: NEW, down, unusable };
/** Without the table, the sandbox obtains a token itself. */
const TABLE: Row = { answer: NEW, down: NEW, refused: NEW };

function rowOf({ name, dependency, scope, ask }: Place): Row {
  if (dependency === 'secrets-manager') return ask.endpoint === 'token' ? SECRET : { ...SECRET, answer: PLAIN };
  if (scope === 'introspection') return INTROSPECTION;
  if (scope === 'revocation') return REVOCATION;
  if (scope === 'token') return ask.profile === 'behalf' ? BEHALF : OWN;
  if (ask.endpoint === 'revoke') return { answer: PLAIN, down, refused: down };
  // Refused, and yet the row is free: another sandbox seems to be at work.
  return name.includes('takes the lease, not made') ? { ...TABLE, refused: { ...down, isWaitedFor: true } } : TABLE;
}

/** With a token that is still good, the caller gets 200. */
function knownCell({ dependency }: Place, meaning: Meaning, cell: Cell): Cell {
  if (cell.status === 200) return cell;
  // The last known secret serves.
  if (dependency === 'secrets-manager' && meaning === 'down') return NEW;
  const { error: _error, ...others } = cell;
  return { ...others, status: 200, token: 'known' };
}

/** The cell of the table of errors for an answer of a meaning at a place. */
export function cellOf(place: Place, meaning: Meaning | undefined, isKnown: boolean): Cell {
  const cell = meaning === undefined ? undefined : rowOf(place)[meaning];
  if (meaning === undefined || cell === undefined) throw new Error(`there is no cell for ${meaning} at ${place.name}`);
  return isKnown ? knownCell(place, meaning, cell) : cell;
}
