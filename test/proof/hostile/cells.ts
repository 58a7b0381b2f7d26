import type { Meaning } from './kinds/kind.ts';
import type { Place } from './place.ts';

/** What a caller must get, and what the log must say of it. */
export interface Cell {
  readonly status: number;
  /** The OAuth error code; absent with 200. */
  readonly error?: string;
  /** The kind of the failure in the log; with 200, of the renewal that failed. */
  readonly kind?: string;
  /** Of a token: one that is handed out for the first time, or the one that was known before. */
  readonly token?: 'new' | 'known';
  /** The row says that another sandbox is at work: that is waited for. */
  readonly isWaitedFor?: true;
}

const NEW: Cell = { status: 200, token: 'new' };
const PLAIN: Cell = { status: 200 };
const unavailable: Cell = { status: 503, error: 'temporarily_unavailable', kind: 'unavailable' };
const BUSY: Cell = { ...unavailable, isWaitedFor: true };
const unexpected: Cell = { status: 502, error: 'server_error', kind: 'unexpected_answer' };
const refused: Cell = { status: 502, error: 'server_error', kind: 'credential_refused' };
const unusable: Cell = { status: 502, error: 'server_error', kind: 'credential_unusable' };
const callers = (kind: string): Cell => ({ status: 400, error: kind, kind });

type Row = Readonly<Partial<Record<Meaning, Cell>>>;

/** Where the profile itself asks, whatever ZITADEL refuses is an operator's to mend. */
const OWN: Row = {
  answer: NEW,
  down: unavailable,
  nonsense: unexpected,
  refused,
  subject_refused: refused,
  scope_refused: refused,
  target_refused: refused,
  type_refused: refused,
  impersonation_refused: refused,
};

/** Where a caller's token is exchanged, what is wrong with it is the caller's to mend. */
const BEHALF: Row = {
  ...OWN,
  subject_refused: callers('invalid_grant'),
  scope_refused: callers('invalid_scope'),
  target_refused: callers('invalid_target'),
  type_refused: callers('invalid_request'),
  impersonation_refused: { status: 403, error: 'unauthorized_client', kind: 'impersonation_refused' },
};

const INTROSPECTION: Row = { answer: PLAIN, down: unavailable, nonsense: unexpected, refused };
const REVOCATION: Row = { ...INTROSPECTION, foreign_token: callers('unsupported_token_type') };
const SECRET: Row = { answer: NEW, down: unavailable, unusable };
/** Without the table, the sandbox obtains a token itself. */
const TABLE: Row = { answer: NEW, down: NEW, refused: NEW };

function rowOf({ name, dependency, scope, ask }: Place): Row {
  if (dependency === 'secrets-manager') return ask.endpoint === 'token' ? SECRET : { ...SECRET, answer: PLAIN };
  if (dependency === 'dynamodb') {
    if (ask.endpoint === 'revoke') return { answer: PLAIN, down: unavailable, refused: unavailable };
    // Refused, and yet the row is free: somebody else seems to be at work.
    return name.includes('takes the lease, not made') ? { ...TABLE, refused: BUSY } : TABLE;
  }
  if (scope === 'introspection') return INTROSPECTION;
  if (scope === 'revocation') return REVOCATION;
  return ask.profile === 'behalf' ? BEHALF : OWN;
}

/** With a token that is still good, no fault of anybody's is the caller's. */
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
