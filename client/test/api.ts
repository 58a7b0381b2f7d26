import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A server that writes down what comes; `accepted` is the one token that it takes. */
export async function createApi() {
  const seen: { path: string | undefined; authorization: string | undefined; body: string }[] = [];
  const state = { accepted: 'first', redirect: '', padding: 0 };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { authorization } = request.headers;
    seen.push({ path: request.url, authorization, body: await text(request) });
    if (request.url === '/hang-up') return void response.destroy();
    if (request.url === '/redirect') response.writeHead(307, { location: state.redirect }).end();
    else
      response
        .writeHead(authorization === `Bearer ${state.accepted}` ? 200 : 401)
        .end(`answer${'.'.repeat(state.padding)}`);
  };
  const server: Server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, state, close: () => server.close() };
}

export type Api = Awaited<ReturnType<typeof createApi>>;

export const seenBy = ({ seen }: Api) => seen.map(({ authorization }) => authorization);
