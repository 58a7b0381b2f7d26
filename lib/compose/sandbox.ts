import { randomUUID } from 'node:crypto';
import { createDynamoDbTable } from '../aws/dynamodb-table.ts';
import { createSecretsManagerStore } from '../aws/secrets-manager.ts';
import { prewarm } from '../broker/prewarm.ts';
import { type Profiles, parseProfiles } from '../broker/profile.ts';
import { createTokens, type TokensDeps } from '../broker/tokens.ts';
import type { Clock } from '../core/clock.ts';
import { instant, plus } from '../core/time.ts';
import { createLog, type Log } from '../http/log.ts';
import { createTokenEndpoint, type GatewayHandler, type InvocationContext } from '../http/token-endpoint.ts';
import { createTransport } from '../http/transport.ts';

/** What the environment of a function says. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One Lambda execution environment: everything in it is built once, and lives as long as it does. */
export interface Sandbox {
  readonly token: GatewayHandler;
  readonly prewarm: (event: unknown, context: InvocationContext) => Promise<void>;
}

/** What tests and the simulation put in place of the real thing. */
export type Overrides = Partial<Omit<TokensDeps, 'profiles'> & { readonly write: (line: string) => void }>;

const systemClock: Clock = {
  now: () => instant(Date.now()),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

function readProfiles(document: unknown, allowLoopbackHttp: boolean): Profiles {
  const profiles = parseProfiles(document, { allowLoopbackHttp });
  if (profiles.ok) return profiles.value;
  const faults = profiles.error.map(({ path, problem }) => `${path.join('.')} ${problem}`);
  throw new Error(`the profiles are not valid; run npm run profiles: ${faults.join('; ')}`);
}

function required(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is missing`);
  return value;
}

function createPrewarm(deps: { clock: Clock; profiles: Profiles; tokens: ReturnType<typeof createTokens>; log: Log }) {
  const { clock, log } = deps;
  return async (_event: unknown, context: InvocationContext): Promise<void> => {
    const at = clock.now();
    const results = await prewarm(deps, plus(at, context.getRemainingTimeInMillis()));
    const named = (wanted: string) => results.filter(({ outcome }) => outcome === wanted).map(({ profile }) => profile);
    const failed = results.flatMap(({ profile, error }) => (error === undefined ? [] : [{ profile, error }]));
    log.prewarm({ at, durationMs: clock.now() - at, renewed: named('renewed'), kept: named('kept'), failed });
    // Lambda's own count of errors is what the alarm looks at.
    if (failed.length > 0) throw new Error(`prewarm failed for ${failed.map(({ profile }) => profile).join(', ')}`);
  };
}

/**
 * Builds a sandbox.
 * @param document the document of profiles, as compiled into the bundle
 * @throws {Error} where the profiles or the environment are not as a deployment makes them: the function cannot start
 */
export function createSandbox(document: unknown, env: Environment, overrides: Overrides = {}): Sandbox {
  const allowLoopbackHttp = env.BROKER_LOCAL === 'true';
  const profiles = readProfiles(document, allowLoopbackHttp);
  const clock = overrides.clock ?? systemClock;
  const write = overrides.write ?? ((line: string) => void process.stdout.write(`${line}\n`));
  const log = createLog(env.METRICS_NAMESPACE ?? 'zitadel-token-broker', write);
  const tokens = createTokens({
    clock,
    random: overrides.random ?? Math.random,
    uuid: overrides.uuid ?? randomUUID,
    send: overrides.send ?? createTransport({ clock, allowLoopbackHttp }),
    secrets: overrides.secrets ?? createSecretsManagerStore({ clock }),
    table: overrides.table ?? createDynamoDbTable({ clock, tableName: required(env, 'TABLE_NAME') }),
    profiles,
  });
  return {
    token: createTokenEndpoint({ clock, profiles, tokens, log }),
    prewarm: createPrewarm({ clock, profiles, tokens, log }),
  };
}
