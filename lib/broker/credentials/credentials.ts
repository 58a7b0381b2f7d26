import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { loggable, type Redacted, redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../../core/time.ts';
import { type Credential, type CredentialFault, expiredField, parseCredential } from '../../zitadel/credential.ts';
import { findMembers } from '../../zitadel/secret-text.ts';
import { splitSecret } from '../profiles/secret-reference.ts';
import { credentialId } from '../store/seal.ts';
import type { Expiries } from './expiries.ts';

/** Why a secret cannot be read. `away`: it may be readable later; `refused`: an operator must act. */
export interface SecretFault {
  readonly kind: 'away' | 'refused';
  /** An error name such as `ResourceNotFoundException`, with what to do; safe to log. */
  readonly detail: string;
}

/** The store of secrets. Returns the text of the current version. */
export interface SecretStore {
  readonly read: (name: string) => Promise<Result<Redacted<string>, SecretFault>>;
}

/** A credential with the id derived from its content. */
export interface HeldCredential {
  readonly credential: Credential;
  readonly id: string;
}

/** Credentials, read when needed and cached. */
export interface Credentials {
  /** The credential in a secret: cached up to 5 minutes, and up to 24 hours while Secrets Manager is unavailable. */
  readonly get: (secret: string) => Promise<Result<HeldCredential, BrokerError>>;
  /** The id of the cached credential, of any age; `undefined` if there is none. */
  readonly known: (secret: string) => string | undefined;
  /** Reads the secret again after the credential `id` proved wrong. Concurrent calls share one read. */
  readonly reread: (secret: string, id: string) => Promise<Result<HeldCredential, BrokerError>>;
  /**
   * While a credential is refused: reads the secret again unless it was read in the last 1.5 s. The pause after a
   * refusal protects ZITADEL, not Secrets Manager. Concurrent calls share one read.
   */
  readonly refresh: (secret: string) => Promise<Result<HeldCredential, BrokerError>>;
}

export const SOFT_LIFE_MS = 5 * MINUTE_MS;
export const HARD_LIFE_MS = 24 * HOUR_MS;

/** How often a secret is read while its credential is refused. */
const REFRESH_MS = 1.5 * SECOND_MS;

/** While Secrets Manager is unavailable, the last known secret is used for this long before the next read. */
const AWAY_PAUSE_MS = 10 * SECOND_MS;

interface Kept {
  readonly held: HeldCredential;
  readonly readAt: EpochMs;
  readonly askAgainAt: EpochMs;
}

const unusable = (secret: string, field: string, problem: string) =>
  fail<BrokerError>({ kind: 'credential_unusable', detail: `secret ${secret}: ${field} ${problem}` });

export interface CredentialsDeps {
  readonly clock: Clock;
  readonly secrets: SecretStore;
  /** Reports the members of a secret that had invisible characters at their ends. */
  readonly onTrimmed?: (secret: string, members: readonly string[]) => void;
  /** Learns of each credential that was read. */
  readonly expiries?: Pick<Expiries, 'note'>;
}

/** The text of the member that a reference names, or of the whole secret. */
function select(text: Redacted<string>, member: string | undefined): Result<Redacted<string>, CredentialFault> {
  if (member === undefined) return ok(text);
  const field = `member ${member}`;
  const members = findMembers(text.reveal());
  if (members === undefined) return fail({ field, problem: 'is missing: the secret is not a JSON object' });
  if (!Object.hasOwn(members, member)) {
    const names = Object.keys(members).map((name) => loggable(name));
    return fail({ field, problem: `is missing; the secret has ${names.join(', ') || 'none'}` });
  }
  const value = members[member];
  return ok(redacted(typeof value === 'string' ? value : JSON.stringify(value)));
}

/** Creates the credentials of one sandbox. */
export function createCredentials({ clock, secrets, onTrimmed, expiries }: CredentialsDeps): Credentials {
  const kept = new Map<string, Kept>();
  const askedAt = new Map<string, EpochMs>();
  const reading = new Map<string, Promise<Result<HeldCredential, BrokerError>>>();

  function keep(secret: string, text: Redacted<string>): Result<HeldCredential, BrokerError> {
    const selected = select(text, splitSecret(secret).member);
    const parsed = selected.ok ? parseCredential(selected.value) : selected;
    if (!parsed.ok) return unusable(secret, parsed.error.field, parsed.error.problem);
    const id = credentialId(parsed.value);
    const known = kept.get(secret)?.held;
    // The same content keeps its object, and so the keys derived from it.
    const held = known?.id === id ? known : { credential: parsed.value, id };
    if (held !== known && parsed.value.trimmed.length > 0) onTrimmed?.(secret, parsed.value.trimmed);
    expiries?.note(secret, parsed.value);
    const now = clock.now();
    kept.set(secret, { held, readAt: now, askAgainAt: plus(now, SOFT_LIFE_MS) });
    return ok(held);
  }

  function lastKnown(secret: string, detail: string): Result<HeldCredential, BrokerError> {
    const known = kept.get(secret);
    const now = clock.now();
    if (known === undefined || known.readAt + HARD_LIFE_MS <= now) {
      const retryAfterMs = AWAY_PAUSE_MS;
      return fail({ kind: 'unavailable', dependency: 'secrets-manager', detail: loggable(detail), retryAfterMs });
    }
    kept.set(secret, { ...known, askAgainAt: plus(now, AWAY_PAUSE_MS) });
    return ok(known.held);
  }

  async function read(secret: string): Promise<Result<HeldCredential, BrokerError>> {
    const text = await secrets.read(splitSecret(secret).name);
    if (text.ok) return keep(secret, text.value);
    if (text.error.kind === 'away') return lastKnown(secret, text.error.detail);
    kept.delete(secret);
    return unusable(secret, 'cannot be read:', text.error.detail);
  }

  function readOnce(secret: string): Promise<Result<HeldCredential, BrokerError>> {
    const underWay = reading.get(secret);
    if (underWay !== undefined) return underWay;
    askedAt.set(secret, clock.now());
    const started = read(secret).finally(() => reading.delete(secret));
    reading.set(secret, started);
    return started;
  }

  function usable(secret: string, result: Result<HeldCredential, BrokerError>): Result<HeldCredential, BrokerError> {
    if (!result.ok) return result;
    const expired = expiredField(result.value.credential, clock.now());
    return expired === undefined ? result : unusable(secret, expired.field, expired.problem);
  }

  async function get(secret: string): Promise<Result<HeldCredential, BrokerError>> {
    const known = kept.get(secret);
    const now = clock.now();
    // An expired key may have been replaced since the last read.
    const isFresh = known !== undefined && now < known.askAgainAt && !expiredField(known.held.credential, now);
    return usable(secret, isFresh ? ok(known.held) : await readOnce(secret));
  }

  return {
    get,
    known: (secret) => kept.get(secret)?.held.id,
    async reread(secret, id) {
      const known = kept.get(secret);
      // Another request has already read the changed secret.
      if (known !== undefined && known.held.id !== id) return usable(secret, ok(known.held));
      return usable(secret, await readOnce(secret));
    },
    async refresh(secret) {
      const known = kept.get(secret);
      const last = askedAt.get(secret);
      const isNew = last !== undefined && clock.now() < last + REFRESH_MS && !reading.has(secret);
      return usable(secret, known !== undefined && isNew ? ok(known.held) : await readOnce(secret));
    },
  };
}
