import { createRandom } from '../runner/random.ts';
import type { Ending, ProxyFault } from './proxy.ts';
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

const FAULTS: readonly [ProxyFault, ...ProxyFault[]] = [
  { kind: 'refuse' },
  { kind: 'reset', afterBytes: 0 },
  { kind: 'reset', afterBytes: 60 },
  { kind: 'end', afterBytes: 400 },
  { kind: 'half_close' },
  { kind: 'delay', ms: 200 },
  { kind: 'delay', ms: 1_000 },
  { kind: 'silence', afterBytes: 0 },
];

/** These are made by a server, and everybody notices them. */
const ORDINARY_ENDINGS = ['end', 'reset'] as const;
const ENDINGS = [...ORDINARY_ENDINGS, 'reset_on_use', 'silence'] as const;

/** How likely each is, for each dependency or sandbox in each storm. */
const ODDS = { fault: 0.15, ending: 0.25, freeze: 0.08, kill: 0.04 };

const MOST_REQUESTS = 30;
/** Tokens are renewed when a round begins. */
const LONGEST_BLOW_AFTER_MS = 40;
const LONGEST_FREEZE_MS = 4_000;
const LONGEST_PAUSE_MS = 25_000;

/** No failure is remembered for longer. */
const LULL_MS = 31_000;

/** The rounds for so many sandboxes, one after the other. The seed does not determine what happens in real time. */
export function createPlan(seed: number, sandboxes: number) {
  const { chance, int, next, pick } = createRandom(String(seed));

  const choose = <T>(share: number, choices: readonly [T, ...T[]]): Partial<Record<Dependency, T>> =>
    Object.fromEntries(DEPENDENCIES.filter(() => chance(share)).map((dependency) => [dependency, pick(choices)]));

  function strike(): Blow | undefined {
    const lot = next();
    const afterMs = int(0, LONGEST_BLOW_AFTER_MS);
    if (lot < ODDS.kill) return { kind: 'kill', afterMs, forMs: 0 };
    if (lot < ODDS.kill + ODDS.freeze) return { kind: 'freeze', afterMs, forMs: int(0, LONGEST_FREEZE_MS) };
    return undefined;
  }

  const profiles = () => Array.from({ length: int(1, MOST_REQUESTS) }, () => pick(PROFILES));
  const turns = (blow: () => Blow | undefined) =>
    Array.from({ length: sandboxes }, () => ({ profiles: profiles(), blow: blow() }));
  const quiet = (ending: number, frozenMs: number): Round => ({
    faults: {},
    turns: turns(() => undefined),
    endings: choose(ending, ORDINARY_ENDINGS),
    frozenMs,
  });

  return {
    /** Anything may go wrong. */
    storm: (): Round => ({
      faults: choose(ODDS.fault, FAULTS),
      turns: turns(strike),
      endings: choose(ODDS.ending, ENDINGS),
      frozenMs: int(0, LONGEST_PAUSE_MS),
    }),
    /**
     * Nothing goes wrong any more, but the storms may still have effects; then time passes until they are over. A
     * connection that was forgotten in silence may remain for long: all are ended.
     */
    lull: () => quiet(1, LULL_MS),
    /** After a lull: all is well. */
    calm: () => quiet(ODDS.ending, int(0, LONGEST_PAUSE_MS)),
  };
}
