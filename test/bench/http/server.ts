import { createStack } from '../../../infra/local/stack.ts';
import { listen, readBody } from '../../../infra/local/stand-in.ts';
import { createZitadel } from '../../../infra/local/zitadel/server.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };
import { context, tokenEvent } from '../../support/events.ts';
import { caller } from '../../support/principals.ts';
import { profilesOf } from '../../support/profiles.ts';
import { createResponseCache } from './response-cache.ts';

// A server of the benchmark in a process of its own: `server.ts NAME [UPSTREAM]`. Tells its parent its port.

const write = (line: string) => void process.stdout.write(`${line}\n`);

const createBroker = (issuer: string) => {
  const orders = {
    issuer,
    secret: 'orders',
    scopes: ['openid'],
    callers: ['arn:aws:iam::123456789012:role/orders-service'],
  };
  const { clientId, clientSecret } = accounts.saSecret;
  return createStack({
    profiles: profilesOf({ profiles: { orders } }),
    secrets: { orders: JSON.stringify({ clientId, clientSecret }) },
    principals: [caller],
    write,
    onError: (error) => process.stderr.write(`${String(error)}\n`),
  });
};

/** The broker's handler behind the least that makes an event of a request: no signature is looked at. */
async function createBare(issuer: string): Promise<number> {
  const { sandbox } = await createBroker(issuer);
  const { port } = await listen(async (req, res) => {
    const event = tokenEvent('orders', await readBody(req));
    const { statusCode, headers, body } = await sandbox.token(event, context());
    res.writeHead(statusCode, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
  });
  return port;
}

const SERVERS: Readonly<Record<string, (upstream: string) => Promise<number>>> = {
  zitadel: async () => (await createZitadel({ accounts })).port,
  cache: createResponseCache,
  bare: createBare,
  signed: async (issuer) => (await createBroker(issuer)).gateway.port,
};

const [name = '', upstream = ''] = process.argv.slice(2);
process.send?.(await SERVERS[name]?.(upstream));
// Nobody is left to serve once the parent has gone.
process.on('disconnect', () => process.exit(0));
