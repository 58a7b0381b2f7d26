import type { SecretStore } from '../broker/credentials/credentials.ts';
import type { Profile } from '../broker/profiles/profile.ts';
import type { Table } from '../broker/store/table.ts';
import type { Clock } from '../core/clock.ts';
import type { Send } from '../oauth/transport.ts';

/** The environment variables of a function. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Replacements for tests and the simulation. */
export interface Overrides {
  readonly clock?: Clock;
  /** From [0, 1). */
  readonly random?: () => number;
  readonly uuid?: () => string;
  readonly send?: Send;
  readonly secrets?: SecretStore;
  readonly table?: Table;
  /** Takes each line of the log. */
  readonly write?: (line: string) => void;
}

/** The profiles in a bundle: the entries of `Profiles`. */
export type CompiledProfiles = readonly (readonly [name: string, Profile])[];
