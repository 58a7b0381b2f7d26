import type { Clock } from '../../core/clock.ts';
import type { Result } from '../../core/result.ts';
import { type EpochMs, MINUTE_MS, plus } from '../../core/time.ts';
import type { Table, TableFault } from '../store/table.ts';
import type { SecretStore } from './credentials.ts';

/** The dependencies whose temporary loss the broker tolerates. */
export type Backing = 'table' | 'secrets' | 'zitadel';

/** One unavailable dependency, and since when this sandbox knows. */
export interface Degradation {
  readonly what: Backing;
  readonly since: EpochMs;
  /** A name such as `ThrottlingException`, safe to log. */
  readonly detail: string;
}

/** The effect of each outage, for the log. */
export const COSTS: Readonly<Record<Backing, string>> = {
  table: 'each sandbox obtains its own tokens; revocations, flushes and blocks of other sandboxes are not seen',
  secrets: 'the last known credential is used, for up to 24 hours; a new sandbox has none and answers 503',
  zitadel: 'no token is renewed; cached tokens are handed out until 5 s before they expire, then 503',
};

/** The state of the dependencies, as this sandbox last saw them. */
export interface Health {
  /** Records the outcome of a call: `undefined` is success. `part`: reads or writes of the table, or an issuer. */
  readonly report: (what: Backing, detail: string | undefined, part?: string) => void;
  /** @param issuer the issuer of the request; outages of others are left out. Without it: of every issuer. */
  readonly degraded: (issuer?: string) => readonly Degradation[];
}

/**
 * Older failures do not count: a sandbox that serves from memory may not call a dependency for hours. Writes are rare;
 * the table is read every minute, and a secret in use every five minutes.
 */
const COUNTS_MS = { writes: MINUTE_MS, others: 6 * MINUTE_MS };

/** Creates the health of one sandbox. Initially, nothing is degraded. */
export function createHealth(clock: Clock): Health {
  const away = new Map<string, Degradation & { readonly part: string; readonly until: EpochMs }>();
  return {
    report(what, detail, part = 'reads') {
      const key = `${what} ${part}`;
      const now = clock.now();
      if (detail === undefined) away.delete(key);
      else {
        const until = plus(now, part === 'writes' ? COUNTS_MS.writes : COUNTS_MS.others);
        away.set(key, { what, part, since: away.get(key)?.since ?? now, detail, until });
      }
    },
    degraded(issuer) {
      if (away.size === 0) return [];
      const now = clock.now();
      const found = new Map<Backing, Degradation>();
      for (const { part, until, ...degradation } of away.values()) {
        const concerns = degradation.what !== 'zitadel' || issuer === undefined || part === issuer;
        if (concerns && now < until && !found.has(degradation.what)) found.set(degradation.what, degradation);
      }
      return [...found.values()];
    },
  };
}

/** A table that reports the outcome of its calls. */
export function watchTable(table: Table, health: Health): Table {
  const note = <T>(way: 'reads' | 'writes', result: Result<T, TableFault>): Result<T, TableFault> => {
    health.report('table', result.ok ? undefined : result.error.detail, way);
    return result;
  };
  return {
    aheadMs: table.aheadMs,
    read: async (key) => note('reads', await table.read(key)),
    update: async (key, update, onSent) => note('writes', await table.update(key, update, onSent)),
  };
}

/** A secret store that reports the outcome of its calls. A missing or unreadable secret is not an outage. */
export const watchSecrets = (secrets: SecretStore, health: Health): SecretStore => ({
  async read(name) {
    const result = await secrets.read(name);
    health.report('secrets', result.ok || result.error.kind === 'refused' ? undefined : result.error.detail);
    return result;
  },
});
