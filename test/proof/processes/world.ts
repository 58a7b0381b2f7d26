import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { createSecretsManager, type SecretsManager } from '../../../infra/local/secrets-manager.ts';
import { createTable, type Table } from '../../../infra/local/table.ts';
import { createZitadel, type Zitadel } from '../../../infra/local/zitadel/server.ts';
import { accounts } from '../../support/rig.ts';
import { turn } from '../../support/turns.ts';
import { createWorldClock, type WorldClock } from './clock.ts';
import { createFunction, type FunctionProcess } from './function.ts';
import { type FunctionName, type Package, secretsByName } from './package.ts';
import { createProxy, type Line } from './proxy.ts';
import { AWS_KEY, type Evidence } from './secrets.ts';

/** What the functions depend on. */
export const DEPENDENCIES = ['zitadel', 'secretsManager', 'table'] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/** A row of the table as it is stored. */
export type StoredRow = Readonly<Record<string, { readonly S?: string; readonly N?: string }>>;

/** What has happened in a world. */
export interface Counts {
  /** Tokens that ZITADEL issued, including those that never arrived. */
  readonly exchanges: number;
  /** Leases that were taken, over all rows. */
  readonly leases: number;
  /**
   * How often a process that lived has given up a connection to the table. Each time it may have obtained a token of
   * its own (the table may take 300 ms, which it does on a busy machine), so this many exchanges more are no fault.
   */
  readonly tableGivenUp: number;
}

/** Everything around the functions, with a network between that can fail. */
export interface World {
  readonly clock: WorldClock;
  readonly zitadel: Zitadel;
  readonly secretsManager: SecretsManager;
  readonly table: Table;
  readonly network: Readonly<Record<Dependency, Line>>;
  /** Starts a function in a process of its own. */
  readonly start: (name: FunctionName) => Promise<FunctionProcess>;
  /** Epoch milliseconds of a token's end, as ZITADEL itself says; `undefined` if the token is not valid. */
  readonly tokenEnd: (token: unknown) => Promise<number | undefined>;
  readonly rows: () => Promise<readonly StoredRow[]>;
  /** What has happened so far, or since `before` was counted. */
  readonly counts: (before?: Counts) => Promise<Counts>;
  /** For a search for leaks at the end. */
  readonly evidence: () => Promise<Evidence>;
  readonly close: () => Promise<void>;
}

export interface WorldOptions {
  readonly tokenLifetimeSeconds?: number;
  /** Whether the processes have the world's clock; else they are as they are deployed, and it must not jump. */
  readonly clockJumps?: boolean;
}

const TABLE_NAME = 'tokens';

const basicAuthorization = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

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
    createTable({ tableName: TABLE_NAME, now }),
  ]);
  for (const [name, secret] of Object.entries(secretsByName)) secretsManager.put(name, secret);
  const traffic: Buffer[] = [];
  const network = {
    zitadel: await createProxy({ targetPort: zitadel.port, watch: (chunk) => traffic.push(chunk) }),
    secretsManager: await createProxy({ targetPort: secretsManager.port }),
    table: await createProxy({ targetPort: table.port }),
  };
  broker.unpack(folder, network.zitadel.url);
  const env = {
    AWS_ACCESS_KEY_ID: AWS_KEY.id,
    AWS_SECRET_ACCESS_KEY: AWS_KEY.secret,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: network.secretsManager.url,
    AWS_ENDPOINT_URL_DYNAMODB: network.table.url,
    TABLE_NAME,
    METRICS_NAMESPACE: 'processes',
    BROKER_LOCAL: 'true',
    ...(clockJumps ? clock.env : {}),
  };
  const nodeArguments = clockJumps ? clock.nodeArguments : [];
  const client = new DynamoDBClient({
    endpoint: table.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: AWS_KEY.id, secretAccessKey: AWS_KEY.secret },
  });
  const processes: FunctionProcess[] = [];
  const ends = new Map<unknown, number>();
  let givenUpByKilled = 0;

  const rows = async () => ((await client.send(new ScanCommand({ TableName: TABLE_NAME }))).Items ?? []) as StoredRow[];

  /** Asks ZITADEL itself, past everything that can fail on the way. */
  async function introspect(token: string): Promise<number | undefined> {
    const { clientId, clientSecret } = accounts.apiSecret;
    const headers = { authorization: basicAuthorization(clientId, clientSecret) };
    const body = new URLSearchParams({ token });
    const response = await fetch(`${zitadel.url}/oauth/v2/introspect`, { method: 'POST', headers, body });
    const { active, exp } = (await response.json()) as { active: boolean; exp?: number };
    return active && exp !== undefined ? exp * 1000 : undefined;
  }

  return {
    clock,
    zitadel,
    secretsManager,
    table,
    network,
    async start(name) {
      const started = await createFunction({ bundle: join(folder, name, 'index.cjs'), env, nodeArguments, now });
      async function kill(): Promise<void> {
        const before = network.table.givenUp();
        await started.kill();
        // Its connections ended before it did: the proxy has yet to read that.
        await turn();
        givenUpByKilled += network.table.givenUp() - before;
      }
      processes.push({ ...started, kill });
      return { ...started, kill };
    },
    async tokenEnd(token) {
      const end = ends.get(token) ?? (await introspect(String(token)));
      if (end !== undefined) ends.set(token, end);
      return end;
    },
    rows,
    async counts({ exchanges, leases, tableGivenUp } = { exchanges: 0, leases: 0, tableGivenUp: 0 }) {
      // Each lease is written twice: when it is taken, and when it ends.
      const taken = (await rows()).map(({ generation }) => Math.ceil(Number(generation?.N ?? 0) / 2));
      return {
        exchanges: zitadel.issued() - exchanges,
        leases: taken.reduce((sum, leases) => sum + leases, 0) - leases,
        tableGivenUp: network.table.givenUp() - givenUpByKilled - tableGivenUp,
      };
    },
    async evidence() {
      const stderr = processes.map((one) => one.output().stderr).join('');
      const stdout = processes.map((one) => one.output().stdout);
      const answers = processes.map((one) => one.answers);
      return {
        traffic: Buffer.concat(traffic).toString('latin1'),
        text: [...stdout, stderr, JSON.stringify(answers), JSON.stringify(await rows())].join('\n'),
        stderr,
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
