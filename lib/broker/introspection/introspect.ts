import { createBoundedMap } from '../../core/bounded-map.ts';
import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, MINUTE_MS, plus, SECOND_MS } from '../../core/time.ts';
import type { Introspection } from '../../zitadel/introspection.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import { attemptEnd } from '../credentials/deadline.ts';
import type { Profile } from '../profiles/profile.ts';
import type { Bulletin } from '../store/bulletin.ts';
import type { Holding, Holdings } from '../store/holdings.ts';
import { tokenNotice } from '../store/notices.ts';
import type { Inquiry } from './inquiry.ts';

export interface IntrospectDeps {
  readonly clock: Clock;
  readonly inquiry: Inquiry;
  readonly bulletin: Pick<Bulletin, 'isVoid' | 'isKnownDead' | 'post'>;
  readonly holdings: Pick<Holdings, 'find'>;
}

/** An introspection response, and its source. */
export interface Introspected {
  readonly introspection: Introspection;
  readonly source: 'memory' | 'zitadel';
}

/** Introspects a token with the profile's application. */
export type Introspect = (profile: Profile, token: Redacted<string>) => Promise<Result<Introspected, BrokerError>>;

/** Concurrent introspections at ZITADEL in one sandbox; further ones fail instead of being queued. */
export const MOST_INTROSPECTIONS = 50;

/** The cache of one sandbox. */
const KEPT = { entries: 10_000, bytes: 32 * 1024 * 1024 };

/** `Retry-After` for introspections over the limit. */
const SHED_MS = SECOND_MS;

/** A token that was active within this time is introspected twice before it is reported as inactive. */
const ACTIVE_COUNTS_MS = MINUTE_MS;

interface Kept {
  readonly introspection: Introspection;
  readonly at: EpochMs;
  /** Until when it is served from memory. */
  readonly until: EpochMs;
}

/** Creates the introspection of one sandbox. Active responses are cached for the profile's `introspectionCacheMs`. */
export function createIntrospect({ clock, inquiry, bulletin, holdings }: IntrospectDeps): Introspect {
  const kept = createBoundedMap<string, Kept>({
    ...KEPT,
    sizeOf: ({ introspection }) => introspection.body.length + 500,
  });
  const activeAt = createBoundedMap<string, EpochMs>({ entries: KEPT.entries });
  /** Tokens that are alive although introspection by this application reports them as inactive. */
  const unseen = createBoundedMap<string, EpochMs>({ entries: KEPT.entries });
  let underWay = 0;

  function keep(key: string, { introspectionCacheMs }: Profile, introspection: Introspection): void {
    // Inactive responses are not cached: ZITADEL may not know a new token yet.
    if (!introspection.isActive) return;
    const now = clock.now();
    activeAt.set(key, now);
    const until = Math.min(plus(now, introspectionCacheMs), introspection.expiresAt ?? now) as EpochMs;
    if (introspectionCacheMs > 0 && until > now) kept.set(key, { introspection, at: now, until });
  }

  /** Notifies all sandboxes that one of the broker's tokens is dead, if ZITADEL confirms it. */
  async function tell({ issuer }: Profile, key: string, token: Redacted<string>, { profile, until }: Holding) {
    const isAlive = await inquiry.isAlive(issuer, token);
    if (isAlive === false) {
      await bulletin.post(tokenNotice(token, { profile, until: plus(until, MINUTE_MS) }));
    } else if (isAlive === true) unseen.set(key, plus(clock.now(), MINUTE_MS));
  }

  async function ask(
    profile: Profile,
    key: string,
    token: Redacted<string>,
  ): Promise<Result<Introspection, BrokerError>> {
    const input = { issuer: profile.issuer, secret: profile.introspection?.secret ?? '', endsAt: attemptEnd(clock) };
    const first = await inquiry.ask(input, token);
    if (!first.ok || first.value.isActive) return first;
    if (bulletin.isKnownDead(token) || clock.now() < (unseen.get(key) ?? 0)) return first;
    const found = await holdings.find(token);
    const holding = found.ok ? found.value : undefined;
    const wasActive = clock.now() < (activeAt.get(key) ?? 0) + ACTIVE_COUNTS_MS;
    if (holding === undefined && !wasActive) return first;
    // ZITADEL's internal errors look like an inactive token, so a token that should be valid is introspected again.
    const second = await inquiry.ask(input, token);
    if (!second.ok || second.value.isActive) return second;
    if (holding !== undefined) await tell(profile, key, token, holding);
    return second;
  }

  return async (profile, token) => {
    if (profile.introspection === undefined) {
      return fail({ kind: 'invalid_request', detail: 'this profile does not introspect' });
    }
    const key = `${profile.name} ${tokenDigest(token)}`;
    const known = kept.get(key);
    const isKept = known !== undefined && clock.now() < known.until;
    if (isKept && !bulletin.isVoid({ accessToken: token, obtainedAt: known.at }, profile))
      return ok({ introspection: known.introspection, source: 'memory' });
    if (underWay >= MOST_INTROSPECTIONS) {
      const detail = `${MOST_INTROSPECTIONS} introspections are under way`;
      return fail({ kind: 'unavailable', dependency: 'zitadel', detail, retryAfterMs: SHED_MS });
    }
    underWay += 1;
    try {
      const asked = await ask(profile, key, token);
      if (!asked.ok) return asked;
      keep(key, profile, asked.value);
      return ok({ introspection: asked.value, source: 'zitadel' });
    } finally {
      underWay -= 1;
    }
  };
}
