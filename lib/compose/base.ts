import { randomUUID } from 'node:crypto';
import { createSecretsManagerStore } from '../aws/secrets-manager.ts';
import { type Credentials, createCredentials, type SecretStore } from '../broker/credentials.ts';
import { type Profiles, parseProfiles } from '../broker/profile.ts';
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

/** What every function that talks to ZITADEL is made of. */
export interface Base extends Journal {
  readonly random: () => number;
  readonly uuid: () => string;
  readonly profiles: Profiles;
  readonly send: Send;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
}

function readProfiles(document: unknown, allowLoopbackHttp: boolean): Profiles {
  const profiles = parseProfiles(document, { allowLoopbackHttp });
  if (profiles.ok) return profiles.value;
  const faults = profiles.error.map(({ path, problem }) => `${path.join('.')} ${problem}`);
  throw new Error(`the profiles are not valid; run npm run profiles: ${faults.join('; ')}`);
}

/**
 * Builds what functions have in common.
 * @param document the document of profiles, as compiled into the bundle
 * @throws {Error} where the profiles are not as a deployment makes them: the function cannot start
 */
export function createBase(document: unknown, env: Environment, overrides: Overrides): Base {
  const journal = createJournal(env, overrides);
  const { clock, isLocal } = journal;
  const secrets = overrides.secrets ?? createSecretsManagerStore({ clock });
  const credentials = createCredentials({ clock, secrets });
  return {
    ...journal,
    random: overrides.random ?? Math.random,
    uuid: overrides.uuid ?? randomUUID,
    profiles: readProfiles(document, isLocal),
    send: overrides.send ?? createTransport({ clock, allowLoopbackHttp: isLocal }),
    credentials,
    withCredential: createRefusals({ clock, credentials }),
  };
}
