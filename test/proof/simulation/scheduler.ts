import type { Clock } from '../../../lib/core/clock.ts';
import { instant } from '../../../lib/core/time.ts';
import type { Random } from './random.ts';

/** What a dead process gets for whatever it still does. */
export const NEVER: Promise<never> = new Promise(() => undefined);

/**
 * Everything that follows from an event without time passing: a tick that is asked for by a promise's work comes when no
 * promise has any left.
 */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/** What runs in a process: events of a dead one are dropped, those of a frozen one wait. */
export interface Lane {
  readonly name: string;
  /** Its clock: `skewMs` ahead of the true time. */
  readonly clock: Clock;
  readonly skewMs: number;
  readonly isAlive: () => boolean;
  readonly isFrozen: () => boolean;
  /** How long it has been frozen in all. */
  readonly frozenMs: () => number;
  /** Something reaches the process `delayMs` from now. */
  readonly receive: (delayMs: number, run: () => void) => void;
  /**
   * Makes a call that the process waits for: nothing comes of it in a dead one.
   * @param late makes what it comes to without a reply in `limitMs`
   * @param send gets what replies: the value is made as the reply is received, so long from then
   */
  readonly call: <T>(
    limitMs: number,
    late: () => T,
    send: (reply: (delayMs: number, value: () => T) => void) => void,
  ) => Promise<T>;
  readonly kill: () => void;
  /** Kills it in place of the `events`-th event from now, and says so. */
  readonly killAfter: (events: number, onKilled: () => void) => void;
  readonly freeze: (durationMs: number) => void;
}

/** Virtual time: nothing happens but by its queue, one event at a time. */
export interface Scheduler {
  /** The true time, in epoch milliseconds. */
  readonly now: () => number;
  /** Runs something of the world itself, which no process can hold up. */
  readonly at: (time: number, run: () => void) => void;
  readonly lane: (name: string, skewMs: number) => Lane;
  /** Runs until nothing is left to do, or `until` has come. Answers how many events there were. */
  readonly run: (until: number) => Promise<number>;
}

interface Event {
  time: number;
  /** Decides between events of one instant. */
  order: number;
  readonly isTimer: boolean;
  readonly lane: MutableLane | undefined;
  readonly run: () => void;
  isCancelled: boolean;
}

interface MutableLane {
  isAlive: boolean;
  frozenSince: number | undefined;
  frozenMs: number;
  eventsLeft: number;
  onKilled: () => void;
  waiting: Event[];
}

const isBefore = (a: Event, b: Event): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

/** A binary heap. */
function createQueue() {
  const heap: Event[] = [];
  const at = (index: number): Event => heap[index] as Event;
  return {
    push(event: Event): void {
      let index = heap.push(event) - 1;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (!isBefore(event, at(parent))) break;
        heap[index] = at(parent);
        index = parent;
      }
      heap[index] = event;
    },
    pop(): Event | undefined {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined || heap.length === 0) return first;
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && isBefore(at(child + 1), at(child))) child += 1;
        if (!isBefore(at(child), last)) break;
        heap[index] = at(child);
        index = child;
      }
      heap[index] = last;
      return first;
    },
  };
}

/** Creates the scheduler of one run. */
export function createScheduler(start: number, random: Random): Scheduler {
  const queue = createQueue();
  let now = start;

  const push = (time: number, lane: MutableLane | undefined, isTimer: boolean, run: () => void): Event => {
    const event = { time: Math.max(time, now), order: random.next(), isTimer, lane, run, isCancelled: false };
    queue.push(event);
    return event;
  };

  function thaw(lane: MutableLane): void {
    lane.frozenMs += now - (lane.frozenSince ?? now);
    lane.frozenSince = undefined;
    // A process that wakes finds timers that are due and bytes that have come, and begins with either.
    const timersFirst = random.chance(0.5);
    const waiting = lane.waiting.filter(({ isCancelled }) => !isCancelled);
    lane.waiting = [];
    for (const isTimer of timersFirst ? [true, false] : [false, true]) {
      for (const event of waiting) {
        if (event.isTimer === isTimer)
          queue.push(Object.assign(event, { time: now, order: isTimer === timersFirst ? -2 : -1 }));
      }
    }
  }

  function createLane(name: string, skewMs: number): Lane {
    const lane: MutableLane = {
      isAlive: true,
      frozenSince: undefined,
      frozenMs: 0,
      eventsLeft: Number.POSITIVE_INFINITY,
      onKilled: () => undefined,
      waiting: [],
    };
    function after(delayMs: number, run: () => void): () => void {
      const event = push(now + Math.max(0, delayMs), lane, true, run);
      return () => {
        event.isCancelled = true;
      };
    }
    const receive = (delayMs: number, run: () => void) => void push(now + delayMs, lane, false, run);
    return {
      name,
      skewMs,
      clock: { now: () => instant(Math.floor(now + skewMs)), after },
      isAlive: () => lane.isAlive,
      isFrozen: () => lane.frozenSince !== undefined,
      frozenMs: () => lane.frozenMs,
      receive,
      call(limitMs, late, send) {
        if (!lane.isAlive) return NEVER;
        return new Promise((resolve) => {
          const cancel = after(limitMs, () => resolve(late()));
          send((delayMs, value) =>
            receive(delayMs, () => {
              cancel();
              resolve(value());
            }),
          );
        });
      },
      kill: () => {
        lane.isAlive = false;
      },
      killAfter: (events, onKilled) => Object.assign(lane, { eventsLeft: events, onKilled }),
      freeze: (durationMs) => {
        if (lane.frozenSince !== undefined || !lane.isAlive) return;
        lane.frozenSince = now;
        push(now + durationMs, undefined, false, () => thaw(lane));
      },
    };
  }

  return {
    now: () => now,
    at: (time, run) => void push(time, undefined, false, run),
    lane: createLane,
    async run(until) {
      let events = 0;
      for (;;) {
        const event = queue.pop();
        if (event === undefined || event.time > until) return events;
        if (event.isCancelled) continue;
        now = Math.max(now, event.time);
        const { lane } = event;
        if (lane !== undefined) {
          if (!lane.isAlive) continue;
          if (lane.frozenSince !== undefined) {
            lane.waiting.push(event);
            continue;
          }
          lane.eventsLeft -= 1;
          if (lane.eventsLeft <= 0) {
            lane.isAlive = false;
            lane.onKilled();
            continue;
          }
        }
        events += 1;
        event.run();
        await settled();
      }
    },
  };
}
