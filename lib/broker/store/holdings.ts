import type { Clock } from '../../core/clock.ts';
import { digest } from '../../core/digest.ts';
import type { Redacted } from '../../core/redacted.ts';
import { ok, type Result } from '../../core/result.ts';
import { DAY_MS, type EpochMs, plus, toEpochSeconds } from '../../core/time.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import { isProfileName } from '../profiles/profile.ts';
import type { CacheKey } from '../token/demand.ts';

import type { Table, TableFault } from './table.ts';

/** Who hands a token out, and until when at the latest. */
export interface Holding {
  readonly profile: string;
  readonly until: EpochMs;
}

/**
 * Which tokens the broker hands out: a row for each, of the token's digest. Whoever is sent a token (to revoke it, to
 * introspect it) finds there whether it is one of the broker's; a made-up one is not, and leaves nothing behind.
 */
export interface Holdings {
  /** Notes a token; what becomes of the note does not matter to the token. */
  readonly note: (token: Redacted<string>, holding: Holding) => Promise<void>;
  /** The holding of a token, as long as it lasts. */
  readonly find: (token: Redacted<string>) => Promise<Result<Holding | undefined, TableFault>>;
}

const holdingKey = (token: Redacted<string>): CacheKey => digest(`held ${tokenDigest(token)}`) as CacheKey;

/** Creates the holdings of the table. */
export const createHoldings = ({ clock, table }: { clock: Clock; table: Table }): Holdings => ({
  async note(token, { profile, until }) {
    await table.update(holdingKey(token), {
      set: { holder: profile, heldUntil: until, ttl: toEpochSeconds(plus(until, DAY_MS)) },
      remove: [],
      condition: { kind: 'always' },
    });
  },
  async find(token) {
    const row = await table.read(holdingKey(token));
    if (!row.ok) return row;
    const { holder, heldUntil } = row.value ?? {};
    // What no broker has written holds nothing.
    if (holder === undefined || !isProfileName(holder) || !Number.isSafeInteger(heldUntil)) return ok(undefined);
    return ok(heldUntil !== undefined && clock.now() < heldUntil ? { profile: holder, until: heldUntil } : undefined);
  },
});
