import { createBoundedMap } from '../../core/bounded-map.ts';
import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { REQUEST_MS } from '../../core/limits.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, plus, SECOND_MS } from '../../core/time.ts';
import type { HeldCredential } from '../credentials/credentials.ts';
import { mayRepeatUntil } from '../credentials/deadline.ts';
import type { AttemptFailure } from '../store/failure.ts';
import type { TableFault } from '../store/table.ts';
import type { CacheKey, Demand } from '../token/demand.ts';
import type { IssuedToken } from './request.ts';
import type { TokenRequests } from './subject.ts';

/** While the table is down, a sandbox requests a token for a demand itself, no more often than this. */
const DIRECT_PAUSE_MS = 10 * SECOND_MS;

/** One request and a retry, as under a lease. */
const DIRECT_MS = 2 * REQUEST_MS;

const REMEMBERED_DEMANDS = 10_000;

/** Creates the token request without the table. */
export function createDirectRequest({ clock, requests }: { clock: Clock; requests: TokenRequests }) {
  const last = createBoundedMap<CacheKey, EpochMs>({ entries: REMEMBERED_DEMANDS });

  return async (
    demand: Demand,
    key: CacheKey,
    { held, fault, isSuspected }: { held: HeldCredential; fault: TableFault; isSuspected: boolean },
  ): Promise<Result<IssuedToken, AttemptFailure>> => {
    const now = clock.now();
    const before = last.get(key);
    if (before !== undefined && now < before + DIRECT_PAUSE_MS) {
      const retryAfterMs = before + DIRECT_PAUSE_MS - now;
      const error: BrokerError = { kind: 'unavailable', dependency: 'dynamodb', detail: fault.detail, retryAfterMs };
      return fail({ error });
    }
    last.set(key, now);
    const prepared = await requests.prepare(demand, held);
    if (!prepared.ok) return prepared;
    const endsAt = plus(clock.now(), DIRECT_MS);
    const mayRepeat = mayRepeatUntil(clock, endsAt);
    const issued = await requests.request(demand, prepared.value, { mayRepeat, isSuspected });
    return issued.ok ? ok(issued.value) : issued;
  };
}
