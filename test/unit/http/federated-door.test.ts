import { expect, test } from 'vitest';
import { fail, ok } from '../../../lib/core/result.ts';
import { createFederatedDoor } from '../../../lib/http/federated-door.ts';
import { readGatewayRequest } from '../../../lib/http/gateway-request.ts';
import { parseForm } from '../../../lib/oauth/form.ts';

const API = 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com';
const PATH = '/federated/orders/oauth/v2/token';
const body =
  'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=a.b.c&grant_type=client_credentials';
const headers = { 'content-type': 'application/x-www-form-urlencoded' };
const pathParameters = { profile: 'orders' };

const v2 = (rawPath: string, domainName = API, more: object = {}) => ({
  version: '2.0',
  rawPath,
  body,
  headers: { ...headers, ...more },
  pathParameters,
  requestContext: { domainName },
});
const v1 = (path: string, of: string, domainName = API) => ({
  path,
  body,
  headers,
  pathParameters,
  requestContext: { domainName, path: of },
});

/** The audiences that an assertion in this request may have. */
async function audiencesOf(event: object, publicUrl?: string): Promise<readonly string[]> {
  let asked: readonly string[] = [];
  const door = createFederatedDoor({
    isLocal: false,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    async verify({ audiences }) {
      asked = audiences;
      return fail({ kind: 'assertion_refused', detail: 'not looked at' });
    },
  });
  const form = parseForm(body);
  if (!form.ok) throw new Error(form.error);
  const sent = ok({ form: form.value, bodyBytes: body.length });
  await door.identify(event, readGatewayRequest(event, '/oauth/v2/token'), () => sent);
  return asked;
}

// The first of them is the output FederatedUrl of the stack: infra/api.cjs.
test.each<[what: string, event: object, publicUrl: string | undefined, url: string]>([
  ['an HTTP API', v2(PATH), undefined, `https://${API}/federated`],
  ['a private API, with its stage', v1(PATH, `/v1${PATH}`), undefined, `https://${API}/v1/federated`],
  [
    'a domain with a base path',
    v2(`/broker${PATH}`, 'tokens.example.com'),
    'https://tokens.example.com/broker',
    'https://tokens.example.com/broker/federated',
  ],
  ['a proxy in front of it', v2(PATH), 'https://cdn.example.com', 'https://cdn.example.com/federated'],
  [
    'a caller that names another host',
    v2(PATH, API, { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }),
    undefined,
    `https://${API}/federated`,
  ],
])('behind %s, the audience is the URL of the broker or of the profile', async (_what, event, publicUrl, url) => {
  expect(await audiencesOf(event, publicUrl)).toEqual([url, `${url}/orders`]);
});
