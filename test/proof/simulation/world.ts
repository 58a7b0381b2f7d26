import { postNotices } from '../../../lib/broker/store/bulletin.ts';
import { instant, SECOND_MS } from '../../../lib/core/time.ts';
import { START } from '../runner/history.ts';
import { createStage, type Stage } from '../runner/stage.ts';
import type { Actions, Run, Tell, World } from '../runner/worlds.ts';
import { createCallers } from './callers.ts';
import { createFaults, type DrawFault, FAULT_KINDS, type FaultKind, type FaultSpan } from './faults.ts';
import type { Circumstances, Happenings } from './happening.ts';
import { HANDED_OUT } from './invariants/handed-out.ts';
import { SERVICE } from './invariants/service.ts';
import { TOKEN_REQUESTS } from './invariants/token-requests.ts';
import { createPlan, type Item, type Items, type Plan } from './plan.ts';
import { createSandboxes } from './sandboxes.ts';
import { createSimulatedSecrets } from './secrets.ts';
import { createSimulatedTable } from './table.ts';
import { createZitadel } from './zitadel.ts';

/** What the parts of one run of the broker share. */
export interface BrokerStage extends Stage<Happenings, FaultKind> {
  readonly draw: DrawFault;
  /** Reports what may cost one more token request, of one label or of all. */
  readonly disturb: (why: string, label?: string) => void;
}

/** All promises, by their names. */
export const PROMISES = { ...HANDED_OUT, ...TOKEN_REQUESTS, ...SERVICE };

/** How long after the last item requests are still answered. */
const AFTERGLOW_MS = 70 * SECOND_MS;

/** What a looping caller's requests have left. */
const LOOPS_WAIT_MS = 15 * SECOND_MS;

/** What happens without anything being wrong. */
const ORDINARY: ReadonlySet<string> = new Set(['ask', 'loop', 'prewarm', 'introspect', 'revoke', 'flush']);

/** A clock that is off by more than this is far off. */
const FAR_OFF_MS = 60 * SECOND_MS;

const skewsOf = ({ items }: Plan) => items.flatMap((item) => (item.kind === 'skew' ? [item] : []));

const spansOf = ({ items }: Plan): readonly FaultSpan[] =>
  items.flatMap((item) =>
    item.kind === 'fault' ? [{ ...item, from: START + item.from, until: START + item.until }] : [],
  );

/** What the promises know beforehand. */
function circumstancesOf(plan: Plan): Circumstances {
  const skews = [0, ...skewsOf(plan).map(({ skewMs }) => skewMs)];
  const isMild = (item: Item) => item.kind === 'lock' || (item.kind === 'fault' && item.fault === 'zitadel_forgets');
  const faults = plan.items.filter(({ kind }) => !ORDINARY.has(kind));
  return {
    isCalm: faults.length === 0,
    isMild: faults.every(isMild),
    clocksApartMs: Math.max(...skews) - Math.min(...skews),
    faultsUntil: START + plan.faultsUntil,
    outages: { sent: 0, offered: 0 },
  };
}

/** Plays a plan against the real broker, and judges it. */
async function play(plan: Plan, tell?: Tell): Promise<Run> {
  const circumstances = circumstancesOf(plan);
  const promises = Object.entries(PROMISES).map(([name, create]) => [name, create(circumstances)]);
  const basis = createStage<Happenings, FaultKind>({
    seed: plan.seed,
    promises: Object.fromEntries(promises),
    tell,
    untold: ['offered', 'reached', 'text', 'unread', 'over'],
  });
  const { scheduler, random, count, emit } = basis;
  const disturb: BrokerStage['disturb'] = (why, label) => emit('disturbed', { why, label });
  const stage: BrokerStage = { ...basis, disturb, draw: createFaults(spansOf(plan), scheduler.now, count) };
  const zitadel = createZitadel(stage, plan.lifeMs);
  const table = createSimulatedTable(stage);
  const secrets = createSimulatedSecrets(stage, zitadel);
  const skews = new Map(skewsOf(plan).map(({ sandbox, skewMs }) => [sandbox, skewMs]));
  for (const skewMs of skews.values()) {
    if (Math.abs(skewMs) > FAR_OFF_MS) count('clock_hours_off');
    else if (skewMs !== 0) count(skewMs > 0 ? 'clock_ahead' : 'clock_behind');
  }
  const operators = table.connect(-1, scheduler.lane('operator', 0), random.fork('operator'));
  const write = (line: string) => callers.onLine(line);
  const sandboxes = createSandboxes(stage, { zitadel, table, secrets, skews, write });
  const callers = createCallers(stage, sandboxes, zitadel);

  const actions: Actions<Items> = {
    ask: callers.ask,
    loop({ requests, ...ask }) {
      for (let sent = 0; sent < requests; sent += 1) callers.ask({ ...ask, kind: 'ask', remainingMs: LOOPS_WAIT_MS });
    },
    prewarm: callers.prewarm,
    introspect: callers.introspect,
    revoke: callers.revoke,
    flush({ profile }) {
      // The time that AWS tells counts whole seconds.
      const madeBefore = instant(scheduler.now() + SECOND_MS);
      disturb('a flush');
      const posting = postNotices(operators, [{ kind: 'before', profile, at: madeBefore }], madeBefore);
      posting.then((posted) => {
        disturb('a flush');
        if (posted.ok) emit('flushed', { madeBefore, profile });
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
    kill: sandboxes.kill,
    freeze: (item) => sandboxes.freeze(item, item.durationMs >= plan.lifeMs ? 'frozen_across_expiry' : 'frozen'),
    rotate: secrets.rotate,
    shorten({ lifeMs }) {
      count('life_shortened');
      zitadel.setLife(lifeMs);
    },
    delete_row({ row }) {
      if (table.deleteRow(row)) count('row_deleted');
    },
    fault({ fault, share, sandbox, until }) {
      if (fault !== 'zitadel_away' || share < 1 || sandbox !== undefined) return;
      emit('outage', { isOn: true });
      scheduler.at(START + until, () => emit('outage', { isOn: false }));
    },
    // The clocks are so from the start.
    skew: () => undefined,
  };
  for (const item of plan.items) scheduler.at(START + item.at, () => actions[item.kind](item as never));
  scheduler.at(START + plan.faultsUntil, sandboxes.spare);
  const events = await scheduler.run(START + plan.durationMs + AFTERGLOW_MS);
  emit('over', {});
  return { requests: callers.requests(), events, outages: circumstances.outages, ...basis.result() };
}

/** The broker: everything but rotation. */
export const BROKER: World = { kinds: FAULT_KINDS, promises: Object.keys(PROMISES), createPlan, play };
