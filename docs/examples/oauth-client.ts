/**
 * A standard OAuth client (oauth4webapi): its server is the broker's URL of a profile instead of ZITADEL's issuer, and its
 * fetch signs requests (AWS Signature Version 4).
 *
 *   npm start -- --port 8787
 *   npx node docs/examples/oauth-client.ts http://127.0.0.1:8787
 *
 * The environment holds the keys that `npm start` prints for the profile `orders`: AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
 */
import * as oauth from 'oauth4webapi';
import { signedFetch } from './signed-fetch.ts';

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
