import { type Clock, within } from '../core/clock.ts';
import { digest } from '../core/digest.ts';
import type { BrokerError } from '../core/error.ts';
import type { Redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { DAY_MS, type EpochMs, plus, SECOND_MS, toEpochSeconds } from '../core/time.ts';
import { LONGEST_LIFE_MS } from '../oauth/token-response.ts';
import { createBoundedMap } from './bounded-map.ts';
import type { CacheKey } from './demand.ts';
import type { Token } from './freshness.ts';
import type { Table, TableFault } from './table.ts';

/** How soon every sandbox knows of a revocation. */
export const REVOCATION_KNOWN_MS = 60 * SECOND_MS;

/** A copy in memory is held against the table this often; what is left of the minute is for the look itself. */
const LOOK_EVERY_MS = 50 * SECOND_MS;

/** With the table away, a copy that could not be looked up is looked up again after this. */
const LOOK_AGAIN_MS = 5 * SECOND_MS;

const LOOK_MS = SECOND_MS;

const REMEMBERED_HERE = 10_000;

/** The row that remembers a token's revocation: of a name of its own, so that no writer of tokens touches it. */
const revocationKey = (token: Redacted<string>): CacheKey => digest(`revoked ${token.reveal()}`) as CacheKey;

/** Knows which tokens were revoked. */
export interface Revocations {
  /**
   * Remembers a revocation: here at once, and in the table for all other sandboxes, until no token of today can be alive
   * (a token's end is not to be read from an opaque one).
   */
  readonly remember: (token: Redacted<string>) => Promise<Result<void, BrokerError>>;
  /** Looks a token up in the table. */
  readonly look: (token: Token) => Promise<Result<boolean, TableFault>>;
  /**
   * Whether a copy in memory was revoked; the table is asked only once in a while, and not believed dead if away.
   * @param leftMs that the caller has: half of it is not waited for
   */
  readonly isKnown: (token: Token, leftMs: number) => Promise<boolean>;
}

/** Creates the knowledge of one sandbox. */
export function createRevocations({ clock, table }: { clock: Clock; table: Table }): Revocations {
  /** Keys of tokens that were revoked here. */
  const revokedHere = createBoundedMap<CacheKey, true>(REMEMBERED_HERE);
  const nextLook = new WeakMap<Token, EpochMs>();
  const looking = new WeakMap<Token, Promise<Result<boolean, TableFault>>>();

  async function look(token: Token): Promise<Result<boolean, TableFault>> {
    const row = await table.read(revocationKey(token.accessToken));
    const pauseMs = row.ok ? LOOK_EVERY_MS : LOOK_AGAIN_MS;
    nextLook.set(token, plus(clock.now(), pauseMs));
    return row.ok ? ok(row.value?.revokedUntil !== undefined) : row;
  }

  function lookOnce(token: Token): Promise<Result<boolean, TableFault>> {
    const underWay = looking.get(token);
    if (underWay !== undefined) return underWay;
    const begun = look(token).finally(() => looking.delete(token));
    looking.set(token, begun);
    return begun;
  }

  return {
    async remember(token) {
      const key = revocationKey(token);
      revokedHere.set(key, true);
      const until = plus(clock.now(), LONGEST_LIFE_MS);
      const written = await table.update(key, {
        set: { revokedUntil: until, ttl: toEpochSeconds(plus(until, DAY_MS)) },
        remove: [],
        // Rows of tokens have a generation, rows of revocations never do.
        condition: { kind: 'absent', field: 'generation' },
      });
      if (written.ok && written.value !== 'refused') return ok(undefined);
      const detail = `revoked, but not remembered: ${written.ok ? 'the write was refused' : written.error.detail}`;
      return fail({ kind: 'unavailable', dependency: 'dynamodb', detail, retryAfterMs: 0 });
    },
    look,
    async isKnown(token, leftMs) {
      if (revokedHere.size() > 0 && revokedHere.get(revocationKey(token.accessToken))) return true;
      const next = nextLook.get(token);
      if (next !== undefined && clock.now() < next) return false;
      // A token that was earned here a moment ago needs no look.
      if (next === undefined && clock.now() < plus(token.earnedAt, LOOK_EVERY_MS)) return false;
      const found = await within(clock, Math.min(LOOK_MS, leftMs / 2), lookOnce(token));
      return found?.ok === true && found.value;
    },
  };
}
