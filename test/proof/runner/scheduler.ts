import type { Clock } from '../../../lib/core/clock.ts';
import { instant } from '../../../lib/core/time.ts';
import type { Random } from './random.ts';

/** What a dead process gets for whatever it still does. */
const NEVER: Promise<never> = new Promise(() => undefined);

/**
 * Everything that follows from an event without time passing: a tick that is asked for by a promise's work comes when no
 * promise has any left.
 */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

interface Event {
  time: number;
  /** Decides between events of one instant. */
  order: number;
  readonly isTimer: boolean;
  /** Whether the process takes it now; otherwise it is dropped, or waits. */
  readonly isTaken: (event: Event) => boolean;
  readonly run: () => void;
  isCancelled: boolean;
}

const isBefore = (a: Event, b: Event): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

/** Virtual time: nothing happens but by its queue, one event at a time. */
export type Scheduler = ReturnType<typeof createScheduler>;

/** What runs in a process: events of a dead one are dropped, those of a frozen one wait. */
export type Lane = ReturnType<Scheduler['lane']>;

/** Creates the scheduler of one run. */
export function createScheduler(start: number, random: Random) {
  /** What is to happen, in its order. */
  const queue: Event[] = [];
  let now = start;

  function insert(event: Event): void {
    // From its beginning: most of what happens follows soon.
    const index = queue.findIndex((other) => isBefore(event, other));
    queue.splice(index < 0 ? queue.length : index, 0, event);
  }

  function push(time: number, run: () => void, isTaken: Event['isTaken'] = () => true, isTimer = false): Event {
    const event = { time: Math.max(time, now), order: random.next(), isTimer, isTaken, run, isCancelled: false };
    insert(event);
    return event;
  }

  function createLane(name: string, skewMs: number) {
    let isAlive = true;
    let frozenSince: number | undefined;
    let frozenMs = 0;
    let eventsLeft = Number.POSITIVE_INFINITY;
    let onKilled = (): void => undefined;
    let waiting: Event[] = [];

    function isTaken(event: Event): boolean {
      if (!isAlive) return false;
      if (frozenSince !== undefined) {
        waiting.push(event);
        return false;
      }
      eventsLeft -= 1;
      if (eventsLeft > 0) return true;
      isAlive = false;
      onKilled();
      return false;
    }

    function thaw(): void {
      frozenMs += now - (frozenSince ?? now);
      frozenSince = undefined;
      // A process that wakes finds timers that are due and bytes that have come, and begins with either.
      const timersFirst = random.chance(0.5);
      const woken = waiting.filter(({ isCancelled }) => !isCancelled);
      waiting = [];
      for (const isTimer of [timersFirst, !timersFirst]) {
        const order = isTimer === timersFirst ? -2 : -1;
        for (const event of woken) if (event.isTimer === isTimer) insert(Object.assign(event, { time: now, order }));
      }
    }

    function after(delayMs: number, run: () => void): () => void {
      const event = push(now + Math.max(0, delayMs), run, isTaken, true);
      return () => {
        event.isCancelled = true;
      };
    }

    const receive = (delayMs: number, run: () => void): void => void push(now + delayMs, run, isTaken);

    /** Its clock: `skewMs` ahead of the true time. */
    const clock: Clock = { now: () => instant(Math.floor(now + skewMs)), after };

    return {
      name,
      skewMs,
      clock,
      isAlive: () => isAlive,
      isFrozen: () => frozenSince !== undefined,
      /** How long it has been frozen in all. */
      frozenMs: () => frozenMs,
      /** Something reaches the process `delayMs` from now. */
      receive,
      /**
       * Makes a call that the process waits for: nothing comes of it in a dead one.
       * @param late makes what it comes to without a reply in `limitMs`
       * @param send gets what replies: the value is made as the reply is received, so long from then
       */
      call<T>(
        limitMs: number,
        late: () => T,
        send: (reply: (delayMs: number, value: () => T) => void) => void,
      ): Promise<T> {
        if (!isAlive) return NEVER;
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
      kill(): void {
        isAlive = false;
      },
      /** Kills it in place of the `events`-th event from now, and says so. */
      killAfter(events: number, tell: () => void): void {
        eventsLeft = events;
        onKilled = tell;
      },
      freeze(durationMs: number): void {
        if (frozenSince !== undefined || !isAlive) return;
        frozenSince = now;
        push(now + durationMs, thaw);
      },
    };
  }

  return {
    /** The true time, in epoch milliseconds. */
    now: () => now,
    /** Runs something of the world itself, which no process can hold up. */
    at: (time: number, run: () => void): void => void push(time, run),
    lane: createLane,
    /** Runs until nothing is left to do, or `until` has come. Answers how many events there were. */
    async run(until: number): Promise<number> {
      let events = 0;
      for (;;) {
        const event = queue.shift();
        if (event === undefined || event.time > until) return events;
        if (event.isCancelled) continue;
        now = Math.max(now, event.time);
        if (!event.isTaken(event)) continue;
        events += 1;
        event.run();
        await settled();
      }
    },
  };
}
