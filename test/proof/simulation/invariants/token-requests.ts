import { CLOCK_SKEW_MS } from '../../../../lib/broker/store/lease.ts';
import { LEAST_CACHED_LIFE_MS } from '../../../../lib/broker/token/freshness.ts';
import { SECOND_MS } from '../../../../lib/core/time.ts';
import { CLOCKS_AGREE_MS, type Promised } from '../happening.ts';
import { chainOf, type ProfileName } from '../setting.ts';

/** The earliest that a token is renewed: 75 % of its life, less 5 %. */
export const EARLIEST_RENEWAL_SHARE = 0.7;

/** A token is believed to be dead without a proof once a minute; less what an answer takes. */
const LEAST_BETWEEN_MS = 55 * SECOND_MS;

interface Window {
  /** Until when the token that was issued last needs no renewal. */
  until: number;
  version: number;
  /** Who has obtained one in it. */
  readonly sandboxes: Set<string>;
  /** How many causes had been seen when the window before this one began. */
  readonly causesBefore: number;
  /** How many when this one began. */
  readonly causesAtStart: number;
  extra: number;
}

/** While ZITADEL is away, no more calls go there than this for each request that is made here. */
const MOST_CALLS_SHARE = 1.1;

/** Who asks for a token that is exchanged asks for the subject's token as well. */
const tokensFor = (profile: ProfileName): number => chainOf(profile).length;

/** What is promised of the broker's requests to ZITADEL, and of the leases that bound them. */
export const TOKEN_REQUESTS = {
  // A cause: a process that was killed or frozen, an operation that failed, a credential that changed, a token that was
  // revoked.
  'one token request for each key and refresh window, and one more for each cause': ({ clocksApartMs, isMild }) => {
    const windows = new Map<string, Window>();
    const causes = new Map<string, number>();
    let causesOfAll = 0;
    const replacedAt = new Map<string, number>();
    const addCause = (label: string) => causes.set(label, (causes.get(label) ?? 0) + 1);
    const causesOf = (label: string) => causesOfAll + (causes.get(label) ?? 0);
    return (happening) => {
      const { kind, at } = happening;
      if (kind === 'disturbed') {
        if (happening.label === undefined) causesOfAll += 1;
        else addCause(happening.label);
      }
      // Others may count on what a caller sends back; that a second one is believed in a minute counts as no cause.
      if (kind === 'answered' && happening.rejected === 'replaced') replacedAt.set(happening.asked.label, at);
      if (kind === 'asked' && happening.asked.rejected !== undefined) {
        const isSecond = at - (replacedAt.get(happening.asked.label) ?? Number.NEGATIVE_INFINITY) < LEAST_BETWEEN_MS;
        if (!isSecond || !isMild) causesOfAll += 1;
      }
      // What falls due before the next run of the schedule is renewed by this one.
      if (kind === 'prewarming') causesOfAll += 1;
      if (kind === 'written' && clocksApartMs > CLOCK_SKEW_MS) {
        // Beyond the bound a lease may be taken from who still has it.
        const { before, after, label } = happening;
        if (before.leaseUntil !== undefined && after.owner !== before.owner && after.owner !== undefined)
          addCause(label);
      }
      if (kind !== 'issued' || happening.token.lifeMs < LEAST_CACHED_LIFE_MS) return undefined;
      // What callers have exchanged is kept by each sandbox for itself, and so is all where a clock is far off.
      if (happening.token.profile === 'desk' || clocksApartMs > CLOCKS_AGREE_MS) return undefined;
      const { label, version, sentAt, lifeMs, sandbox } = happening.token;
      const until = sentAt + lifeMs * EARLIEST_RENEWAL_SHARE - clocksApartMs;
      const window = windows.get(label);
      if (window === undefined || at >= window.until) {
        // What went wrong in the window before, a request that hangs or a sandbox that is away, may still cost one here.
        const causesBefore = window?.causesAtStart ?? 0;
        const sandboxes = new Set([sandbox]);
        windows.set(label, { until, version, sandboxes, causesBefore, causesAtStart: causesOf(label), extra: 0 });
        return undefined;
      }
      // Whoever holds another credential cannot open what this one has sealed; it keeps what it obtains, and asks once.
      if (window.version !== version && !window.sandboxes.has(sandbox)) addCause(label);
      window.sandboxes.add(sandbox);
      // What was handed out unstored leaves the row, and when it is due, as they were.
      Object.assign(window, { until: Math.min(until, window.until), version, extra: window.extra + 1 });
      const { extra, causesBefore } = window;
      const seen = causesOf(label) - causesBefore;
      return extra <= seen ? undefined : `${label}: ${extra} token requests more in one window, with ${seen} causes`;
    };
  },

  // But where the row itself was deleted.
  'a generation never goes back': () => (happening) => {
    if (happening.kind !== 'written') return undefined;
    const { before, after, label } = happening;
    const [was, is] = [before.generation ?? 0, after.generation ?? 0];
    return is >= was ? undefined : `${label}: generation ${was} became ${is}`;
  },

  // The broker asks ZITADEL hardly more often than it is asked itself.
  'an outage is not made worse': ({ outages: count }) => {
    let outages = 0;
    /** Requests that have no answer yet: an outage meets them too. */
    let underWay = 0;
    const offer = (calls: number) => {
      if (outages > 0) count.offered += calls;
      else underWay = Math.max(0, underWay + calls);
    };
    return (happening) => {
      switch (happening.kind) {
        case 'outage':
          if (happening.isOn && outages === 0) count.offered += underWay;
          outages += happening.isOn ? 1 : -1;
          underWay = 0;
          return undefined;
        case 'sent':
          if (outages > 0) count.sent += 1;
          return undefined;
        case 'asked':
          if (happening.asked.mayUse) offer(tokensFor(happening.asked.profile));
          return undefined;
        case 'answered':
          if (outages === 0 && happening.asked.mayUse) offer(-tokensFor(happening.asked.profile));
          return undefined;
        case 'offered':
          // One that begins in an outage gets no further than its first call.
          if (outages === 0) offer(happening.calls);
          else if (happening.calls > 0) offer(1);
          return undefined;
        case 'prewarming':
          offer(happening.profiles);
          return undefined;
        case 'over':
          if (count.sent <= MOST_CALLS_SHARE * count.offered) return undefined;
          return `${count.sent} calls during outages, for ${count.offered} requests`;
        default:
          return undefined;
      }
    };
  },
} satisfies Readonly<Record<string, Promised>>;
