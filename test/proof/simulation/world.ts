import { postNotices } from '../../../lib/broker/store/bulletin.ts';
import { instant, SECOND_MS } from '../../../lib/core/time.ts';
import { createCallers } from './callers.ts';
import { createFaults, type FaultKind, type FaultSpan } from './faults.ts';
import type { Circumstances, Happening } from './happening.ts';
import type { Item, Plan } from './plan.ts';
import { createRandom } from './random.ts';
import { createRotate } from './rotation.ts';
import { createSandboxes } from './sandboxes.ts';
import { createScheduler } from './scheduler.ts';
import { createSimulatedSecrets } from './secrets.ts';
import { createSimulatedTable } from './table.ts';
import { createZitadel } from './zitadel.ts';

/** When runs begin: an instant in epoch milliseconds. */
export const START = 1_795_438_700_000;

/** How long after the last item requests are still answered. */
const AFTERGLOW_MS = 70 * SECOND_MS;

/** What a run came to, besides what was seen. */
export interface Played {
  readonly requests: number;
  readonly events: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
}

/** How each kind of item is carried out. */
type CarryOut = { readonly [K in Item['kind']]: (item: Extract<Item, { kind: K }>) => void };

const spanOf = (item: Item): readonly FaultSpan[] =>
  item.kind === 'fault' ? [{ ...item, from: START + item.from, until: START + item.until }] : [];

const skewOf = (item: Item): readonly (readonly [sandbox: number, skewMs: number])[] =>
  item.kind === 'skew' ? [[item.sandbox, item.skewMs]] : [];

/** What happens without anything being wrong. */
const ORDINARY = ['ask', 'prewarm', 'introspect', 'revoke', 'flush'] as const satisfies readonly Item['kind'][];

/** A clock that is off by more than this is far off. */
const FAR_OFF_MS = 60 * SECOND_MS;

/** What the invariants know beforehand. */
export function circumstancesOf({ items, faultsUntil }: Plan): Circumstances {
  const skews = [0, ...items.flatMap(skewOf).map(([, skewMs]) => skewMs)];
  const isMild = (item: Item) => item.kind === 'lock' || (item.kind === 'fault' && item.fault === 'zitadel_forgets');
  const faults = items.filter(({ kind }) => !(ORDINARY as readonly string[]).includes(kind));
  return {
    isCalm: faults.length === 0,
    isMild: faults.every(isMild),
    clocksApartMs: Math.max(...skews) - Math.min(...skews),
    faultsUntil: START + faultsUntil,
  };
}

/** Plays a plan against the real broker; `emit` gets all that happens. */
export async function play(plan: Plan, emit: (happening: Happening) => void): Promise<Played> {
  const random = createRandom(plan.seed);
  const scheduler = createScheduler(START, random.fork('order'));
  const faults = new Map<FaultKind, number>();
  const count = (fault: FaultKind) => void faults.set(fault, (faults.get(fault) ?? 0) + 1);
  const draw = createFaults(plan.items.flatMap(spanOf), count);
  const zitadel = createZitadel({ scheduler, draw, emit, lifeMs: plan.lifeMs });
  const table = createSimulatedTable({ scheduler, draw, emit });
  const secrets = createSimulatedSecrets({ scheduler, draw, emit });
  const skews = new Map(plan.items.flatMap(skewOf));
  for (const skewMs of skews.values()) {
    if (Math.abs(skewMs) > FAR_OFF_MS) count('clock_hours_off');
    else if (skewMs !== 0) count(skewMs > 0 ? 'clock_ahead' : 'clock_behind');
  }
  const operators = table.connect(-1, scheduler.lane('operator', 0), random.fork('operator'));
  const write = (line: string) => callers.onLine(line);
  const sandboxes = createSandboxes({ scheduler, random, skews, zitadel, table, secrets, emit, count, write });
  const callers = createCallers({ scheduler, sandboxes, zitadel, emit });
  const announce = (isOn: boolean) => emit({ kind: 'outage', at: scheduler.now(), isOn });

  const carryOut: CarryOut = {
    ask: callers.ask,
    prewarm: ({ sandbox }) => callers.prewarm(sandbox),
    introspect: callers.introspect,
    revoke: ({ sandbox }) => callers.revoke(sandbox),
    flush({ profile }) {
      const disturb = () => emit({ kind: 'disturbed', at: scheduler.now(), why: 'a flush' });
      // The time that AWS tells counts whole seconds.
      const before = instant(scheduler.now() + SECOND_MS);
      disturb();
      const posting = postNotices(operators, [{ kind: 'before', profile, at: before }], before);
      posting.then((posted) => {
        disturb();
        if (posted.ok) emit({ kind: 'flushed', at: scheduler.now(), before, profile });
      }, callers.thrown('a flush'));
    },
    lock({ account, durationMs }) {
      count('account_locked');
      zitadel.lock(account, true);
      scheduler.at(scheduler.now() + durationMs, () => zitadel.lock(account, false));
    },
    deploy: sandboxes.deploy,
    poison({ row, poison }) {
      if (table.poison(row, poison)) count('row_poisoned');
    },
    kill({ sandbox, moment, events }) {
      if (moment === 'now') sandboxes.kill(sandbox);
      else if (moment === 'at_await') sandboxes.killAfter(sandbox, events);
      else sandboxes.doom(sandbox, moment);
    },
    freeze: ({ sandbox, durationMs }) =>
      sandboxes.freeze(sandbox, durationMs, durationMs >= plan.lifeMs ? 'frozen_across_expiry' : 'frozen'),
    rotate: createRotate({ scheduler, zitadel, secrets, count }),
    shorten({ lifeMs }) {
      count('life_shortened');
      zitadel.setLife(lifeMs);
    },
    delete_row({ row }) {
      if (table.deleteRow(row)) count('row_deleted');
    },
    fault({ fault, share, sandbox, until }) {
      if (fault !== 'zitadel_away' || share < 1 || sandbox !== undefined) return;
      announce(true);
      scheduler.at(START + until, () => announce(false));
    },
    // The clocks are so from the start.
    skew: () => undefined,
  };

  for (const item of plan.items) scheduler.at(START + item.at, () => carryOut[item.kind](item as never));
  scheduler.at(START + plan.faultsUntil, sandboxes.spare);
  const events = await scheduler.run(START + plan.durationMs + AFTERGLOW_MS);
  return { requests: callers.requests(), events, faults };
}
