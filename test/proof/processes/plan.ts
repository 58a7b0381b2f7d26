import type { Ending, ProxyFault } from './link.ts';
import { DEPENDENCIES, type Dependency } from './world.ts';

/** The profiles that are asked for: one for each way to obtain a token. */
export const PROFILES = ['orders', 'reports', 'billing', 'revocable'] as const;

/** What happens to a process while it works; a freeze lasts for `forMs`. */
export interface Blow {
  readonly kind: 'freeze' | 'kill';
  readonly afterMs: number;
  readonly forMs: number;
}

/** What one sandbox does in a round: one request after the other, as Lambda has it. */
export interface Turn {
  readonly profiles: readonly string[];
  readonly blow?: Blow | undefined;
}

/** Requests of all sandboxes at the same time, after which all of them are frozen for a while. */
export interface Round {
  readonly faults: Readonly<Partial<Record<Dependency, ProxyFault>>>;
  readonly turns: readonly Turn[];
  /** How the idle connections to a dependency end while all are frozen, if they do. */
  readonly endings: Readonly<Partial<Record<Dependency, Ending>>>;
  /** How long they are frozen, by their own clock. */
  readonly frozenMs: number;
}

/** The rounds of a seed, one after the other. */
export interface Plan {
  /** Anything may go wrong. */
  readonly storm: () => Round;
  /** Nothing goes wrong any more, but the storms may still have effects; then time passes until they are over. */
  readonly lull: () => Round;
  /** After a lull: all is well. */
  readonly calm: () => Round;
}

const FAULTS: readonly ProxyFault[] = [
  { kind: 'refuse' },
  { kind: 'reset', afterBytes: 0 },
  { kind: 'reset', afterBytes: 60 },
  { kind: 'cut', afterBytes: 400 },
  { kind: 'half_close' },
  { kind: 'delay', ms: 200 },
  { kind: 'delay', ms: 1_000 },
  { kind: 'stall', afterBytes: 0 },
];

/** The first two are made by a server, and everybody notices them. */
const ENDINGS: readonly Ending[] = ['end', 'reset', 'reset_on_use', 'silence'];
const ORDINARY_ENDINGS = ENDINGS.slice(0, 2);

/** How likely each is, for each dependency or sandbox in each storm. */
const ODDS = { fault: 0.15, ending: 0.25, freeze: 0.08, kill: 0.04 };

const MOST_REQUESTS = 30;
/** Tokens are renewed when a round begins. */
const LONGEST_BLOW_AFTER_MS = 40;
const LONGEST_FREEZE_MS = 4_000;
const LONGEST_PAUSE_MS = 25_000;

/** No failure is remembered for longer. */
const LULL_MS = 31_000;

/** Numbers from [0, 1) that a seed determines (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Plans for so many sandboxes. The seed does not determine what the processes do in real time. */
export function createPlan(seed: number, sandboxes: number): Plan {
  const random = createRandom(seed);
  const upTo = (most: number) => Math.floor(random() * most);

  function choose<T>(chance: number, choices: readonly T[]): Partial<Record<Dependency, T>> {
    const chosen: Partial<Record<Dependency, T>> = {};
    for (const dependency of DEPENDENCIES) {
      const choice = choices[upTo(choices.length)];
      if (random() < chance && choice !== undefined) chosen[dependency] = choice;
    }
    return chosen;
  }

  function strike(): Blow | undefined {
    const chance = random();
    const afterMs = upTo(LONGEST_BLOW_AFTER_MS);
    if (chance < ODDS.kill) return { kind: 'kill', afterMs, forMs: 0 };
    if (chance < ODDS.kill + ODDS.freeze) return { kind: 'freeze', afterMs, forMs: upTo(LONGEST_FREEZE_MS) };
    return undefined;
  }

  const profiles = () =>
    Array.from({ length: 1 + upTo(MOST_REQUESTS) }, () => PROFILES[upTo(PROFILES.length)] ?? PROFILES[0]);
  const turns = (blow: () => Blow | undefined) =>
    Array.from({ length: sandboxes }, () => ({ profiles: profiles(), blow: blow() }));
  const quiet = (ending: number, frozenMs: number): Round => ({
    faults: {},
    turns: turns(() => undefined),
    endings: choose(ending, ORDINARY_ENDINGS),
    frozenMs,
  });

  return {
    storm: () => ({
      faults: choose(ODDS.fault, FAULTS),
      turns: turns(strike),
      endings: choose(ODDS.ending, ENDINGS),
      frozenMs: upTo(LONGEST_PAUSE_MS),
    }),
    // A connection that was forgotten in silence may remain for long: all are ended.
    lull: () => quiet(1, LULL_MS),
    calm: () => quiet(ODDS.ending, upTo(LONGEST_PAUSE_MS)),
  };
}
