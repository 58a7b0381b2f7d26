import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIssuers, type Issuers } from '../../infra/local/issuers.ts';

const NOW_MS = 1_795_438_700_500;
const BROKER = 'http://127.0.0.1:8787/federated';

let issuers: Issuers = [];
beforeAll(async () => {
  issuers = await createIssuers(() => NOW_MS);
});
afterAll(() => Promise.all(issuers.map((issuer) => issuer.close())));

test('there is one of a cluster and one of GitHub, with keys of their own', async () => {
  expect(issuers.map(({ kind }) => kind)).toEqual(['kubernetes', 'github']);
});

describe.each([0, 1])('issuer %i', (at) => {
  const issuer = () => issuers[at] as Issuers[number];
  const get = (path: string, method = 'GET') => fetch(`${issuer().url}${path}`, { method });
  const metadata = async () => (await get('/.well-known/openid-configuration')).json();

  test('mints what its own metadata and keys verify, in the time that it is given', async () => {
    const { issuer: iss, jwks_uri: keys } = (await metadata()) as { issuer: string; jwks_uri: string };
    expect(iss).toBe(issuer().url);
    const assertion = await (await fetch(issuer().tokenUrl(BROKER))).text();
    const keySet = createLocalJWKSet((await (await fetch(keys)).json()) as never);
    const currentDate = new Date(NOW_MS);
    const { payload } = await jwtVerify(assertion, keySet, { issuer: iss, audience: BROKER, currentDate });
    expect(payload.iat).toBe(Math.floor(NOW_MS / 1000));
    const other = issuers[1 - at] as Issuers[number];
    const foreign = await (await fetch(other.tokenUrl(BROKER))).text();
    await expect(jwtVerify(foreign, keySet, { currentDate })).rejects.toThrow();
  });

  test.each([
    ['/token', 'GET', 400],
    ['/token?audience=x', 'POST', 405],
    ['/', 'GET', 404],
    ['//', 'GET', 404],
    ['/constructor', 'GET', 404],
  ])('%s (%s) is answered %i', async (path, method, status) => expect((await get(path, method)).status).toBe(status));
});
