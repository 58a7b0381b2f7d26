import {
  RotateSecretCommand,
  type RotateSecretCommandInput,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import { rotatedSecrets } from '../../lib/broker/profiles/rotation.ts';
import type { Environment, Overrides } from '../../lib/compose/environment.ts';
import { systemClock } from '../../lib/compose/journal.ts';
import { createRotateFunction } from '../../lib/compose/rotate.ts';
import { createSandbox, type Sandbox } from '../../lib/compose/sandbox.ts';
import type { Clock } from '../../lib/core/clock.ts';
import { DAY_MS } from '../../lib/core/time.ts';
import type { Send } from '../../lib/oauth/transport.ts';
import { createGateway, type GatewayOptions } from './gateway/server.ts';
import type { Principal } from './gateway/sigv4.ts';
import { createRoutes } from './routes.ts';
import { createSecretsManager, type SecretsManager } from './secrets-manager.ts';
import type { StandIn } from './stand-in.ts';
import { createTable, type Table } from './table.ts';

export const REGION = 'eu-central-1';

/** The inputs of the stack. */
export interface StackOptions extends Pick<GatewayOptions, 'port' | 'payload' | 'tls' | 'throttle'> {
  readonly profiles: Profiles;
  readonly secrets: Readonly<Record<string, string>>;
  readonly principals: Iterable<Principal>;
  /** The parameter `callerRate`. */
  readonly callerRate?: string;
  /** Takes each line of the log: the broker's, and why the gateway refused a request. */
  readonly write: (line: string) => void;
  readonly onError: (error: unknown) => void;
  /**
   * Of the broker and of the stand-ins for AWS's services. The gateway keeps the time of this machine, by which its
   * callers sign.
   */
  readonly clock?: Clock;
  /** Sends the broker's requests to ZITADEL. */
  readonly send?: Send;
}

/** The broker behind a gateway, with stand-ins for the AWS services that it needs, all on this machine. */
export interface Stack {
  readonly gateway: StandIn;
  /** The sandbox behind the gateway. */
  readonly sandbox: () => Sandbox;
  /** Puts a new sandbox behind the gateway: nothing is left in memory. */
  readonly restart: () => void;
  readonly table: Table;
  readonly secretsManager: SecretsManager;
  /** Schedules the rotations, as a deployment does after everything else. */
  readonly schedule: () => Promise<void>;
  /** Starts the rotation of a secret, and does not wait for it. */
  readonly rotate: (secret: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The issuer of the profiles, if they have one alone. */
function onlyIssuer(profiles: Profiles): string {
  const issuers = new Set([...profiles.values()].map(({ issuer }) => issuer));
  const [issuer = ''] = issuers;
  return issuers.size === 1 ? issuer : '';
}

/** The environment of a deployed function, with endpoints of the stand-ins only. */
const environment = (profiles: Profiles, secretsManager: StandIn, table: StandIn): Environment => ({
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: 'AKIALOCALSTACK',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
  AWS_ENDPOINT_URL_DYNAMODB: table.url,
  TABLE_NAME: 'tokens',
  METRICS_NAMESPACE: 'zitadel-token-broker-local',
  BROKER_LOCAL: 'true',
  METADATA_ISSUER: onlyIssuer(profiles),
});

/** What a deployment allows a run of prewarm. */
export const PREWARM_TIMEOUT_MS = 60_000;

/** Calls RotateSecret, as an operator or a deployment does. */
async function rotateSecret(input: RotateSecretCommandInput): Promise<void> {
  const client = new SecretsManagerClient({});
  try {
    await client.send(new RotateSecretCommand(input));
  } finally {
    client.destroy();
  }
}

/** Schedules rotations as a deployment does: each is tested now, and none begins. */
async function schedule(profiles: Profiles): Promise<void> {
  for (const { secret, everyMs } of rotatedSecrets(profiles)) {
    await rotateSecret({
      SecretId: secret,
      RotationLambdaARN: 'arn:aws:lambda:local:0:function:rotate',
      RotationRules: { AutomaticallyAfterDays: everyMs / DAY_MS },
      RotateImmediately: false,
    });
  }
}

/**
 * Starts the stack. The AWS SDK reads its settings from `process.env`, so this overwrites those of any account that the
 * machine is logged in to.
 * @throws {Error} with `code: 'EADDRINUSE'` if the port is in use
 */
export async function createStack({
  profiles,
  secrets,
  principals,
  callerRate = '',
  write,
  onError,
  clock = systemClock,
  send,
  ...options
}: StackOptions): Promise<Stack> {
  let isScheduled = false;
  let sandbox: Sandbox;
  const context = { getRemainingTimeInMillis: () => PREWARM_TIMEOUT_MS };
  // As the rule of a deployment: a credential that has changed is tried. A failure is logged.
  const onEvent = (event: object) => {
    if (isScheduled) setImmediate(() => void sandbox.prewarm(event, context).catch(() => undefined));
  };
  const [secretsManager, table] = await Promise.all([
    createSecretsManager({ now: clock.now, region: REGION, onEvent }),
    createTable({ tableName: 'tokens', now: clock.now }),
  ]);
  for (const [name, text] of Object.entries(secrets)) secretsManager.put(name, text);
  const env = { ...environment(profiles, secretsManager, table), CALLER_RATE: callerRate };
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL']) delete process.env[name];
  Object.assign(process.env, env);
  const closeServices = () => Promise.all([secretsManager.close(), table.close()]);
  try {
    const overrides: Overrides = { write, clock, ...(send && { send }) };
    const restart = () => {
      sandbox = createSandbox(profiles, env, overrides);
    };
    restart();
    secretsManager.rotateWith(createRotateFunction(profiles, env, overrides));
    const routes = createRoutes(() => sandbox);
    const gateway = await createGateway({
      routes,
      principals: [...principals],
      now: Date.now,
      region: REGION,
      onError,
      onRefusal: write,
      ...options,
    });
    const startRotations = async () => {
      await schedule(profiles);
      isScheduled = true;
    };
    const close = async () => {
      await gateway.close();
      await closeServices();
    };
    const rotate = (SecretId: string) => rotateSecret({ SecretId });
    return {
      gateway,
      sandbox: () => sandbox,
      restart,
      table,
      secretsManager,
      schedule: startRotations,
      rotate,
      close,
    };
  } catch (error) {
    await closeServices();
    throw error;
  }
}
