import { randomUUID } from 'node:crypto';
import { createSecretsManagerStore } from '../aws/secrets-manager.ts';
import { createRefusals, type WithCredential } from '../broker/credentials/attempt.ts';
import { type Credentials, createCredentials } from '../broker/credentials/credentials.ts';
import { watchSecrets, watchTable } from '../broker/credentials/health.ts';
import { createExplainRefusal, type ExplainRefusal } from '../broker/credentials/issuer-check.ts';
import { createOutages, type Outages } from '../broker/credentials/outages.ts';
import { createInquiry, type Inquiry } from '../broker/introspection/inquiry.ts';
import { createIntrospect, type Introspect } from '../broker/introspection/introspect.ts';
import { createCallerLimit, type LimitCaller, parseCallerRate } from '../broker/profiles/caller-rate.ts';
import type { Profiles } from '../broker/profiles/profile.ts';
import { type Bulletin, createBulletin } from '../broker/store/bulletin.ts';
import { createHoldings, type Holdings } from '../broker/store/holdings.ts';
import { inStoreTime } from '../broker/store/store-time.ts';
import type { Table } from '../broker/store/table.ts';
import { createTransport } from '../net/transport.ts';
import type { Send } from '../oauth/transport.ts';
import type { Environment, Overrides } from './environment.ts';
import { createJournal, type Journal } from './journal.ts';
import { createTable } from './table.ts';

/** The parts that every function that calls ZITADEL shares. */
export interface Base extends Journal {
  readonly random: () => number;
  readonly uuid: () => string;
  readonly profiles: Profiles;
  /** Sends no request to an issuer that is known to be unavailable. */
  readonly send: Send;
  readonly connect?: Send['connect'];
  readonly outages: Outages;
  readonly table: Table;
  readonly bulletin: Bulletin;
  readonly holdings: Holdings;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
  readonly explainRefusal: ExplainRefusal;
  readonly inquiry: Inquiry;
  readonly introspect: Introspect;
  /** Of the parameter `callerRate`. */
  readonly limitCaller?: LimitCaller;
}

/**
 * Builds the shared parts.
 * @throws {Error} if the environment is not that of a deployment: the function cannot start
 */
export function createBase(profiles: Profiles, env: Environment, overrides: Overrides): Base {
  const journal = createJournal(env, overrides);
  const callerRate = parseCallerRate(env.CALLER_RATE);
  const { clock, health, expiries, isLocal } = journal;
  const { random = Math.random, uuid = randomUUID } = overrides;
  const secrets = watchSecrets(overrides.secrets ?? createSecretsManagerStore({ clock }), health);
  const table = watchTable(inStoreTime(overrides.table ?? createTable(env, clock)), health);
  const bulletin = createBulletin({ clock, table, profiles });
  const transport = overrides.send ?? createTransport({ clock, allowLoopbackHttp: isLocal, env });
  const outages = createOutages({ clock, random, send: transport, bulletin, health });
  const { send } = outages;
  const credentials = createCredentials({
    clock,
    secrets,
    expiries,
    onTrimmed: (secret, members) => journal.log.trimmed({ at: clock.now(), secret, members }),
  });
  const withCredential = createRefusals({ clock, credentials });
  const explainRefusal = createExplainRefusal({ clock, send });
  const holdings = createHoldings({ clock, table });
  const inquiry = createInquiry({ clock, uuid, send, credentials, withCredential, explainRefusal });
  return {
    ...journal,
    random,
    uuid,
    profiles,
    send,
    ...(transport.connect && { connect: transport.connect }),
    outages,
    table,
    bulletin,
    holdings,
    credentials,
    withCredential,
    explainRefusal,
    inquiry,
    introspect: createIntrospect({ clock, inquiry, bulletin, holdings }),
    ...(callerRate && { limitCaller: createCallerLimit(clock, callerRate) }),
  };
}
