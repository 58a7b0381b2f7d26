import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { listen, readBody, type StandIn } from '../../../infra/local/stand-in.ts';
import { onEnd } from '../ends.ts';
import { SECRET } from '../setting.ts';

/** How long the services take before they answer, in milliseconds. */
export interface Latencies {
  readonly secrets: number;
  readonly table: number;
  readonly zitadel: number;
}

const certificates = join(import.meta.dirname, '../../proof/hostile/certificates');
const read = (name: string) => readFileSync(join(certificates, name), 'utf8');

const TOKEN = { access_token: 'a'.repeat(120), token_type: 'Bearer', expires_in: 43_199 };

/** An empty table for every caller: answers what is written, and forgets it. */
function answerTable(target: string, body: string): object {
  if (!target.endsWith('UpdateItem')) return {};
  const { UpdateExpression = '', ExpressionAttributeNames = {}, ExpressionAttributeValues = {} } = JSON.parse(body);
  const Attributes: Record<string, unknown> = { generation: { N: '1' } };
  for (const [, name = '', value = ''] of UpdateExpression.matchAll(/(#\w+) = (:\w+)/g)) {
    Attributes[ExpressionAttributeNames[name]] = ExpressionAttributeValues[value];
  }
  return { Attributes };
}

const REPLIES: Readonly<Record<keyof Latencies, (target: string, body: string) => object>> = {
  secrets: () => ({ SecretString: SECRET }),
  table: answerTable,
  zitadel: () => TOKEN,
};

/** Starts the three services that a broker talks to, with TLS, on loopback; `env` tells a function where they are. */
export async function createFakes() {
  let latencies: Latencies = { secrets: 0, table: 0, zitadel: 0 };
  const tls = { key: read('key.pem'), cert: read('good.pem') };
  const start = (name: keyof Latencies) =>
    listen(
      async (req, res) => {
        const answer = JSON.stringify(REPLIES[name](String(req.headers['x-amz-target']), await readBody(req)));
        if (latencies[name] > 0) await wait(latencies[name]);
        res.writeHead(200, { 'content-type': 'application/json' }).end(answer);
      },
      { tls },
    );
  const [secrets, table, zitadel] = await Promise.all([start('secrets'), start('table'), start('zitadel')]);
  // The certificate is that of the name.
  const urlOf = ({ port }: StandIn) => `https://localhost:${port}`;
  const env = {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: urlOf(secrets),
    AWS_ENDPOINT_URL_DYNAMODB: urlOf(table),
    AWS_ACCESS_KEY_ID: 'AKIABENCHMARK',
    AWS_SECRET_ACCESS_KEY: 'benchmark',
    ISSUER: urlOf(zitadel),
    TABLE_NAME: 'tokens',
    NODE_EXTRA_CA_CERTS: join(certificates, 'ca.pem'),
  };
  const setLatencies = (next: Latencies) => {
    latencies = next;
  };
  for (const server of [secrets, table, zitadel]) onEnd(server.close);
  return { env, setLatencies };
}
