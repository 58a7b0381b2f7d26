import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createStack, type Stack } from '../../infra/local/stack.ts';
import { caller } from '../support/principals.ts';
import { profilesOf } from '../support/profiles.ts';
import { type Reply, sendSigned } from '../support/signed-request.ts';

/** An authorization server that is none of ours: oidc-provider, certified by the OpenID Foundation. */

/** All that RFC 6749 appendix A.1 allows and this server takes; beyond ASCII goes ZITADEL alone. */
const ODD = { clientId: 'odd+id 100% :x@amce', clientSecret: `s3cret/+= &%:"'~!*() with spaces\\` };
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEY = {
  type: 'application',
  keyId: '400879214598818854',
  key: privateKey.export({ type: 'pkcs1', format: 'pem' }),
  appId: '1',
  clientId: 'key-client',
};

let server: Server;
let stack: Stack;
const assertions: string[] = [];
const lines: string[] = [];

beforeAll(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] as [] };
  const provider = new Provider(issuer, {
    clients: [
      {
        ...client,
        client_id: ODD.clientId,
        client_secret: ODD.clientSecret,
        token_endpoint_auth_method: 'client_secret_basic',
      },
      {
        ...client,
        client_id: KEY.clientId,
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY.keyId, alg: 'RS256', use: 'sig' }] },
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
    },
    ttl: { ClientCredentials: 600 },
    routes: { token: '/oauth/v2/token', introspection: '/oauth/v2/introspect', revocation: '/oauth/v2/revoke' },
    scopes: ['api:read', 'api:write'],
    cookies: { keys: [randomUUID()] },
  });
  const answer = provider.callback();
  server.on('request', (req, res) => {
    req.on('data', (chunk: Buffer) => {
      const assertion = new URLSearchParams(chunk.toString()).get('client_assertion');
      if (assertion !== null) assertions.push(assertion);
    });
    answer(req, res);
  });
  const profile = { issuer, scopes: ['api:read'], callers: ['arn:aws:iam::123456789012:role/orders-service'] };
  stack = await createStack({
    profiles: profilesOf({
      profiles: {
        odd: {
          ...profile,
          secret: 'odd',
          introspection: 'odd',
          revocation: { secret: 'odd', callers: profile.callers },
        },
        key: {
          ...profile,
          secret: 'key',
          grant: 'client_credentials',
          introspection: 'key',
          revocation: { secret: 'key', callers: profile.callers },
        },
        wrong: { ...profile, secret: 'wrong' },
      },
    }),
    secrets: {
      odd: JSON.stringify(ODD),
      key: JSON.stringify(KEY),
      wrong: JSON.stringify({ ...ODD, clientSecret: 'wrong' }),
    },
    principals: [caller],
    write: (line) => lines.push(line),
    onError: (error) => {
      throw error;
    },
  });
});

afterAll(async () => {
  await stack.close();
  await new Promise((resolve) => server.close(resolve));
});

const ask = (profile: string, endpoint = 'token', body = 'grant_type=client_credentials'): Promise<Reply> =>
  sendSigned({ url: `${stack.gateway.url}/${profile}/oauth/v2/${endpoint}`, principal: caller, at: new Date(), body });

describe('an independent authorization server accepts', () => {
  test('client_secret_basic with odd characters in both halves', async () => {
    const reply = await ask('odd');
    expect(reply.json).toMatchObject({ access_token: expect.any(String), token_type: 'Bearer', scope: 'api:read' });
    expect(reply.json.expires_in).toBeGreaterThan(590);
  });

  test('private_key_jwt, checking aud, jti and replay (RFC 7521 §6.2)', async () => {
    const reply = await ask('key');
    expect(reply.json).toMatchObject({ access_token: expect.any(String), token_type: 'Bearer' });
    expect(new Set(assertions).size).toBe(assertions.length);
    expect(assertions).toHaveLength(1);
  });
});

describe.each([
  ['client_secret_basic', 'odd'],
  ['private_key_jwt', 'key'],
])('with %s, what it obtained is', (_name, profile) => {
  test('active, then revoked, then inactive', async () => {
    const form = `token=${encodeURIComponent(String((await ask(profile)).json.access_token))}`;
    expect((await ask(profile, 'introspect', form)).json).toMatchObject({ active: true, scope: 'api:read' });
    expect((await ask(profile, 'revoke', form)).status).toBe(200);
    expect((await ask(profile, 'introspect', form)).json).toEqual({ active: false });
  });
});

test('it refuses a wrong secret with 401: 502, and the log says so', async () => {
  const reply = await ask('wrong');
  expect(reply.status).toBe(502);
  expect(JSON.parse(lines.at(-1) ?? '{}')).toMatchObject({
    error: { kind: 'credential_refused', detail: expect.stringContaining('invalid_client') },
  });
});
