/**
 * Gets a token from the broker, with a request that is signed (AWS Signature Version 4):
 *
 *   npm start -- --port 8787
 *   export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_SESSION_TOKEN=…
 *   npx node -e "import('./docs/examples/get-token.ts').then(async ({ getToken }) => console.log(await getToken('http://127.0.0.1:8787', 'orders')))"
 *
 * `npm start` prints the keys for the profile `orders`: --user "ID:SECRET", --header "x-amz-security-token: TOKEN".
 * `npx node` is the Node 24 that `npm ci` installs; yours runs this file, too, from 22.18 on.
 */
import { Sha256 } from '@aws-crypto/sha256-js';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';

const signer = new SignatureV4({
  service: 'execute-api',
  region: process.env.AWS_REGION ?? 'eu-central-1',
  credentials: fromNodeProviderChain(), // the role of this Lambda, container or shell
  sha256: Sha256,
});

/**
 * Gets a ZITADEL access token from the broker. The broker is the cache: call this whenever a token is needed.
 * @param broker its URL, without a trailing slash
 */
export async function getToken(broker: string, profile: string): Promise<string> {
  const url = new URL(`${broker}/${profile}/oauth/v2/token`);
  const body = 'grant_type=client_credentials';
  const request = new HttpRequest({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
    body,
  });
  const { headers } = await signer.sign(request);
  const response = await fetch(url, { method: 'POST', headers, body });
  const answer = (await response.json()) as { access_token?: string; error?: string; request_id?: string };
  if (answer.access_token === undefined) {
    throw new Error(`no token for ${profile}: ${response.status} ${answer.error} (request ${answer.request_id})`);
  }
  return answer.access_token;
}
