import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { createSecretsManager, type SecretsManager } from '../../../infra/local/secrets-manager.ts';
import { createTable, type Table } from '../../../infra/local/table.ts';
import { createZitadel, type Zitadel } from '../../../infra/local/zitadel/server.ts';
import { accounts } from '../../support/rig.ts';
import { turn } from '../../support/turns.ts';
import { createWorldClock, type WorldClock } from './clock.ts';
import { type Answer, type Ask, createFunction, type FunctionProcess } from './function.ts';
import { type FunctionName, type Package, secretsByName } from './package.ts';
import { createProxy, type Line } from './proxy.ts';
import { AWS_KEY, type Evidence } from './secrets.ts';
import { tokenEnd } from './truth.ts';

/** What the functions depend on. */
export type Dependency = 'zitadel' | 'secretsManager' | 'table';

/** A row of the table as it lies there. */
export type StoredRow = Readonly<Record<string, { readonly S?: string; readonly N?: string }>>;

/** Everything around the functions, with a network between that can fail. */
export interface World {
  readonly clock: WorldClock;
  readonly zitadel: Zitadel;
  readonly secretsManager: SecretsManager;
  readonly table: Table;
  readonly network: Readonly<Record<Dependency, Line>>;
  /** Starts a function in a process of its own. */
  readonly start: (name: FunctionName, env?: Readonly<Record<string, string>>) => Promise<FunctionProcess>;
  /** Kills a process. */
  readonly kill: (sandbox: FunctionProcess) => Promise<void>;
  readonly ask: (sandbox: FunctionProcess, request: Ask) => Promise<Answer>;
  /** Epoch milliseconds of a token's end by ZITADEL's own word, `undefined` where it is not good. */
  readonly tokenEnd: (token: unknown) => Promise<number | undefined>;
  readonly rows: () => Promise<readonly StoredRow[]>;
  /** How many leases were taken, over all rows. */
  readonly leases: () => Promise<number>;
  /**
   * How often a process that lived has given up a connection to the table. Each may have made it obtain a token of its
   * own (the table may take 300 ms, which on a busy machine it does), so this many exchanges more are no fault.
   */
  readonly tableGivenUp: () => number;
  /** For a search for leaks once nothing is in a hurry any more. */
  readonly evidence: () => Promise<Evidence>;
  readonly close: () => Promise<void>;
}

export interface WorldOptions {
  readonly tokenLifetimeSeconds?: number;
  /** Whether the processes have the world's clock; else they are as they are deployed, and it must not jump. */
  readonly clockJumps?: boolean;
}

const TABLE_NAME = 'tokens';

/** Starts a world for processes of this package. */
export async function createWorld(
  broker: Package,
  { tokenLifetimeSeconds = 43_200, clockJumps = false }: WorldOptions = {},
): Promise<World> {
  const folder = broker.createFolder();
  const clock = createWorldClock(join(folder, 'ahead-ms'));
  const { now } = clock;
  const [zitadel, secretsManager, table] = await Promise.all([
    createZitadel({ accounts, now, tokenLifetimeSeconds, hosts: ['127.0.0.1'] }),
    createSecretsManager({ now }),
    createTable({ tableName: TABLE_NAME }),
  ]);
  for (const [name, secret] of Object.entries(secretsByName)) secretsManager.put(name, secret);
  const traffic: Buffer[] = [];
  const network = {
    zitadel: await createProxy({ targetPort: zitadel.port, watch: (chunk) => traffic.push(chunk) }),
    secretsManager: await createProxy({ targetPort: secretsManager.port }),
    table: await createProxy({ targetPort: table.port }),
  };
  const bundles = broker.unpack(folder, network.zitadel.url);
  const environment = {
    AWS_ACCESS_KEY_ID: AWS_KEY.id,
    AWS_SECRET_ACCESS_KEY: AWS_KEY.secret,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: network.secretsManager.url,
    AWS_ENDPOINT_URL_DYNAMODB: network.table.url,
    TABLE_NAME,
    METRICS_NAMESPACE: 'processes',
    BROKER_LOCAL: 'true',
    ...(clockJumps ? clock.env : {}),
  };
  const client = new DynamoDBClient({
    endpoint: table.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: AWS_KEY.id, secretAccessKey: AWS_KEY.secret },
  });
  const processes: FunctionProcess[] = [];
  /** What was answered, but for the tokens that were asked for. */
  const answered: Answer[] = [];
  const ends = new Map<string, number>();
  let ofTheDead = 0;

  const rows = async () => ((await client.send(new ScanCommand({ TableName: TABLE_NAME }))).Items ?? []) as StoredRow[];

  return {
    clock,
    zitadel,
    secretsManager,
    table,
    network,
    async start(name, env = {}) {
      const nodeArguments = clockJumps ? clock.nodeArguments : [];
      const started = await createFunction({
        bundle: bundles[name],
        env: { ...environment, ...env },
        nodeArguments,
        now,
      });
      processes.push(started);
      return started;
    },
    async kill(sandbox) {
      const before = network.table.givenUp();
      await sandbox.kill();
      // Its connections ended before it did: what came of that lies there to be read.
      await turn();
      ofTheDead += network.table.givenUp() - before;
    },
    async ask(sandbox, request) {
      const answer = await sandbox.ask(request);
      const { access_token: token, ...json } = answer.json;
      answered.push(token === undefined ? answer : { ...answer, text: '', json });
      return answer;
    },
    async tokenEnd(token) {
      const key = String(token);
      const end = ends.get(key) ?? (await tokenEnd(zitadel.url, key));
      if (end !== undefined) ends.set(key, end);
      return end;
    },
    rows,
    // Each lease is written twice: when it is taken, and when it ends.
    leases: async () =>
      (await rows()).reduce((sum, { generation }) => sum + Math.ceil(Number(generation?.N ?? 0) / 2), 0),
    tableGivenUp: () => network.table.givenUp() - ofTheDead,
    async evidence() {
      const written = processes.map((one) => Object.values(one.output()).join('\n'));
      return {
        traffic: Buffer.concat(traffic).toString('latin1'),
        text: [...written, JSON.stringify(answered), JSON.stringify(await rows())].join('\n'),
        stderr: processes.map((one) => one.output().stderr).join(''),
      };
    },
    async close() {
      await Promise.all(processes.map(({ kill }) => kill()));
      client.destroy();
      const closing = [...Object.values(network), zitadel, secretsManager, table];
      await Promise.all(closing.map(({ close }) => close()));
    },
  };
}
