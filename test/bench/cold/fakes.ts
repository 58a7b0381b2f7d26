import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readBody } from '../../../infra/local/stand-in.ts';

/** How long each of them takes before it answers. */
export interface Latencies {
  readonly secretsMs: number;
  readonly tableMs: number;
  readonly zitadelMs: number;
}

/** The three services that a broker talks to, with TLS, on loopback. */
export interface Fakes {
  /** What tells a function where they are. */
  readonly env: Readonly<Record<string, string>>;
  readonly issuer: string;
  /** How many requests each has had since the last time. */
  readonly take: () => { secrets: number; table: number; zitadel: number };
  readonly setLatencies: (latencies: Latencies) => void;
  readonly close: () => Promise<void>;
}

const certificates = join(import.meta.dirname, '../../proof/hostile/certificates');
const read = (name: string) => readFileSync(join(certificates, name));

type Reply = (headers: Readonly<Record<string, unknown>>, body: string) => object;

/** Serves JSON after `delayMs`; counts. */
async function serve(reply: Reply) {
  let calls = 0;
  let delayMs = 0;
  const server = createServer({ key: read('key.pem'), cert: read('good.pem') }, async (req, res) => {
    calls += 1;
    const answer = JSON.stringify(reply(req.headers, await readBody(req)));
    const send = () => res.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    if (delayMs > 0) setTimeout(send, delayMs);
    else send();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    take: () => {
      const taken = calls;
      calls = 0;
      return taken;
    },
    delay: (ms: number) => {
      delayMs = ms;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An empty table for every caller: what is written is answered, and forgotten. */
const answerTable: Reply = (headers, body) => {
  if (!String(headers['x-amz-target']).endsWith('UpdateItem')) return {};
  const { UpdateExpression = '', ExpressionAttributeNames = {}, ExpressionAttributeValues = {} } = JSON.parse(body);
  const Attributes: Record<string, unknown> = { generation: { N: '1' } };
  for (const [, name = '', value = ''] of UpdateExpression.matchAll(/(#\w+) = (:\w+)/g)) {
    Attributes[ExpressionAttributeNames[name]] = ExpressionAttributeValues[value];
  }
  return { Attributes };
};

/** Starts them, with answers at once. */
export async function createFakes(): Promise<Fakes> {
  const SecretString = JSON.stringify({ clientId: 'orders-worker', clientSecret: 'a-secret-of-the-benchmark' });
  const secrets = await serve(() => ({ SecretString }));
  const table = await serve(answerTable);
  const token = { access_token: 'a'.repeat(120), token_type: 'Bearer', expires_in: 43_199 };
  const zitadel = await serve(() => token);
  const all = [secrets, table, zitadel];
  return {
    env: {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      AWS_ENDPOINT_URL_DYNAMODB: table.url,
      AWS_ACCESS_KEY_ID: 'AKIABENCHMARK',
      AWS_SECRET_ACCESS_KEY: 'benchmark',
      ISSUER: zitadel.url,
      TABLE_NAME: 'tokens',
      NODE_EXTRA_CA_CERTS: join(certificates, 'ca.pem'),
    },
    issuer: zitadel.url,
    take: () => ({ secrets: secrets.take(), table: table.take(), zitadel: zitadel.take() }),
    setLatencies({ secretsMs, tableMs, zitadelMs }) {
      secrets.delay(secretsMs);
      table.delay(tableMs);
      zitadel.delay(zitadelMs);
    },
    async close() {
      await Promise.all(all.map(({ close }) => close()));
    },
  };
}
