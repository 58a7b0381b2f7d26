import { randomUUID } from 'node:crypto';
import { createSecretsManagerStore } from '../aws/secrets-manager.ts';
import { type Credentials, createCredentials, type SecretStore } from '../broker/credentials.ts';
import type { Profile, Profiles } from '../broker/profile.ts';
import { createRefusals, type WithCredential } from '../broker/refusals.ts';
import type { Table } from '../broker/table.ts';
import type { Clock } from '../core/clock.ts';
import { createTransport } from '../http/transport.ts';
import type { Send } from '../oauth/transport.ts';
import { createJournal, type Journal } from './journal.ts';

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

/** What every function that talks to ZITADEL is made of. */
export interface Base extends Journal {
  readonly random: () => number;
  readonly uuid: () => string;
  readonly profiles: Profiles;
  readonly send: Send;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
}

/** Builds what functions have in common. */
export function createBase(profiles: Profiles, env: Environment, overrides: Overrides): Base {
  const journal = createJournal(env, overrides);
  const { clock, isLocal } = journal;
  const secrets = overrides.secrets ?? createSecretsManagerStore({ clock });
  const credentials = createCredentials({ clock, secrets });
  return {
    ...journal,
    random: overrides.random ?? Math.random,
    uuid: overrides.uuid ?? randomUUID,
    profiles,
    send: overrides.send ?? createTransport({ clock, allowLoopbackHttp: isLocal }),
    credentials,
    withCredential: createRefusals({ clock, credentials }),
  };
}
