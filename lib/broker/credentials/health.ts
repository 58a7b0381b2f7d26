import type { Clock } from '../../core/clock.ts';
import type { Result } from '../../core/result.ts';
import { type EpochMs, MINUTE_MS, plus } from '../../core/time.ts';
import type { Table, TableFault } from '../store/table.ts';
import type { SecretStore } from './credentials.ts';

/** What the broker can do without for a while. */
export type Backing = 'table' | 'secrets' | 'zitadel';

/** One thing that is away, since when this sandbox knows, and what that costs. */
export interface Degradation {
  readonly what: Backing;
  readonly since: EpochMs;
  /** A name such as `ThrottlingException`, fit for the log. */
  readonly detail: string;
}

/** What each of them costs while it is away, for the log. */
export const COSTS: Readonly<Record<Backing, string>> = {
  table: 'each sandbox obtains its own tokens; revocations, flushes and blocks of other sandboxes are not seen',
  secrets: 'the last known credential is used, for up to 24 hours; a new sandbox has none and answers 503',
  zitadel: 'no token is renewed; what is kept is handed out until 5 s before its end, then 503',
};

/** How things stand, as this sandbox last saw them. */
export interface Health {
  /** Notes how a call came out: `undefined` is well. `part`: reads or writes of the table, or an issuer. */
  readonly report: (what: Backing, detail: string | undefined, part?: string) => void;
  /** @param issuer the one that counts; others may be away */
  readonly degraded: (issuer?: string) => readonly Degradation[];
}

/**
 * What failed longer ago than this says nothing about now: a sandbox that serves from memory asks nobody for hours.
 * Writes are few; the table is read every minute, and a secret that is in use every five.
 */
const COUNTS_MS = { writes: MINUTE_MS, others: 6 * MINUTE_MS };

/** Creates the health of one sandbox: at first, all is well. */
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
        const concerns = degradation.what !== 'zitadel' || part === issuer;
        if (concerns && now < until && !found.has(degradation.what)) found.set(degradation.what, degradation);
      }
      return [...found.values()];
    },
  };
}

/** A table whose calls are noted. */
export function watchTable(table: Table, health: Health): Table {
  const note = <T>(way: 'reads' | 'writes', result: Result<T, TableFault>): Result<T, TableFault> => {
    health.report('table', result.ok ? undefined : result.error.detail, way);
    return result;
  };
  return {
    read: async (key) => note('reads', await table.read(key)),
    update: async (key, update) => note('writes', await table.update(key, update)),
  };
}

/** A secret store whose calls are noted: a secret that is not there, or not readable, is not the store's fault. */
export const watchSecrets = (secrets: SecretStore, health: Health): SecretStore => ({
  async read(name) {
    const result = await secrets.read(name);
    health.report('secrets', result.ok || result.error.kind === 'refused' ? undefined : result.error.detail);
    return result;
  },
});
