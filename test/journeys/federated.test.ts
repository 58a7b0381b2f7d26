import { generateKeyPairSync } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRig, type Rig, START } from '../support/rig.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const NOW = START / 1000;
const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A cluster's issuer: its metadata and its keys. */
const issuer = createServer(({ url }, response) => {
  const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1' }] };
  const metadata = { issuer: issuerUrl(), jwks_uri: `${issuerUrl()}/openid/v1/jwks` };
  response.end(JSON.stringify(url === '/openid/v1/jwks' ? keys : metadata));
});
const issuerUrl = () => `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;

let rig: Rig;
beforeAll(async () => {
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  rig = await createRig({
    issuers: { cluster: { kind: 'kubernetes', issuer: issuerUrl() } },
    changes: {
      orders: {
        callers: [
          'arn:aws:iam::123456789012:role/orders-service',
          { kubernetes: { issuer: 'cluster', namespace: 'shop', serviceAccount: 'orders' } },
        ],
      },
    },
  });
});
afterAll(async () => {
  await rig.close();
  await new Promise((resolve) => issuer.close(resolve));
});

/** The projected token of a pod, as the kubelet requests it. */
const projected = (changes: object = {}, name = 'orders') =>
  new SignJWT({
    iss: issuerUrl(),
    sub: `system:serviceaccount:shop:${name}`,
    aud: [`${rig.gateway.url}/federated`],
    iat: NOW - 60,
    exp: NOW + 3000,
    'kubernetes.io': { namespace: 'shop', serviceaccount: { name } },
    ...changes,
  })
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .sign(privateKey);

interface Answer {
  readonly status: number | undefined;
  readonly json: Readonly<Record<string, unknown>>;
}

const post = (assertion: string, { profile = 'orders', headers = {}, query = '', more = {} } = {}): Promise<Answer> =>
  rig.pass(
    new Promise((resolve, reject) => {
      const form = {
        grant_type: 'client_credentials',
        client_assertion_type: TYPE,
        client_assertion: assertion,
        ...more,
      };
      const sent = request(`${rig.gateway.url}/federated/${profile}/oauth/v2/token${query}`, {
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, json: JSON.parse(text) }));
      });
      sent.end(new URLSearchParams(form).toString());
    }),
  );

describe('a pod without IAM', () => {
  test("gets the profile's token with its projected token alone", async () => {
    const { status, json } = await post(await projected());
    expect({ status, json }).toMatchObject({ status: 200, json: { token_type: 'Bearer' } });
    expect(rig.log().at(-1)).toMatchObject({ route: 'federated', caller: 'cluster:system:serviceaccount:shop:orders' });
    expect((await rig.pass(rig.ask())).json.access_token).toBe(json.access_token);
  });

  test('is answered alike for an unknown profile and one that does not list it', async () => {
    const answers = [
      await post(await projected(), { profile: 'unknown' }),
      await post(await projected(), { profile: 'reports' }),
      await post(await projected({}, 'other')),
    ].map(({ status, json: { request_id: _id, ...json } }) => ({ status, json }));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 403, json: { error: 'unauthorized_client' } });
  });

  test.each<[what: string, options: object]>([
    ['a signature in its headers', { headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x' } }],
    ['a signature in its query', { query: '?X-Amz-Signature=00' }],
  ])('with %s is refused', async (_what, options) => {
    expect(await post(await projected(), options)).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
  });

  test('whose assertion is for another broker is refused', async () => {
    const answer = await post(await projected({ aud: 'https://other.example/federated' }));
    expect(answer).toMatchObject({ status: 401, json: { error: 'invalid_client' } });
  });

  test('without an assertion is refused', async () => {
    expect(await post('')).toMatchObject({ status: 401, json: { error: 'invalid_client' } });
  });

  test('leaves no part of its assertion in a log, an answer or a request to ZITADEL', async () => {
    const assertion = await projected({ jti: 'canary' });
    const answers = [await post(assertion), await post(`${assertion}x`), await post(assertion, { profile: 'reports' })];
    const said = JSON.stringify(answers) + rig.lines.join('');
    for (const part of assertion.split('.')) expect(said).not.toContain(part.slice(0, 24));
  });
});

test.each([
  '/federated/orders/.well-known/openid-configuration',
  '/federated/orders/.well-known/oauth-authorization-server',
  '/.well-known/oauth-authorization-server/federated/orders',
])('%s says how to authenticate', async (path) => {
  const text = await rig.pass(
    new Promise<string>((resolve, reject) => {
      const sent = request(`${rig.gateway.url}${path}`, { agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve(body));
      });
      sent.on('error', reject);
      sent.end();
    }),
  );
  expect(JSON.parse(text)).toMatchObject({
    issuer: `${rig.gateway.url}/federated/orders`,
    token_endpoint: `${rig.gateway.url}/federated/orders/oauth/v2/token`,
    token_endpoint_auth_methods_supported: ['private_key_jwt', 'spiffe_jwt'],
  });
});

test('a role that signs and also sends an assertion is refused', async () => {
  const form = `grant_type=client_credentials&client_assertion_type=${TYPE}&client_assertion=x`;
  expect(await rig.pass(rig.ask({ form }))).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
});
