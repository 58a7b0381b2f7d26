import { CLOCK_SKEW_MS } from '../../../../lib/broker/store/lease.ts';
import { LEAST_CACHED_LIFE_MS } from '../../../../lib/broker/token/freshness.ts';
import { SECOND_MS } from '../../../../lib/core/time.ts';
import { CLOCKS_AGREE_MS, type CreateInvariant } from '../happening.ts';
import { chainOf, type ProfileName } from '../setting.ts';

/** The earliest that a token is renewed: 75 % of its life, less 5 %. */
const EARLIEST_RENEWAL_SHARE = 0.7;

/** A token is believed to be dead without a proof once a minute; less what an answer takes. */
const LEAST_BETWEEN_MS = 55 * SECOND_MS;

interface Window {
  /** Until when the token that was issued last needs no renewal. */
  until: number;
  version: number;
  /** How many causes had been seen when the window before this one began. */
  readonly causesBefore: number;
  /** How many when this one began. */
  readonly causesAtStart: number;
  extra: number;
}

/**
 * One token request for each label and refresh window; one more for each thing that may cost one: a process that was killed
 * or frozen, an operation that failed, a credential that changed, a token that was revoked.
 */
export const createOneRequest: CreateInvariant = ({ clocksApartMs, isMild }) => {
  const windows = new Map<string, Window>();
  const causes = new Map<string, number>();
  let causesOfAll = 0;
  const replacedAt = new Map<string, number>();
  const addCause = (label: string) => causes.set(label, (causes.get(label) ?? 0) + 1);
  const causesOf = (label: string) => causesOfAll + (causes.get(label) ?? 0);
  return {
    name: 'one token request for each key and refresh window, and one more for each cause',
    see(happening) {
      if (happening.kind === 'disturbed') {
        if (happening.label === undefined) causesOfAll += 1;
        else addCause(happening.label);
      }
      // Others may count on what a caller sends back; that a second one is believed in a minute counts as no cause.
      if (happening.kind === 'answered' && happening.rejected === 'replaced')
        replacedAt.set(happening.asked.label, happening.at);
      if (happening.kind === 'asked' && happening.asked.rejected !== undefined) {
        const { asked, at } = happening;
        const isSecond = at - (replacedAt.get(asked.label) ?? Number.NEGATIVE_INFINITY) < LEAST_BETWEEN_MS;
        if (!isSecond || !isMild) causesOfAll += 1;
      }
      // What falls due before the next run of the schedule is renewed by this one.
      if (happening.kind === 'prewarming') causesOfAll += 1;
      if (happening.kind === 'written' && clocksApartMs > CLOCK_SKEW_MS) {
        // Beyond the bound a lease may be taken from who still has it.
        const { before, after, label } = happening;
        if (before.leaseUntil !== undefined && after.owner !== before.owner && after.owner !== undefined)
          addCause(label);
      }
      if (happening.kind !== 'issued' || happening.token.lifeMs < LEAST_CACHED_LIFE_MS) return undefined;
      // What callers have exchanged is kept by each sandbox for itself, and so is all where a clock is far off.
      if (happening.token.profile === 'desk' || clocksApartMs > CLOCKS_AGREE_MS) return undefined;
      const { at, token } = happening;
      const { label, version } = token;
      const until = token.sentAt + token.lifeMs * EARLIEST_RENEWAL_SHARE - clocksApartMs;
      const window = windows.get(label);
      if (window === undefined || at >= window.until) {
        // What went wrong in the window before, a request that hangs or a sandbox that is away, may still cost one here.
        const causesBefore = window?.causesAtStart ?? 0;
        windows.set(label, { until, version, causesBefore, causesAtStart: causesOf(label), extra: 0 });
        return undefined;
      }
      // Whoever holds another version of the credential cannot open what this one has sealed.
      if (window.version !== version) addCause(label);
      // What was handed out unstored leaves the row, and when it is due, as they were.
      Object.assign(window, { until: Math.min(until, window.until), version, extra: window.extra + 1 });
      const seen = causesOf(label) - window.causesBefore;
      return window.extra <= seen
        ? undefined
        : `${label}: ${window.extra} token requests more in one window, with ${seen} causes`;
    },
  };
};

/** The count of leases in a row never goes back, but where the row itself was deleted. */
export const createGeneration: CreateInvariant = () => ({
  name: 'a generation never goes back',
  see(happening) {
    if (happening.kind !== 'written') return undefined;
    const { before, after, label } = happening;
    const [was, is] = [before.generation ?? 0, after.generation ?? 0];
    return is >= was ? undefined : `${label}: generation ${was} became ${is}`;
  },
});

/** While ZITADEL is away, no more calls go there than this for each request that is made here. */
const MOST_CALLS_SHARE = 1.1;

/** Who asks for a token that is exchanged asks for the subject's token as well. */
const tokensFor = (profile: ProfileName): number => chainOf(profile).length;

/** What outages cost, summed up. */
export interface OutageCount {
  sent: number;
  offered: number;
}

/** During an outage of ZITADEL the broker asks it hardly more often than it is asked itself. */
export const createOutageCalls =
  (total: OutageCount): CreateInvariant =>
  () => {
    const here: OutageCount = { sent: 0, offered: 0 };
    let outages = 0;
    /** Requests that have no answer yet: an outage meets them too. */
    let underWay = 0;
    const add = (what: keyof OutageCount, number: number) => {
      here[what] += number;
      total[what] += number;
    };
    const offer = (number: number) => {
      if (outages > 0) add('offered', number);
      else underWay += number;
    };
    return {
      name: 'an outage is not made worse',
      see(happening) {
        if (happening.kind === 'outage') {
          if (happening.isOn && outages === 0) add('offered', underWay);
          outages += happening.isOn ? 1 : -1;
          underWay = 0;
        }
        if (happening.kind === 'sent' && outages > 0) add('sent', 1);
        if (happening.kind === 'asked' && happening.asked.mayUse) offer(tokensFor(happening.asked.profile));
        if (happening.kind === 'offered') {
          // One that begins in an outage gets no further than its first call.
          if (happening.calls > 0) offer(outages > 0 ? 1 : happening.calls);
          else if (outages === 0) underWay = Math.max(0, underWay + happening.calls);
        }
        if (happening.kind === 'prewarming') offer(happening.profiles);
        if (happening.kind === 'answered' && outages === 0 && happening.asked.mayUse)
          underWay = Math.max(0, underWay - tokensFor(happening.asked.profile));
        return undefined;
      },
      end: () =>
        here.sent <= MOST_CALLS_SHARE * here.offered
          ? undefined
          : `${here.sent} calls during outages, for ${here.offered} requests`,
    };
  };
