import { type Clock, wasFrozen } from '../../core/clock.ts';
import { fingerprint } from '../../core/digest.ts';
import { REQUEST_MS } from '../../core/limits.ts';
import { fail } from '../../core/result.ts';
import { type EpochMs, instant, plus, SECOND_MS } from '../../core/time.ts';
import type { Send } from '../../oauth/transport.ts';
import { awayDetail } from '../../zitadel/upstream.ts';
import type { Bulletin } from '../store/bulletin.ts';
import { LONGEST_PAUSE_MS, pauseMs } from '../store/failure.ts';
import { CLOCK_SKEW_MS } from '../store/lease.ts';
import type { Health } from './health.ts';

/** The known outages of issuers. */
export interface Outages {
  /**
   * Sends a request, unless the issuer is known to be unavailable: then it fails at once. One request at a time probes
   * whether the issuer is back.
   */
  readonly send: Send;
  /** The outage that currently holds back requests to an issuer, if any. */
  readonly standing: (issuer: string) => Outage | undefined;
}

export interface Outage {
  readonly detail: string;
  /** Requests are held back until then. */
  readonly until: EpochMs;
}

interface State extends Outage {
  /** The number of consecutive failures; concurrent requests count once. */
  readonly count: number;
  readonly failedAt: EpochMs;
}

/** Fast failures cost little, so only the second in a row holds back requests. A request that hangs does so at once. */
const FAST_FAILURES = 1;

/** An outage is forgotten this long after its pause: then every request is sent. */
const FORGOTTEN_MS = 10 * SECOND_MS;

/** While a probe is in progress, other requests retry after this. */
const PROBE_MS = SECOND_MS;

/** An outage is not posted if the other sandboxes already know one that ends at most this much earlier. */
const KNOWN_ENOUGH_MS = 5 * SECOND_MS;

export interface OutagesDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly send: Send;
  readonly bulletin: Pick<Bulletin, 'awayUntil' | 'readAt' | 'post'>;
  readonly health: Health;
}

/** Creates the outages of one sandbox. Others learn of them from the bulletin, which they read anyway. */
export function createOutages({ clock, random, send, bulletin, health }: OutagesDeps): Outages {
  const states = new Map<string, State>();
  const answeredAt = new Map<string, EpochMs>();
  const probing = new Set<string>();

  /** An outage posted by another sandbox, unless the issuer has answered here since the bulletin was read. */
  function told(issuer: string): Outage | undefined {
    const until = bulletin.awayUntil(fingerprint(issuer));
    const now = clock.now();
    // Requests are never held back for longer, whatever the table says.
    if (until === undefined || now >= until || until > plus(now, LONGEST_PAUSE_MS + CLOCK_SKEW_MS)) return;
    if ((answeredAt.get(issuer) ?? 0) >= (bulletin.readAt() ?? instant(0))) return undefined;
    return { detail: 'another sandbox got no answer', until };
  }

  function stateOf(issuer: string): State | undefined {
    const state = states.get(issuer);
    if (state === undefined || clock.now() <= plus(state.until, FORGOTTEN_MS)) return state;
    states.delete(issuer);
    return undefined;
  }

  function standing(issuer: string): Outage | undefined {
    const now = clock.now();
    const state = stateOf(issuer);
    if (state !== undefined && now < state.until) return state;
    if (state !== undefined && probing.has(issuer)) return { detail: state.detail, until: plus(now, PROBE_MS) };
    return state === undefined ? told(issuer) : undefined;
  }

  async function note(issuer: string, sentAt: EpochMs, detail: string, askedMs: number | undefined): Promise<void> {
    const before = stateOf(issuer);
    const now = clock.now();
    // Concurrent requests count as one failure.
    if (before !== undefined && sentAt < before.failedAt) return;
    const count = (before?.count ?? 0) + 1;
    const isHanging = now - sentAt >= REQUEST_MS / 2;
    const isHeldBack = isHanging || count > FAST_FAILURES || askedMs !== undefined;
    const until = isHeldBack ? plus(now, pauseMs(count, { random: random(), askedMs })) : now;
    states.set(issuer, { count, failedAt: now, detail, until });
    health.report('zitadel', detail, issuer);
    const name = fingerprint(issuer);
    if (until === now || (bulletin.awayUntil(name) ?? 0) >= until - KNOWN_ENOUGH_MS) return;
    // Whole seconds, so that sandboxes post the same notice for the same outage; rounded down, so that it ends no later
    // than the `Retry-After` that callers got.
    await bulletin.post({ kind: 'away', issuer: name, until: instant(Math.floor(until / SECOND_MS) * SECOND_MS) });
  }

  return {
    standing,
    async send(request) {
      const issuer = new URL(request.url).origin;
      const outage = standing(issuer);
      if (outage !== undefined) {
        const retryAfterMs = outage.until - clock.now();
        return fail({ kind: 'unreachable', detail: `request not sent: ${outage.detail}`, retryAfterMs });
      }
      const isProbe = stateOf(issuer) !== undefined;
      if (isProbe) probing.add(issuer);
      const sentAt = clock.now();
      try {
        const result = await send(request);
        // A failure during a freeze says nothing about the issuer.
        if (!result.ok && wasFrozen(clock, sentAt, REQUEST_MS)) return result;
        const away = awayDetail(result);
        if (away === undefined) {
          states.delete(issuer);
          answeredAt.set(issuer, clock.now());
          health.report('zitadel', undefined, issuer);
        } else await note(issuer, sentAt, away.detail, away.retryAfterMs);
        return result;
      } finally {
        if (isProbe) probing.delete(issuer);
      }
    },
  };
}
