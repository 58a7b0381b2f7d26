import { EVENT_MUTANTS } from '../events/mutants.ts';
import { ASSERTION_MUTANTS, ISSUER_MUTANTS } from '../federation/mutants.ts';
import { ROTATION_MUTANTS } from '../rotation/mutants.ts';
import { BROKER_MUTANTS } from '../simulation/mutants.ts';
import type { WorldName } from './worlds.ts';

/**
 * Faults of the broker's own, made on purpose: by the promise that they break, and by their names. Each is one change of
 * a source, or several: a file of `lib`, a text that stands in it once, and what takes its place.
 */
export type Mutants<Promised extends string> = Readonly<
  Record<Promised, Readonly<Record<string, string | readonly string[]>>>
>;

/** A mutant: the history that finds it out is one of this world. */
export interface Mutant {
  readonly only: WorldName;
  readonly breaks: string;
  readonly name: string;
  readonly changes: readonly string[];
}

const MUTANTS_OF: Readonly<Record<WorldName, Mutants<string>>> = {
  broker: BROKER_MUTANTS,
  rotation: ROTATION_MUTANTS,
  events: EVENT_MUTANTS,
  assertions: ASSERTION_MUTANTS,
  issuers: ISSUER_MUTANTS,
};

/** All mutants, one at least for each promise. */
export const MUTANTS: readonly Mutant[] = Object.entries(MUTANTS_OF).flatMap(([world, promises]) =>
  Object.entries(promises).flatMap(([breaks, mutants]) =>
    Object.entries(mutants).map(([name, changes]) => ({
      only: world as WorldName,
      breaks,
      name,
      changes: [changes].flat(),
    })),
  ),
);

/**
 * The first history of the seed `mutant` that finds a mutant, where many come before it, by the mutant's name. The earlier
 * ones find nothing and are not played. A change of the broker may move it: then later ones find it, or this number falls.
 */
export const FOUND_AT: Readonly<Record<string, number>> = {
  'asks again whatever has failed, and remembers nothing': 1399,
  'waits without an end': 135,
  'hands out what a caller has had exchanged, whatever became of it': 192,
  'does not listen to callers': 288,
  'believes every caller': 1542,
  'keeps for long what introspection said': 968,
  'stores tokens by a clock that is ahead': 345,
  'believes that what it knows is current': 204,
  'leaves AWSPENDING on the version that is current': 342,
  'believes a step that comes late': 1252,
  'fails if nothing is pending': 114,
  'fails if another step has stored its key first': 27,
  'limits all callers together': 653,
  'makes a key current without looking whether ZITADEL has it': 28,
  'takes a row of another credential for none': 19,
  'believes a failure for as long as a row says': 17,
  'takes no notice of a flush': 19,
  'takes other spellings of base64': 1589,
  'takes instants that are texts': 3029,
  'takes what is not valid yet': 1284,
  'needs no iat': 1947,
  'forgets the age': 2701,
  'takes what does not say what started it': 1478,
  'lets a prefix lead into another namespace': 6315,
  'takes a SPIFFE token for any assertion': 618,
  'repeats the name of the profile': 409,
  'takes assertions of any length': 363,
};
