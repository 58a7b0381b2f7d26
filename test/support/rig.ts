import { randomUUID } from 'node:crypto';
import type { PayloadFormat } from '../../infra/local/gateway/lambda-result.ts';
import { createGateway } from '../../infra/local/gateway/server.ts';
import type { Principal } from '../../infra/local/gateway/sigv4.ts';
import { createRoutes } from '../../infra/local/routes.ts';
import { createSecretsManager, type SecretsManager } from '../../infra/local/secrets-manager.ts';
import type { StandIn } from '../../infra/local/stand-in.ts';
import { createTable, type Table } from '../../infra/local/table.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import type { Overrides } from '../../lib/compose/environment.ts';
import { createSandbox, type Sandbox } from '../../lib/compose/sandbox.ts';
import type { Clock } from '../../lib/core/clock.ts';
import { instant } from '../../lib/core/time.ts';
import { accounts, SECRETS } from './accounts.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { caller, stranger } from './principals.ts';
import { PROJECT_AUDIENCE, profilesFor, profilesOf } from './profiles.ts';
import { type Reply, sendSigned } from './signed-request.ts';
import { turn } from './turns.ts';

export { accounts, PROJECT_AUDIENCE, profilesFor, SECRETS };

/** The instant at which rigs start: the time of the recordings. */
export const START = instant(1_795_438_700_000);

export interface RigOptions {
  readonly payload?: PayloadFormat;
  readonly stage?: string;
  readonly basePath?: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly changes?: Readonly<Record<string, object>>;
  /** Of assertions, as in the document of profiles. */
  readonly issuers?: object;
  readonly tokenLifetimeSeconds?: number;
  readonly lambdaTimeoutMs?: number;
  /** More of the environment of the functions. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A request of a service. */
export interface Ask {
  readonly profile?: string;
  readonly principal?: Principal;
  readonly form?: string;
  readonly contentType?: string;
  /** The endpoint under `/{profile}/oauth/v2`. */
  readonly endpoint?: 'token' | 'introspect' | 'revoke';
}

/** The broker and all that it depends on, over real sockets, on one fake clock. */
export interface Rig {
  readonly clock: FakeClock;
  readonly zitadel: Zitadel;
  readonly secretsManager: SecretsManager;
  readonly table: Table;
  readonly profiles: Profiles;
  readonly gateway: StandIn;
  /** Every line that the broker has logged. */
  readonly lines: string[];
  /** What each profile's log lines say, parsed. */
  readonly log: () => Record<string, unknown>[];
  /** Another sandbox over the same services. */
  readonly addSandbox: (overrides?: Overrides) => Sandbox;
  /** Puts a new sandbox behind the gateway: nothing is left in memory. */
  readonly restart: () => void;
  /** The sandbox behind the gateway. */
  readonly sandbox: () => Sandbox;
  /** Sends a signed token request through the gateway. */
  readonly ask: (request?: Ask) => Promise<Reply>;
  /** Lets time pass, in steps and only while nothing else happens, until `promise` settles. */
  readonly pass: <T>(promise: Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

/** Real time without any request or line of log, after which everybody seems to wait for the clock. */
const IDLE_MS = 50;

/** Small steps at first: a machine that is busy must not look like a service that is slow. */
const STEPS_MS = { first: 50, later: 250, few: 20 };

/** Starts a rig. Rigs of one process follow one another: the AWS SDK takes its endpoints from `process.env`. */
export async function createRig(options: RigOptions = {}): Promise<Rig> {
  const clock = createFakeClock(START);
  const now = () => clock.now();
  const { tokenLifetimeSeconds } = options;
  const [zitadel, secretsManager, table] = await Promise.all([
    createZitadel({ accounts, now, ...(tokenLifetimeSeconds === undefined ? {} : { tokenLifetimeSeconds }) }),
    createSecretsManager({ now }),
    createTable({ tableName: 'tokens', now }),
  ]);
  for (const [name, secret] of Object.entries({ ...SECRETS, ...options.secrets })) secretsManager.put(name, secret);
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    AWS_ENDPOINT_URL_DYNAMODB: table.url,
  });
  const lines: string[] = [];
  const { issuers } = options;
  const profiles = profilesOf({ ...profilesFor(zitadel.url, options.changes), ...(issuers && { issuers }) });
  const env = { TABLE_NAME: 'tokens', BROKER_LOCAL: 'true', METRICS_NAMESPACE: 'test', ...options.env };
  const addSandbox = (overrides: Overrides = {}) =>
    createSandbox(profiles, env, {
      clock: clock as Clock,
      random: () => 0.5,
      uuid: randomUUID,
      write: (line) => lines.push(line),
      ...overrides,
    });
  let sandbox = addSandbox();
  const thrown: unknown[] = [];
  const gateway = await createGateway({
    routes: createRoutes(() => sandbox),
    principals: [caller, stranger],
    now,
    onError: (error) => thrown.push(error),
    ...(options.payload === undefined ? {} : { payload: options.payload }),
    ...(options.stage === undefined ? {} : { stage: options.stage }),
    ...(options.basePath === undefined ? {} : { basePath: options.basePath }),
    ...(options.lambdaTimeoutMs === undefined ? {} : { lambdaTimeoutMs: options.lambdaTimeoutMs }),
  });
  const prefix = options.basePath ?? options.stage;
  const activity = () => zitadel.calls() + secretsManager.calls() + table.calls() + gateway.calls() + lines.length;

  return {
    clock,
    zitadel,
    secretsManager,
    table,
    profiles,
    gateway,
    lines,
    log: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    addSandbox,
    restart: () => {
      sandbox = addSandbox();
    },
    sandbox: () => sandbox,
    ask: ({
      profile = 'orders',
      principal = caller,
      form = 'grant_type=client_credentials',
      contentType,
      endpoint = 'token',
    } = {}) =>
      sendSigned({
        url: `${gateway.url}${prefix === undefined ? '' : `/${prefix}`}/${profile}/oauth/v2/${endpoint}`,
        principal,
        at: new Date(clock.now()),
        body: form,
        ...(contentType === undefined ? {} : { contentType }),
      }),
    async pass(promise) {
      let isDone = false;
      const settled = promise.finally(() => {
        isDone = true;
      });
      settled.catch(() => undefined);
      let seen = activity();
      let since = performance.now();
      let steps = 0;
      while (!isDone) {
        await turn();
        if (activity() !== seen) {
          seen = activity();
          since = performance.now();
        } else if (performance.now() - since > IDLE_MS) {
          await clock.advance(steps < STEPS_MS.few ? STEPS_MS.first : STEPS_MS.later);
          steps += 1;
          since = performance.now();
        }
      }
      return settled;
    },
    async close() {
      await Promise.all([gateway.close(), zitadel.close(), secretsManager.close(), table.close()]);
      if (thrown.length > 0) throw thrown[0];
    },
  };
}
