import { listen, readBody } from '../../../infra/local/stand-in.ts';
import { createZitadel } from '../../../infra/local/zitadel/server.ts';
import { accounts } from '../../support/accounts.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { startBroker } from '../broker.ts';
import { serve } from '../worker.ts';

/**
 * What `nginx` with `proxy_cache` for POST does, at its smallest: answers what the server behind it has answered to the
 * same `Authorization` and body, until the token's end. It checks no caller, and everybody who finds nothing asks.
 */
async function createResponseCache(upstream: string): Promise<number> {
  const cache = new Map<string, { readonly until: number; readonly text: string }>();
  const { port } = await listen(async (req, res) => {
    const { authorization = '', 'content-type': type = '' } = req.headers;
    const body = await readBody(req);
    const key = `${req.url}\n${authorization}\n${body}`;
    const reply = (status: number, text: string) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      res.writeHead(status, headers).end(text);
    };
    const found = cache.get(key);
    if (found !== undefined && Date.now() < found.until) return reply(200, found.text);
    const headers = { authorization, 'content-type': type };
    const answer = await fetch(`${upstream}${req.url}`, { method: 'POST', headers, body });
    const text = await answer.text();
    if (answer.ok) cache.set(key, { until: Date.now() + JSON.parse(text).expires_in * 1000, text });
    return reply(answer.status, text);
  });
  return port;
}

/** The broker's handler behind the least that makes an event of a request: it checks no signature. */
async function createBare(issuer: string): Promise<number> {
  const { sandbox } = await startBroker(issuer);
  const { port } = await listen(async (req, res) => {
    const event = tokenEvent('orders', await readBody(req));
    const { statusCode, headers, body } = await sandbox().token(event, context());
    res.writeHead(statusCode, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
  });
  return port;
}

/** The servers of the benchmark, each in front of a ZITADEL, which itself needs none; answer their ports. */
const program = {
  zitadel: async (_upstream: string) => (await createZitadel({ accounts })).port,
  cache: createResponseCache,
  bare: createBare,
  signed: async (issuer: string) => (await startBroker(issuer)).gateway.port,
};
export type Program = typeof program;

serve(program);
