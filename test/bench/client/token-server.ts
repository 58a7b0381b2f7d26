import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../worker.ts';

// A server, in a process of its own, that gives a token to whoever asks, after a while.

/** `lifeMs` is how long each token lives by its `expires_in`. */
const settings = { delayMs: 0, lifeMs: 0, isAway: false };
let asked = 0;

const server = createServer((request, response) => {
  const answer = (status: number, body: object, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  request.resume();
  if (request.method === 'GET') {
    const metadata = { issuer: url, token_endpoint: `${url}/token`, authorization_endpoint: `${url}/authorize` };
    return void answer(200, { ...metadata, jwks_uri: `${url}/keys` });
  }
  asked += 1;
  const number = asked;
  setTimeout(() => {
    const { lifeMs, isAway } = settings;
    if (isAway) answer(503, { error: 'temporarily_unavailable' }, { 'retry-after': '30' });
    else answer(200, { access_token: `token-${number}`, token_type: 'Bearer', expires_in: lifeMs / 1000 });
  }, settings.delayMs);
});
// No client meets a connection that was closed just now.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', 1024);
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const program = {
  /** Has it be so from now on. */
  set: (changes: Partial<typeof settings>) => Object.assign(settings, changes),
  /** Where it listens, and how many token requests it has had. */
  state: () => ({ url, asked }),
};
export type Program = typeof program;

serve(program);
