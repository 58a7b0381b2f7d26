import { lineOf, START } from './history.ts';
import { createRandom, type Random } from './random.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import type { Kinds, Run, Tell, Violation } from './worlds.ts';

/** What one run is played on: its time, its randomness, and who counts and judges what happens. */
export interface Stage<Happenings, Fault> {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** A fault was injected. */
  readonly count: (fault: Fault) => void;
  /** Something happens now: the promises look at it. */
  readonly emit: <Kind extends keyof Happenings>(kind: Kind, facts: Readonly<Happenings[Kind]>) => void;
  /** What was counted and judged so far. */
  readonly result: () => Pick<Run, 'counts' | 'violation'>;
}

/** A promise, fresh for one run: looks at all that happens, and answers what is wrong with it, if anything. */
export type Check<Happenings> = (happening: Kinds<Happenings>) => string | undefined;

export interface StageOptions<Happenings> {
  readonly seed: string;
  /** By their names. */
  readonly promises: Readonly<Record<string, Check<Happenings>>>;
  readonly tell?: Tell | undefined;
  /** The kinds that tell nothing in a history. */
  readonly untold: readonly (keyof Happenings)[];
}

/** Creates the stage of one run. */
export function createStage<Happenings, Fault extends string>({
  seed,
  promises,
  tell,
  untold,
}: StageOptions<Happenings>): Stage<Happenings, Fault> {
  const random = createRandom(seed);
  const scheduler = createScheduler(START, random.fork('order'));
  const counts = new Map<Fault, number>();
  const checks = Object.entries(promises);
  let violation: Violation | undefined;
  return {
    random,
    scheduler,
    count: (fault) => void counts.set(fault, (counts.get(fault) ?? 0) + 1),
    emit(kind, facts) {
      const at = scheduler.now();
      if (violation === undefined && !untold.includes(kind)) tell?.(lineOf(at - START, String(kind), facts));
      for (const [invariant, check] of checks) {
        const what = check({ kind, at, ...facts } as Kinds<Happenings>);
        if (what !== undefined) violation ??= { invariant, what, at };
      }
    },
    result: () => ({ counts, violation }),
  };
}
