import { Agent, request as send } from 'node:http';
import { listen, readBody } from '../../../infra/local/stand-in.ts';

interface Cached {
  readonly until: number;
  readonly body: string;
}

/**
 * What an `nginx` with `proxy_cache` for POST does, at its smallest: answers with what the server behind it has said to
 * the same `Authorization` and body, until the token's end. No caller is checked, and everybody who finds nothing asks.
 * @returns its port
 */
export async function createResponseCache(upstream: string): Promise<number> {
  const cache = new Map<string, Cached>();
  const agent = new Agent({ keepAlive: true });

  const ask = (path: string, authorization: string, body: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
      const asked = send(`${upstream}${path}`, { method: 'POST', headers, agent }, async (answer) => {
        resolve({ status: answer.statusCode ?? 0, text: await readBody(answer) });
      });
      asked.on('error', reject);
      asked.end(body);
    });

  const { port } = await listen(async (req, res) => {
    const { authorization = '' } = req.headers;
    const body = await readBody(req);
    const key = `${req.url}\n${authorization}\n${body}`;
    const found = cache.get(key);
    const reply = (status: number, text: string) =>
      res
        .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
        .end(text);
    if (found !== undefined && Date.now() < found.until) return reply(200, found.body);
    const { status, text } = await ask(req.url ?? '/', authorization, body);
    if (status === 200) cache.set(key, { until: Date.now() + JSON.parse(text).expires_in * 1000, body: text });
    return reply(status, text);
  });
  return port;
}
