/**
 * A proxy on loopback that signs every request with the role of this process: for clients that cannot sign.
 *
 *   npx node docs/examples/signing-proxy.ts https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com 8080
 *
 * Whatever runs on this machine can use it, so run it beside one service only (as a sidecar).
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { signedFetch } from './signed-fetch.ts';

const [broker = 'http://127.0.0.1:8787', port = '8080'] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  try {
    const body = await text(request);
    const { 'content-type': type } = request.headers;
    const answer = await signedFetch(`${broker}${request.url}`, {
      method: request.method ?? 'GET',
      headers: type === undefined ? {} : { 'content-type': type },
      ...(body === '' ? {} : { body }),
    });
    const { 'content-encoding': _encoded, 'content-length': _length, ...headers } = Object.fromEntries(answer.headers);
    response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
  } catch (error) {
    console.error(error);
    response.writeHead(502).end();
  }
});
server.listen(Number(port), '127.0.0.1', () => {
  const { port: listening } = server.address() as AddressInfo;
  console.log(`signs requests to ${broker} on http://127.0.0.1:${listening}`);
});
