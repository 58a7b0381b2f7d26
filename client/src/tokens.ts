import { decide, elapsedMs, type Granted, type Held, type Instant, type Kept, keep } from './decision.ts';
import { BrokerError } from './errors.ts';

/** A token, and when it expires. */
export interface Token {
  readonly token: string;
  readonly expiration: Date;
}

/** Asks the broker; `rejected` is a token that an API refused. */
export type Obtain<G extends Granted = Granted> = (rejected: string | undefined) => Promise<G>;

/** How long a token whose rejection the broker did not confirm is not rejected again: the broker looks once a minute. */
const CONFIRMED_MS = 60_000;

/** Between failed requests where the broker names no time. */
const HOLD_MS = 1_000;

/** The most keys that are remembered: one each for a profile with its scopes, and for a subject's token. */
const MAX_KEYS = 500;

interface Entry<G extends Granted> {
  kept?: Kept<G> | undefined;
  held?: Held | undefined;
  underWay?: Promise<Kept<G>> | undefined;
  /** Refused by an API, and not yet reported to the broker. */
  rejected?: string | undefined;
  /** Refused by an API, but valid for the broker. */
  confirmed?: { readonly token: string; readonly since: Instant } | undefined;
}

/** Keeps tokens by key, the ones used last. `now` reads both clocks; `random` is from 0 to 1. */
export function createTokens<G extends Granted = Granted>(now: () => Instant, random: () => number) {
  const entries = new Map<string, Entry<G>>();

  function entryOf(key: string): Entry<G> {
    const entry = entries.get(key) ?? {};
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size > MAX_KEYS) entries.delete(entries.keys().next().value as string);
    return entry;
  }

  /** Asks until the answer knows of the rejection: one may come in while a request is under way. */
  async function request(entry: Entry<G>, obtain: Obtain<G>): Promise<Kept<G>> {
    const { rejected } = entry;
    const since = now();
    const granted = await obtain(rejected);
    const { token } = granted;
    if (entry.rejected !== rejected && entry.rejected === token) return request(entry, obtain);
    entry.confirmed = token === rejected ? { token, since: now() } : undefined;
    entry.rejected = undefined;
    return keep(granted, since, random());
  }

  async function renew(entry: Entry<G>, obtain: Obtain<G>): Promise<Kept<G>> {
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
    async get(key: string, obtain: Obtain<G>): Promise<Kept<G>> {
      const entry = entryOf(key);
      const decision = decide(entry, now());
      if (decision === 'refuse') throw entry.held?.error;
      if (decision === 'serve') return entry.kept as Kept<G>;
      entry.underWay ??= renew(entry, obtain);
      if (decision === 'wait') return entry.underWay;
      // Whoever needs the next token hears of a failure.
      entry.underWay.catch(() => undefined);
      return entry.kept as Kept<G>;
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

export type Tokens = ReturnType<typeof createTokens<Granted>>;
