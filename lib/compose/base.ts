import { randomUUID } from 'node:crypto';
import { createSecretsManagerStore } from '../aws/secrets-manager.ts';
import { type Bulletin, createBulletin } from '../broker/bulletin.ts';
import { type Credentials, createCredentials, type SecretStore } from '../broker/credentials.ts';
import { watchSecrets, watchTable } from '../broker/health.ts';
import { createHoldings, type Holdings } from '../broker/holdings.ts';
import { createInquiry, type Inquiry } from '../broker/inquiry.ts';
import { createIntrospect, type Introspect } from '../broker/introspect.ts';
import { createOutages, type Outages } from '../broker/outages.ts';
import type { Profile, Profiles } from '../broker/profile.ts';
import { createRefusals, type WithCredential } from '../broker/refusals.ts';
import type { Table } from '../broker/table.ts';
import type { Clock } from '../core/clock.ts';
import { createTransport } from '../http/transport.ts';
import type { Send } from '../oauth/transport.ts';
import { createJournal, type Journal } from './journal.ts';
import { createTable } from './table.ts';

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
  /** Spares an issuer that is known to be away. */
  readonly send: Send;
  readonly outages: Outages;
  readonly table: Table;
  readonly bulletin: Bulletin;
  readonly holdings: Holdings;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
  readonly inquiry: Inquiry;
  readonly introspect: Introspect;
}

/**
 * Builds what functions have in common.
 * @throws {Error} where the environment is not as a deployment makes it: the function cannot start
 */
export function createBase(profiles: Profiles, env: Environment, overrides: Overrides): Base {
  const journal = createJournal(env, overrides);
  const { clock, health, isLocal } = journal;
  const { random = Math.random, uuid = randomUUID } = overrides;
  const secrets = watchSecrets(overrides.secrets ?? createSecretsManagerStore({ clock }), health);
  const table = watchTable(overrides.table ?? createTable(env, clock), health);
  const bulletin = createBulletin({ clock, table, profiles });
  const transport = overrides.send ?? createTransport({ clock, allowLoopbackHttp: isLocal });
  const outages = createOutages({ clock, random, send: transport, bulletin, health });
  const { send } = outages;
  const credentials = createCredentials({ clock, secrets });
  const withCredential = createRefusals({ clock, credentials });
  const holdings = createHoldings({ clock, table });
  const inquiry = createInquiry({ clock, uuid, send, credentials, withCredential });
  return {
    ...journal,
    random,
    uuid,
    profiles,
    send,
    outages,
    table,
    bulletin,
    holdings,
    credentials,
    withCredential,
    inquiry,
    introspect: createIntrospect({ clock, inquiry, bulletin, holdings }),
  };
}
