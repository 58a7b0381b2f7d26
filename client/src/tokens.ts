import { decide, elapsedMs, type Held, type Instant, type Kept, keep } from './decision.ts';
import { BrokerError } from './errors.ts';

/** A token, and when it expires. */
export interface Token {
  readonly token: string;
  readonly expiration: Date;
}

/** What the broker gave. */
export interface Granted {
  readonly token: string;
  readonly lifeMs: number;
}

/** Asks the broker; `rejected` is a token that an API refused. */
export type Obtain = (rejected: string | undefined) => Promise<Granted>;

/** How long a token whose rejection the broker did not confirm is not rejected again: the broker looks once a minute. */
const CONFIRMED_MS = 60_000;

/** Between failed requests where the broker names no time. */
const HOLD_MS = 1_000;

/** The most keys that are remembered: one each for a profile with its scopes, and for a subject's token. */
const MAX_KEYS = 500;

interface Entry {
  kept?: Kept | undefined;
  held?: Held | undefined;
  underWay?: Promise<Token> | undefined;
  /** Refused by an API, and not yet reported to the broker. */
  rejected?: string | undefined;
  /** Refused by an API, but valid for the broker. */
  confirmed?: { readonly token: string; readonly since: Instant } | undefined;
}

/** Keeps tokens by key, the ones used last. `now` reads both clocks; `random` is from 0 to 1. */
export function createTokens(now: () => Instant, random: () => number) {
  const entries = new Map<string, Entry>();

  function entryOf(key: string): Entry {
    const entry = entries.get(key) ?? {};
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size > MAX_KEYS) entries.delete(entries.keys().next().value as string);
    return entry;
  }

  /** Asks until the answer knows of the rejection: one may come in while a request is under way. */
  async function request(entry: Entry, obtain: Obtain): Promise<Kept> {
    const { rejected } = entry;
    const since = now();
    const { token, lifeMs } = await obtain(rejected);
    if (entry.rejected !== rejected && entry.rejected === token) return request(entry, obtain);
    entry.confirmed = token === rejected ? { token, since: now() } : undefined;
    entry.rejected = undefined;
    return keep(token, lifeMs, since, random());
  }

  async function renew(entry: Entry, obtain: Obtain): Promise<Token> {
    try {
      entry.kept = await request(entry, obtain);
      entry.held = undefined;
      return entry.kept;
    } catch (error) {
      const { retryAfterMs = 0 } = error instanceof BrokerError ? error : {};
      entry.held = { error, since: now(), holdMs: Math.max(retryAfterMs, HOLD_MS) };
      throw error;
    } finally {
      entry.underWay = undefined;
    }
  }

  return {
    /** The token of a key: at once where one is valid, else from the one request that all callers share. */
    async get(key: string, obtain: Obtain): Promise<Token> {
      const entry = entryOf(key);
      const decision = decide(entry, now());
      if (decision === 'refuse') throw entry.held?.error;
      if (decision === 'serve') return entry.kept as Kept;
      entry.underWay ??= renew(entry, obtain);
      if (decision === 'wait') return entry.underWay;
      // Whoever needs the next token hears of a failure.
      entry.underWay.catch(() => undefined);
      return entry.kept as Kept;
    },

    /** Forgets this very token, never a newer one, and reports it with the next request. */
    reject(key: string, token: string): void {
      const entry = entries.get(key);
      if (entry?.kept?.token !== token) return;
      const { confirmed } = entry;
      if (confirmed?.token === token && elapsedMs(confirmed.since, now()) < CONFIRMED_MS) return;
      entry.kept = undefined;
      entry.rejected = token;
    },

    /** Forgets a revoked token under every key. */
    forget(token: string): void {
      for (const entry of entries.values()) if (entry.kept?.token === token) entry.kept = undefined;
    },
  };
}

export type Tokens = ReturnType<typeof createTokens>;
