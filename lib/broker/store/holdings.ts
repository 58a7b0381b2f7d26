import type { Clock } from '../../core/clock.ts';
import { digest } from '../../core/digest.ts';
import type { Redacted } from '../../core/redacted.ts';
import { ok, type Result } from '../../core/result.ts';
import { DAY_MS, type EpochMs, instant, plus, toEpochSeconds } from '../../core/time.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import { isProfileName } from '../profiles/profile.ts';
import type { CacheKey } from '../token/demand.ts';

import type { RowUpdate, Table, TableFault } from './table.ts';

/** Which profile hands out a token, and until when at the latest. */
export interface Holding {
  readonly profile: string;
  readonly until: EpochMs;
}

/**
 * Which tokens the broker hands out: one row for each, by the token's digest. Revocation and introspection look up here
 * whether a token is one of the broker's. A made-up token is not, and causes no write.
 */
export interface Holdings {
  /**
   * Records a token. A failed write does not affect the token.
   * @param onSent as of the table
   */
  readonly note: (token: Redacted<string>, holding: Holding, onSent?: () => void) => Promise<void>;
  /** The holding of a token, until it ends. */
  readonly find: (token: Redacted<string>) => Promise<Result<Holding | undefined, TableFault>>;
}

const holdingKey = (token: Redacted<string>): CacheKey => digest(`held ${tokenDigest(token)}`) as CacheKey;

/** Creates holdings that are stored in the table. */
export const createHoldings = ({ clock, table }: { clock: Clock; table: Table }): Holdings => ({
  async note(token, { profile, until }, onSent) {
    const holding: RowUpdate = {
      set: { holder: profile, heldUntil: until, ttl: toEpochSeconds(plus(until, DAY_MS)) },
      remove: [],
      condition: { kind: 'always' },
    };
    await table.update(holdingKey(token), holding, onSent);
  },
  async find(token) {
    const row = await table.read(holdingKey(token));
    if (!row.ok) return row;
    const { holder = '', heldUntil = instant(0) } = row.value ?? {};
    const isWellFormed = isProfileName(holder) && Number.isSafeInteger(heldUntil);
    return ok(isWellFormed && clock.now() < heldUntil ? { profile: holder, until: heldUntil } : undefined);
  },
});
