import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { createMetadataFunction } from '../../lib/compose/metadata.ts';
import { context } from '../support/events.ts';
import { createRig, type Rig, type RigOptions } from '../support/rig.ts';

let rig: Rig | undefined;
afterEach(() => rig?.close());

interface Got {
  readonly status: number;
  readonly headers: object;
  readonly json: Record<string, unknown>;
}

/** Gets a page without any identity. */
const get = (url: string): Promise<Got> =>
  new Promise((resolve, reject) => {
    request(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, json: JSON.parse(text) }),
      );
    })
      .on('error', reject)
      .end();
  });

describe('the issuer is the URL under which the client asked', () => {
  test.each<[string, RigOptions, string]>([
    ['of an HTTP API', {}, ''],
    ['under a stage', { stage: 'dev' }, '/dev'],
    ['behind a base path', { basePath: 'tokens' }, '/tokens'],
    ['of a REST API', { payload: 'v1', stage: 'dev' }, '/dev'],
    ['of a REST API behind a base path', { payload: 'v1', stage: 'dev', basePath: 'tokens' }, '/tokens'],
  ])('%s', async (_name, options, base) => {
    rig = await createRig(options);
    const issuer = `${rig.gateway.url}${base}/orders`;
    const { status, headers, json } = await get(`${issuer}/.well-known/openid-configuration`);
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'public, max-age=300' });
    const below = await get(`${issuer}/.well-known/oauth-authorization-server`);
    const inserted = await get(`${rig.gateway.url}${base}/.well-known/oauth-authorization-server/orders`);
    expect(below.json).toEqual({
      issuer,
      token_endpoint: `${issuer}/oauth/v2/token`,
      introspection_endpoint: `${issuer}/oauth/v2/introspect`,
      revocation_endpoint: `${issuer}/oauth/v2/revoke`,
      response_types_supported: ['none'],
      grant_types_supported: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      token_endpoint_auth_methods_supported: ['none'],
      introspection_endpoint_auth_methods_supported: ['none'],
      revocation_endpoint_auth_methods_supported: ['none'],
    });
    // The rig knows no issuer of ZITADEL's.
    expect(json).toEqual(below.json);
    expect([inserted.status, inserted.json.issuer]).toEqual(base === '' ? [200, issuer] : [400, undefined]);
  });
});

test('a profile that does not exist is described like one that does', async () => {
  rig = await createRig();
  const metadata = async (name: string) =>
    JSON.stringify((await get(`${rig?.gateway.url}/${name}/.well-known/openid-configuration`)).json).replaceAll(
      name,
      'NAME',
    );
  expect(await metadata('nobodys')).toBe(await metadata('orders'));
});

const event = (changes: object = {}) => ({
  version: '2.0',
  rawPath: '/orders/.well-known/openid-configuration',
  pathParameters: { profile: 'orders' },
  headers: { host: 'broker.example' },
  requestContext: { domainName: 'broker.example', requestId: 'r1' },
  ...changes,
});
const ask = async (given: unknown, env: Record<string, string> = {}) => {
  const answer = await createMetadataFunction(env, { write: () => undefined })(given, context());
  return { status: answer.statusCode, issuer: JSON.parse(answer.body).issuer };
};

test.each<[string, unknown, Record<string, string>, object]>([
  ['deployed: https', event(), {}, { status: 200, issuer: 'https://broker.example/orders' }],
  [
    'a configured URL',
    event(),
    { PUBLIC_URL: 'https://tokens.example/v1' },
    { status: 200, issuer: 'https://tokens.example/v1/orders' },
  ],
  [
    'a forged Host header',
    event({ headers: { host: 'evil.example' } }),
    {},
    { status: 200, issuer: 'https://broker.example/orders' },
  ],
  [
    'loopback, but not the local stack',
    event({ headers: { host: '127.0.0.1:1' }, requestContext: { domainName: '127.0.0.1' } }),
    {},
    { status: 200, issuer: 'https://127.0.0.1/orders' },
  ],
  ['a name that is none', event({ pathParameters: { profile: '"><script>' } }), {}, { status: 400, issuer: undefined }],
  ['no event at all', null, {}, { status: 400, issuer: undefined }],
])('%s', async (_name, given, env, expected) => expect(await ask(given, env)).toEqual(expected));
