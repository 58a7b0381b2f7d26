import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { createSecretsManager } from '../../../infra/local/secrets-manager.ts';
import { createTable } from '../../../infra/local/table.ts';
import { createZitadel } from '../../../infra/local/zitadel/server.ts';
import { accounts } from '../../support/accounts.ts';
import { createSecretCanaries, secretsIn } from '../../support/secret-canaries.ts';
import { turn } from '../../support/turns.ts';
import { createFunction, type FunctionProcess } from './function.ts';
import { type FunctionName, type Package, secretsByName } from './package.ts';
import { createProxy } from './proxy.ts';

/** What the functions depend on. */
export const DEPENDENCIES = ['zitadel', 'secretsManager', 'table'] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/** A row of the table as it is stored. */
type StoredRow = Readonly<Record<string, { readonly S?: string; readonly N?: string }>>;

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

export interface WorldOptions {
  readonly tokenLifetimeSeconds?: number;
  /** Whether the processes have the world's clock; else they are as they are deployed, and it must not jump. */
  readonly clockJumps?: boolean;
}

/** The AWS credentials of the functions. */
const AWS_KEY = { id: 'AKIAPROCESSESTEST000', secret: 'wq8Zr3Lk9XtVb2Nm5Yc7Hd1Js4Gf6PaQeUoIiRxT' };

/** What went through a world, and what came out of it. */
export interface Evidence {
  /** Everything between the broker and ZITADEL (latin1): what there is to leak. */
  readonly traffic: string;
  /** Everything that came out: what the processes wrote and answered, the rows of the table. */
  readonly text: string;
  /** What of it was written to standard error. */
  readonly stderr: string;
}

/** Names the secrets of which a piece has come out: the credentials, and everything secret in the traffic. */
export function findLeaks({ traffic, text }: Evidence): readonly string[] {
  const canaries = createSecretCanaries();
  canaries.plant('AWS key', AWS_KEY.secret);
  for (const secret of secretsIn(traffic)) canaries.plant('traffic with ZITADEL', secret);
  return canaries.search(text);
}

const TABLE_NAME = 'tokens';

/** For others, a lease lasts so much longer than it says. */
const SKEW_MS = 1_000;

/** Everything that is in progress ends by itself within this time. */
const PATIENCE_MS = 15_000;

/** What starts after an answer has started within this time. */
const QUIET_MS = 100;

const SHIFTED_CLOCK = join(import.meta.dirname, 'shifted-clock.cjs');

/** Starts everything around the processes of this package, with a network between that can fail. */
export async function createWorld(
  broker: Package,
  { tokenLifetimeSeconds = 43_200, clockJumps = false }: WorldOptions = {},
) {
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const [zitadel, secretsManager, table] = await Promise.all([
    createZitadel({ accounts, now, tokenLifetimeSeconds, hosts: ['127.0.0.1'] }),
    createSecretsManager({ now }),
    createTable({ tableName: TABLE_NAME, now }),
  ]);
  for (const [name, secret] of Object.entries(secretsByName)) secretsManager.put(name, secret);
  const traffic: Buffer[] = [];
  const network = {
    zitadel: await createProxy(zitadel.port, (chunk) => traffic.push(chunk)),
    secretsManager: await createProxy(secretsManager.port),
    table: await createProxy(table.port),
  };
  const folder = broker.unpack(network.zitadel.url);
  /** The processes read from it how far their clock is ahead. */
  const CLOCK_FILE = join(folder, 'ahead-ms');
  function jump(ms: number): void {
    aheadMs += ms;
    writeFileSync(CLOCK_FILE, String(aheadMs));
  }
  jump(0);
  const env = {
    AWS_ACCESS_KEY_ID: AWS_KEY.id,
    AWS_SECRET_ACCESS_KEY: AWS_KEY.secret,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: network.secretsManager.url,
    AWS_ENDPOINT_URL_DYNAMODB: network.table.url,
    TABLE_NAME,
    METRICS_NAMESPACE: 'processes',
    BROKER_LOCAL: 'true',
    ...(clockJumps && { CLOCK_FILE }),
  };
  const nodeArguments = clockJumps ? ['--require', SHIFTED_CLOCK] : [];
  const client = new DynamoDBClient({
    endpoint: table.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: AWS_KEY.id, secretAccessKey: AWS_KEY.secret },
  });
  const processes: FunctionProcess[] = [];
  const ends = new Map<unknown, number>();
  let givenUpByKilled = 0;

  const rows = async (): Promise<readonly StoredRow[]> =>
    ((await client.send(new ScanCommand({ TableName: TABLE_NAME }))).Items ?? []) as StoredRow[];

  /** Asks ZITADEL itself, past everything that can fail on the way, but once only for each valid token. */
  async function tokenEnd(token: unknown): Promise<number | undefined> {
    if (ends.has(token)) return ends.get(token);
    const { clientId, clientSecret } = accounts.apiSecret;
    const headers = { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` };
    const body = new URLSearchParams({ token: String(token) });
    const response = await fetch(`${zitadel.url}/oauth/v2/introspect`, { method: 'POST', headers, body });
    const { active, exp } = (await response.json()) as { active: boolean; exp?: number };
    if (!active || exp === undefined) return undefined;
    ends.set(token, exp * 1000);
    return exp * 1000;
  }

  return {
    /** Epoch milliseconds by the wall clock of this world: real time, and what was added to it. */
    now,
    /** Lets time jump ahead in all processes at once. As in a sandbox that was frozen, timers that run do not notice. */
    jump,
    zitadel,
    secretsManager,
    table,
    network,
    /** Starts a function in a process of its own. */
    async start(name: FunctionName): Promise<FunctionProcess> {
      const bundle = join(folder, name, 'index.cjs');
      const started = await createFunction({ now, bundle, env, nodeArguments, tokenEnd });
      async function kill(): Promise<void> {
        const before = network.table.givenUp();
        await started.kill();
        // Its connections ended before it did: the proxy has yet to read that.
        await turn();
        givenUpByKilled += network.table.givenUp() - before;
      }
      const sandbox = { ...started, kill };
      processes.push(sandbox);
      return sandbox;
    },
    rows,
    /** Waits until no one is at work, in the background either; but not for ever. A killed process leaves its lease behind. */
    async settle(): Promise<void> {
      const endsAt = performance.now() + PATIENCE_MS;
      for (let idleLooks = 0; idleLooks < 2 && performance.now() < endsAt; ) {
        await sleep(QUIET_MS);
        const leasedAfter = now() - SKEW_MS;
        const isLeased = (await rows()).some(({ leaseUntil }) => Number(leaseUntil?.N ?? 0) >= leasedAfter);
        const isBusy = Object.values(network).some(({ busy }) => busy() > 0);
        idleLooks = isLeased || isBusy ? 0 : idleLooks + 1;
      }
    },
    /** What has happened so far, or since `before` was counted. */
    async counts(before: Counts = { exchanges: 0, leases: 0, tableGivenUp: 0 }): Promise<Counts> {
      // Each lease is written twice: when it is taken, and when it ends.
      const taken = (await rows()).map(({ generation }) => Math.ceil(Number(generation?.N ?? 0) / 2));
      return {
        exchanges: zitadel.issued() - before.exchanges,
        leases: taken.reduce((sum, leases) => sum + leases, 0) - before.leases,
        tableGivenUp: network.table.givenUp() - givenUpByKilled - before.tableGivenUp,
      };
    },
    /** For a search for leaks at the end. */
    async evidence(): Promise<Evidence> {
      const stderr = processes.map((one) => one.output().stderr).join('');
      const stdout = processes.map((one) => one.output().stdout);
      const answers = processes.map((one) => one.answers);
      return {
        traffic: Buffer.concat(traffic).toString('latin1'),
        text: [...stdout, stderr, JSON.stringify(answers), JSON.stringify(await rows())].join('\n'),
        stderr,
      };
    },
    async close(): Promise<void> {
      await Promise.all(processes.map(({ kill }) => kill()));
      client.destroy();
      const closing = [...Object.values(network), zitadel, secretsManager, table];
      await Promise.all(closing.map(({ close }) => close()));
    },
  };
}

/** Everything around the functions. */
export type World = Awaited<ReturnType<typeof createWorld>>;
