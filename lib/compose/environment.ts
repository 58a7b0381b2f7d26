import type { SecretStore } from '../broker/credentials/credentials.ts';
import type { Profile } from '../broker/profiles/profile.ts';
import type { Table } from '../broker/store/table.ts';
import type { Clock } from '../core/clock.ts';
import type { Send } from '../oauth/transport.ts';

/** What the environment of a function says. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What tests and the simulation put in place of the real thing. */
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

/** What a bundle holds of the profiles: the entries of `Profiles`. */
export type CompiledProfiles = readonly (readonly [name: string, Profile])[];
