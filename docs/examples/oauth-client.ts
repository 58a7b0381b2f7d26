/**
 * A standard OAuth client (oauth4webapi) that knows nothing of the broker: its server is the broker's URL of a profile
 * instead of ZITADEL's issuer, and its fetch signs requests (AWS Signature Version 4).
 *
 *   npm start -- --port 8787
 *   export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_SESSION_TOKEN=…
 *   npx node docs/examples/oauth-client.ts http://127.0.0.1:8787
 *
 * `npm start` prints the keys for the profile `orders`: --user "ID:SECRET", --header "x-amz-security-token: TOKEN".
 * `npx node` is the Node 24 that `npm ci` installs; yours runs this file, too, from 22.18 on.
 */
import { Sha256 } from '@aws-crypto/sha256-js';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import * as oauth from 'oauth4webapi';

const signer = new SignatureV4({
  service: 'execute-api',
  region: process.env.AWS_REGION ?? 'eu-central-1',
  credentials: fromNodeProviderChain(),
  sha256: Sha256,
});

/** `fetch`, signed: all that a client needs to be let in by API Gateway. */
async function signedFetch(target: string, init: oauth.CustomFetchOptions<string, unknown>): Promise<Response> {
  const url = new URL(target);
  const { host, hostname, pathname, protocol } = url;
  const body = init.body === undefined || init.body === null ? '' : String(init.body);
  const request = new HttpRequest({
    method: init.method,
    protocol,
    hostname,
    path: pathname,
    headers: { ...init.headers, host },
    ...(body === '' ? {} : { body }),
  });
  const { headers } = await signer.sign(request);
  return fetch(url, { method: init.method, headers, ...(body === '' ? {} : { body }), redirect: 'manual' });
}

const [broker = 'http://127.0.0.1:8787'] = process.argv.slice(2);
const options = {
  [oauth.customFetch]: signedFetch,
  // The local stack speaks plain HTTP on loopback; leave this out for a deployed broker.
  [oauth.allowInsecureRequests]: broker.startsWith('http://'),
};

/** The client's name at the broker is the profile's; its signature proves who it is. */
async function connect(profile: string) {
  const issuer = new URL(`${broker}/${profile}`);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
  return { server, client: { client_id: profile }, authentication: oauth.None() };
}

const orders = await connect('orders');
console.log('metadata:', orders.server.token_endpoint);

const granted = await oauth.processClientCredentialsResponse(
  orders.server,
  orders.client,
  await oauth.clientCredentialsGrantRequest(orders.server, orders.client, orders.authentication, {}, options),
);
console.log('token: lives', granted.expires_in, 's');

async function introspect(token: string): Promise<boolean> {
  const { server, client, authentication } = orders;
  const response = await oauth.introspectionRequest(server, client, authentication, token, options);
  return (await oauth.processIntrospectionResponse(server, client, response)).active;
}
console.log('introspection: active', await introspect(granted.access_token));

const portal = await connect('portal');
const exchanged = await oauth.processGenericTokenEndpointResponse(
  portal.server,
  portal.client,
  await oauth.genericTokenEndpointRequest(
    portal.server,
    portal.client,
    portal.authentication,
    'urn:ietf:params:oauth:grant-type:token-exchange',
    {
      subject_token: granted.access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    options,
  ),
);
console.log('exchange: another token', exchanged.access_token !== granted.access_token);

await oauth.processRevocationResponse(
  await oauth.revocationRequest(orders.server, orders.client, orders.authentication, granted.access_token, options),
);
console.log('revocation: active', await introspect(granted.access_token));
