import { spawn } from 'node:child_process';
import { constants, createHmac, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAccounts } from '../../infra/local/zitadel/accounts.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import accounts from '../recordings/accounts.json' with { type: 'json' };
import { type Answer, exchange, readJson, recordings, replay } from './replay.ts';

const START = Date.UTC(2027, 2, 1, 12);
const NOW_SECONDS = START / 1000;
const AUDIENCE = `urn:zitadel:iam:org:project:id:${accounts.project}:aud`;
const ZITADEL_AUDIENCE = 'urn:zitadel:iam:org:project:id:zitadel:aud';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const { saSecret, saSecretJwt, saKey, saVictim, apiSecret, apiKey, apiOther, oidcSecret, oidcKey } = accounts;

let now = START;
let zitadel: Zitadel;

beforeEach(async () => {
  now = START;
  zitadel = await createZitadel({ accounts, now: () => now });
});
afterEach(() => zitadel.close());

type Form = Readonly<Record<string, string>>;

const basicOf = (halves: string) => ({ authorization: `Basic ${Buffer.from(halves).toString('base64')}` });
const basic = ({ clientId, clientSecret }: { clientId: string; clientSecret: string }) =>
  basicOf(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`);

function post(path: string, form: Form, headers: Form = {}): Promise<Answer> {
  return exchange(zitadel.url, {
    path,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
}

const token = (form: Form, headers: Form = {}) => post('/oauth/v2/token', form, headers);
const member = ({ body }: Answer, name: string): string => String((body as Record<string, unknown>)[name]);

async function obtain(
  account: { clientId: string; clientSecret: string } = saSecret,
  scope = AUDIENCE,
): Promise<string> {
  const answer = await token({ grant_type: 'client_credentials', scope }, basic(account));
  expect(answer.status).toBe(200);
  return member(answer, 'access_token');
}

const introspect = (accessToken: string, app: { clientId: string; clientSecret: string } = apiSecret) =>
  post('/oauth/v2/introspect', { token: accessToken }, basic(app));

interface JwtOptions {
  readonly key?: string;
  readonly header?: object;
  readonly claims?: object;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function signed(id: string, keyId: string, key: string, { header = {}, claims = {} }: JwtOptions = {}): string {
  const head = { alg: 'RS256', kid: keyId, typ: 'JWT', ...header };
  const iat = Math.floor(now / 1000);
  const body = { iss: id, sub: id, aud: zitadel.url, iat: iat - 10, exp: iat + 60, ...claims };
  const data = Buffer.from(`${encode(head)}.${encode(body)}`);
  const signature: Record<string, () => Buffer> = {
    RS256: () => sign('sha256', data, key),
    RS384: () => sign('sha384', data, key),
    RS512: () => sign('sha512', data, key),
    PS256: () => sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
    ES256: () => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
    HS256: () => createHmac('sha256', key).update(data).digest(),
    none: () => Buffer.alloc(0),
  };
  return `${data}.${signature[head.alg]?.().toString('base64url')}`;
}

const own = (options?: JwtOptions) => signed(saKey.key.userId, saKey.key.keyId, options?.key ?? saKey.key.key, options);
const bearer = (assertion: string, scope = AUDIENCE) => token({ grant_type: JWT_BEARER, scope, assertion });
const app = (key: typeof oidcKey, options?: JwtOptions) => ({
  client_assertion_type: ASSERTION_TYPE,
  client_assertion: signed(key.clientId, key.keyId, options?.key ?? key.key, options),
});

it('the Date of an answer is the clock of the instance', async () => {
  const { headers } = await fetch(`${zitadel.url}/.well-known/openid-configuration`);
  expect(headers.get('date')).toBe(new Date(START).toUTCString());
});

describe('the recordings of a real ZITADEL', () => {
  let recorded: Zitadel;
  beforeAll(async () => {
    recorded = await createZitadel({ accounts, clockFromHeader: true });
  });
  afterAll(() => recorded.close());

  it('replay without a difference', async () => {
    const records = recordings('setup', 'token', 'introspect', 'exchange', 'revoke', 'discovery');
    expect(records.length).toBeGreaterThan(140);
    expect(await replay(recorded.url, records)).toEqual([]);
  });

  it.each([
    ['blocked', 3000],
    ['database_away', 4000],
  ] as const)('replay under the fault %s', async (fault, first) => {
    recorded.fault(fault);
    const records = recordings('faults').filter(({ seq }) => seq >= first && seq < first + 1000);
    expect(records.length).toBeGreaterThan(5);
    expect(await replay(recorded.url, records)).toEqual([]);
    recorded.fault(undefined);
  });
});

describe('assertions of a service account', () => {
  it.each<[string, JwtOptions]>([
    ['as ZITADEL likes them', {}],
    ['aud in an array', { claims: { aud: ['https://other.example', 'URL'] } }],
    ['iat 1 h old', { claims: { iat: NOW_SECONDS - 3600 } }],
    ['iat 2 s ahead', { claims: { iat: NOW_SECONDS + 2 } }],
    ['exp in a year', { claims: { exp: NOW_SECONDS + 31_536_000 } }],
    ['nbf ahead', { claims: { nbf: NOW_SECONDS + 600 } }],
    ['another typ', { header: { typ: 'at+jwt' } }],
    ['PS256', { header: { alg: 'PS256' } }],
  ])('obtain a token: %s', async (_, { header, claims }) => {
    const { aud } = (claims ?? {}) as { aud?: string[] };
    const resolved = { ...claims, ...(aud ? { aud: aud.map((entry) => entry.replace('URL', zitadel.url)) } : {}) };
    const answer = await bearer(own({ ...(header ? { header } : {}), claims: resolved }));
    expect(answer.body).toMatchObject({ token_type: 'Bearer', expires_in: 43_199 });
  });

  it.each<[string, JwtOptions]>([
    ['iat older than 1 h', { claims: { iat: NOW_SECONDS - 3601 } }],
    ['iat 3 s ahead', { claims: { iat: NOW_SECONDS + 3 } }],
    ['no iat', { claims: { iat: undefined } }],
    ['no exp', { claims: { exp: undefined } }],
    ['exp now', { claims: { exp: NOW_SECONDS } }],
    ['exp that is no time', { claims: { exp: {} } }],
    ['another audience', { claims: { aud: 'https://other.example' } }],
    ['no audience', { claims: { aud: undefined } }],
    ['another subject', { claims: { sub: saSecret.userId } }],
    ['another issuer', { claims: { iss: saSecret.userId } }],
    ['the user name', { claims: { iss: saKey.username, sub: saKey.username } }],
    ['no kid', { header: { kid: undefined } }],
    ['an unknown kid', { header: { kid: '1' } }],
    ["another account's kid", { header: { kid: accounts.saKeyJwt.key.keyId } }],
    ["another account's key", { key: accounts.saKeyJwt.key.key }],
    ['RS384', { header: { alg: 'RS384' } }],
    ['RS512', { header: { alg: 'RS512' } }],
    ['HS256', { header: { alg: 'HS256' } }],
    ['none', { header: { alg: 'none' } }],
  ])('are refused: %s', async (_, options) => {
    const answer = await bearer(own(options));
    expect([answer.status, answer.body]).toEqual([
      400,
      { error: 'invalid_grant', error_description: 'invalid assertion' },
    ]);
  });

  it.each([(url: string) => `${url}/`, (url: string) => `${url}/oauth/v2/token`])(
    'are refused: aud %s',
    async (aud) => {
      expect(member(await bearer(own({ claims: { aud: aud(zitadel.url) } })), 'error')).toBe('invalid_grant');
    },
  );

  it('are refused once their key has expired', async () => {
    now = Date.parse(saKey.key.expirationDate) + 1;
    expect(member(await bearer(own()), 'error')).toBe('invalid_grant');
  });
});

describe('assertions of an application', () => {
  const ask = async (options?: JwtOptions) =>
    token({
      grant_type: TOKEN_EXCHANGE,
      subject_token: await obtain(),
      subject_token_type: ACCESS_TOKEN,
      ...app(oidcKey, options),
    });

  it('may be 1 s ahead, not 2 s', async () => {
    expect((await ask({ claims: { iat: NOW_SECONDS + 1 } })).status).toBe(200);
    const { body } = await ask({ claims: { iat: NOW_SECONDS + 2 } });
    expect(body).toEqual({ error: 'invalid_client', error_description: 'invalid assertion' });
  });

  it('have an error of their own when they are no JWT', async () => {
    const form = { grant_type: TOKEN_EXCHANGE, client_assertion_type: ASSERTION_TYPE, client_assertion: 'abc' };
    expect((await token(form)).body).toEqual({ error: 'invalid_client' });
  });

  it('do not stand in for a secret, nor a secret for them', async () => {
    const form = { grant_type: TOKEN_EXCHANGE };
    expect((await token(form, basic({ clientId: oidcKey.clientId, clientSecret: 'x' }))).body).toEqual({
      error: 'invalid_client',
      error_description: 'empty client assertion',
    });
    expect((await token({ ...form, ...app({ ...oidcKey, clientId: oidcSecret.clientId }) })).body).toEqual({
      error: 'invalid_client',
      error_description: 'empty client secret',
    });
  });
});

describe('Basic', () => {
  const form = { grant_type: 'client_credentials', scope: AUDIENCE };
  const { clientId, clientSecret } = accounts.saSecretOdd;
  const secret = encodeURIComponent(clientSecret);

  it.each([
    ['a space as %20', `${encodeURIComponent(clientId)}:${secret}`],
    ['a space as +', `${encodeURIComponent(clientId).replaceAll('%20', '+')}:${secret}`],
    ['upper case', `${encodeURIComponent(clientId.toUpperCase())}:${secret}`],
  ])('is form-decoded: %s', async (_, halves) => {
    expect((await token(form, basicOf(halves))).status).toBe(200);
  });

  it.each([
    ['raw halves', basicOf(`${clientId}:${secret}`), 'invalid basic auth header'],
    ['a broken escape in the secret', basicOf('a:%4'), 'invalid basic auth header'],
    ['no colon', basicOf('nobody'), 'client_id or client_assertion must be provided'],
    ['no base64', { authorization: 'Basic ***' }, 'client_id or client_assertion must be provided'],
    ['another scheme', { authorization: 'Bearer x' }, 'client_id or client_assertion must be provided'],
    ['an empty id', basicOf(':secret'), 'client_id or client_assertion must be provided'],
    ['an empty secret', basicOf(`${saSecret.clientId}:`), 'Errors.User.Machine.Secret.Invalid'],
  ])('is refused: %s', async (_, headers, description) => {
    const answer = await token(form, headers as Form);
    expect([answer.status, member(answer, 'error_description')]).toEqual([400, description]);
  });
});

describe('requests', () => {
  const form = `grant_type=client_credentials&scope=${AUDIENCE}`;
  const urlencoded = { 'content-type': 'application/x-www-form-urlencoded', ...basic(saSecret) };

  it('may have their parameters in the query, and be GET', async () => {
    const path = `/oauth/v2/token?${form}`;
    expect((await exchange(zitadel.url, { method: 'GET', path, headers: basic(saSecret) })).status).toBe(200);
  });

  it('are refused when a parameter does not decode', async () => {
    const answer = await exchange(zitadel.url, { path: '/oauth/v2/token', headers: urlencoded, body: `${form}&x=%zz` });
    expect(answer.body).toEqual({ error: 'invalid_request', error_description: 'error parsing form' });
  });

  it.each([
    ['an empty scope', { scope: '' }, 200],
    ['no scope', {}, 400],
  ])('with %s', async (_, scope, status) => {
    expect((await token({ grant_type: 'client_credentials', ...scope }, basic(saSecret))).status).toBe(status);
  });

  it('are counted by their grant', async () => {
    await obtain();
    await token({ grant_type: 'client_credentials' }, basic(saSecret));
    await token({ grant_type: 'password' });
    const counts = ['client_credentials', JWT_BEARER, 'password'].map((grant) => zitadel.tokenRequests(grant));
    expect([counts, zitadel.issued()]).toEqual([[2, 0, 0], 1]);
  });

  it('are answered for the hosts that were given', async () => {
    const other = await createZitadel({ accounts, hosts: ['id.example'] });
    const discover = (host: string) =>
      exchange(other.url, { method: 'GET', path: '/.well-known/openid-configuration', headers: { host } });
    expect((await discover('id.example:81')).body).toMatchObject({ issuer: 'http://id.example:81' });
    expect((await discover('localhost')).status).toBe(404);
    await other.close();
  });

  it('to an unknown host or path are 404 in plain text', async () => {
    const headers = { ...urlencoded, host: 'nowhere.example' };
    expect((await exchange(zitadel.url, { path: '/oauth/v2/token', headers, body: form })).status).toBe(404);
    expect((await exchange(zitadel.url, { path: '/oauth/v2/tokens', headers: urlencoded })).body).toBe(
      '404 page not found\n',
    );
  });
});

describe('scopes', () => {
  const ORG = 'urn:zitadel:iam:org:id:';
  const DOMAIN = 'urn:zitadel:iam:org:domain:primary:';

  it.each([
    ['the own organization', `${ORG}${accounts.org}`, true],
    ['a foreign organization', `${ORG}1`, false],
    ["the own organization's domain", `${DOMAIN}zitadel.localhost`, true],
    ['a foreign domain', `${DOMAIN}foreign.example`, false],
    ['roles in a foreign organization', 'urn:zitadel:iam:org:roles:id:1', true],
    ['any role', 'urn:zitadel:iam:org:project:role:unknown', true],
    ['something unknown', 'orders:read', false],
  ])('of %s', async (_, scope, isKept) => {
    const { body } = await introspect(await obtain(saSecret, `${AUDIENCE} ${scope}`));
    expect(body).toMatchObject({ active: true, scope: isKept ? `${AUDIENCE} ${scope}` : AUDIENCE });
  });

  it('of an account with a key follow the same rules', async () => {
    const answer = await bearer(own(), `${AUDIENCE} ${ORG}1`);
    expect((await introspect(member(answer, 'access_token'))).body).toMatchObject({ scope: AUDIENCE });
  });
});

describe('tokens', () => {
  it('of JWT accounts verify with a published key and name their audience and roles', async () => {
    const [head = '', payload = '', signature = ''] = (
      await obtain(saSecretJwt, `${AUDIENCE} urn:zitadel:iam:org:project:role:reader`)
    ).split('.');
    const { body, headers } = await exchange(zitadel.url, { method: 'GET', path: '/oauth/v2/keys' });
    const [jwk] = (body as { keys: { kid: string }[] }).keys;
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string };
    expect(jwk?.kid).toBe(kid);
    expect(headers['cache-control']).toBe('max-age=300, must-revalidate');
    const publicKey = createPublicKey({ key: jwk as never, format: 'jwk' });
    expect(verify('sha256', Buffer.from(`${head}.${payload}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(
      true,
    );
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      iss: zitadel.url,
      sub: saSecretJwt.userId,
      aud: [accounts.project],
      iat: NOW_SECONDS,
      exp: NOW_SECONDS + 43_200,
      [`urn:zitadel:iam:org:project:${accounts.project}:roles`]: { reader: expect.anything() },
    });
  });

  it('live as long as the instance says, and are counted', async () => {
    zitadel.setTokenLifetimeSeconds(3);
    const accessToken = await obtain();
    now += 2999;
    expect((await introspect(accessToken)).body).toMatchObject({ active: true });
    now += 1;
    expect((await introspect(accessToken)).body).toEqual({ active: false });
    expect(zitadel.issued()).toBe(1);
  });

  it('end for good when the account is locked', async () => {
    const accessToken = await obtain(saVictim);
    zitadel.setUserState(saVictim.userId, 'locked');
    const answer = await token({ grant_type: 'client_credentials', scope: 'openid' }, basic(saVictim));
    expect(member(answer, 'error_description')).toBe('Errors.User.NotActive');
    zitadel.setUserState(saVictim.userId, 'active');
    expect((await introspect(accessToken)).body).toEqual({ active: false });
    expect((await introspect(await obtain(saVictim))).body).toMatchObject({ active: true });
  });

  it('outlive the secret that obtained them', async () => {
    const accessToken = await obtain(saVictim);
    zitadel.setSecret(saVictim.clientId, 'another');
    const answer = await token({ grant_type: 'client_credentials', scope: 'openid' }, basic(saVictim));
    expect(member(answer, 'error_description')).toBe('Errors.User.Machine.Secret.Invalid');
    expect((await introspect(accessToken)).body).toMatchObject({ active: true });
  });
});

describe('introspection', () => {
  it.each([
    ['an API application of the project', apiSecret, AUDIENCE, true],
    ['an OIDC application of the project', oidcSecret, AUDIENCE, true],
    ['an application of another project', apiOther, AUDIENCE, false],
    ['one that the audience names', apiOther, `urn:zitadel:iam:org:project:id:${apiOther.clientId}:aud`, true],
    ['one that the audience does not name', apiSecret, 'profile', false],
  ])('by %s', async (_, client, scope, active) => {
    expect((await introspect(await obtain(saSecret, scope), client)).body).toMatchObject({ active });
  });

  it('tells roles of its own project only', async () => {
    const accessToken = await obtain(saSecret, `${AUDIENCE} urn:zitadel:iam:org:project:id:${apiOther.clientId}:aud`);
    expect(JSON.stringify((await introspect(accessToken)).body)).toContain('reader');
    expect(JSON.stringify((await introspect(accessToken, apiOther)).body)).not.toContain('reader');
  });

  it.each([
    ['a wrong secret', { ...basic({ ...apiSecret, clientSecret: 'x' }) }, {}, 400, { error: 'unauthorized_client' }],
    ['a service account', { ...basic(saSecret) }, {}, 400, { error: 'unauthorized_client' }],
    [
      'an assertion that is no JWT',
      {},
      { client_assertion_type: ASSERTION_TYPE, client_assertion: 'a.b' },
      200,
      { active: false },
    ],
  ])('with %s', async (_, headers, form, status, body) => {
    const answer = await post('/oauth/v2/introspect', { token: await obtain(), ...(form as Form) }, headers as Form);
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  it('by private_key_jwt', async () => {
    const answer = await post('/oauth/v2/introspect', { token: await obtain(), ...app(apiKey) });
    expect(answer.body).toMatchObject({ active: true });
  });

  it('calls a token with a changed signature inactive', async () => {
    const accessToken = await obtain(saSecretJwt);
    const changed = accessToken.slice(0, -4) + (accessToken.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    expect((await introspect(changed)).body).toEqual({ active: false });
  });
});

describe('token exchange', () => {
  const ask = (subject: string, form: Form = {}) =>
    token(
      { grant_type: TOKEN_EXCHANGE, subject_token: subject, subject_token_type: ACCESS_TOKEN, ...form },
      basic(oidcSecret),
    );

  it.each([
    [
      'an unknown type of subject',
      { subject_token_type: 'urn:x' },
      'invalid_request',
      'subject_token_type is not supported',
    ],
    [
      'a refresh token as subject',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'invalid_request',
      'subject_token invalid',
    ],
    [
      'an unknown requested type',
      { requested_token_type: 'urn:x' },
      'invalid_request',
      'requested_token_type is not supported',
    ],
    ['an unknown type of actor', { actor_token_type: 'urn:x' }, 'invalid_request', 'actor_token_type is not supported'],
    ['no subject', { subject_token: '' }, 'invalid_request', 'subject_token missing'],
    ['a resource', { resource: 'https://api.example' }, 'invalid_target', 'resource parameter not supported'],
    ['an actor', { actor_token: 'x' }, 'invalid_request', 'Errors.TokenExchange.Impersonation.PolicyDisabled'],
    ['a wider scope', { scope: 'email' }, 'invalid_scope', 'scope "email" not found in subject or actor token'],
  ])('is refused with %s', async (_, form, error, description) => {
    const answer = await ask(await obtain(), form as Form);
    expect(answer.body).toEqual({ error, error_description: description });
  });

  it('refuses an expired subject', async () => {
    const subject = await obtain();
    now += 43_200_000;
    expect(member(await ask(subject), 'error_description')).toBe('subject_token invalid');
  });

  it('gives an ID token when asked for openid', async () => {
    const answer = await ask(await obtain(saSecret, `openid ${AUDIENCE}`));
    expect(member(answer, 'id_token').split('.')).toHaveLength(3);
    expect(member(answer, 'scope')).toBe(`openid ${AUDIENCE}`);
  });
});

describe('impersonation', () => {
  const USER_ID = 'urn:zitadel:params:oauth:token-type:user_id';
  const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
  const JWT = 'urn:ietf:params:oauth:token-type:jwt';
  const ask = (form: Form) => token({ grant_type: TOKEN_EXCHANGE, ...form }, basic(oidcSecret));
  const victim = { subject_token: saVictim.userId, subject_token_type: USER_ID };
  const acting = async (scope = AUDIENCE) => ({
    actor_token: await obtain(saSecret, scope),
    actor_token_type: ACCESS_TOKEN,
  });
  const claimsOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as object;
  const said = ({ status, body }: Answer) => [status, (body as { error_description?: string }).error_description];

  it('is off by default', async () => {
    expect(said(await ask({ ...victim, ...(await acting()) }))).toEqual([
      403,
      'Errors.TokenExchange.Impersonation.PolicyDisabled',
    ]);
  });

  it('needs the role of an impersonator', async () => {
    zitadel.impersonation([]);
    expect(said(await ask({ ...victim, ...(await acting()) }))).toEqual([404, 'membership not found']);
    expect(said(await ask(victim))).toEqual([400, 'actor_token invalid']);
  });

  it('gives a token that names the actor, with what the actor holds', async () => {
    zitadel.impersonation([saSecret.userId]);
    const answer = await ask({ ...victim, ...(await acting(`${AUDIENCE} profile`)), requested_token_type: JWT });
    expect(answer.body).toMatchObject({ token_type: 'Bearer', scope: `${AUDIENCE} profile` });
    const act = { iss: zitadel.url, sub: saSecret.userId };
    const accessToken = member(answer, 'access_token');
    expect(claimsOf(accessToken)).toMatchObject({ sub: saVictim.userId, aud: [accounts.project], act });
    expect((await introspect(accessToken)).body).toMatchObject({ sub: saVictim.userId, act });
    const again = { ...(await acting()), subject_token: 'x', actor_token: accessToken };
    expect(said(await ask({ ...again, ...victim }))).toEqual([404, 'membership not found']);
    zitadel.impersonation([saSecret.userId, saVictim.userId]);
    const nested = await ask({ ...again, ...victim, requested_token_type: JWT });
    expect(claimsOf(member(nested, 'access_token'))).toMatchObject({ act: { sub: saVictim.userId, act } });
    expect(said(await ask({ ...victim, ...(await acting()), scope: 'email' }))[1]).toContain('not found in subject or');
    expect(said(await ask({ ...victim, ...(await acting()), audience: '1' }))[1]).toContain('not found in subject or');
  });

  it('takes a JWT that the application signed for the account', async () => {
    zitadel.impersonation([saSecret.userId]);
    const jwt = signed(oidcKey.clientId, oidcKey.keyId, oidcKey.key, { claims: { sub: saVictim.userId } });
    const form = { grant_type: TOKEN_EXCHANGE, subject_token: jwt, subject_token_type: JWT, ...app(oidcKey) };
    const answer = await token({ ...form, ...(await acting()) });
    expect((await introspect(member(answer, 'access_token'))).body).toMatchObject({ sub: saVictim.userId });
  });

  it('is what an ID token as subject needs', async () => {
    zitadel.impersonation([saSecret.userId]);
    const scope = `openid urn:zitadel:iam:user:resourceowner ${AUDIENCE}`;
    const obtained = await token({ grant_type: 'client_credentials', scope }, basic(saVictim));
    const subject = { subject_token: member(obtained, 'id_token'), subject_token_type: ID_TOKEN };
    expect(said(await ask({ ...subject, scope: 'openid' }))[1]).toBe(
      'scope "openid" not found in subject or actor token',
    );
    expect(said(await ask(subject))[1]).toContain('The scope of your request is missing');
    const answer = await ask({ ...subject, ...(await acting()) });
    expect(answer.body).toMatchObject({ scope: AUDIENCE });
  });
});

describe('audiences in an exchange', () => {
  const both = `${AUDIENCE} ${ZITADEL_AUDIENCE}`;
  const ask = async (subject: string, form: Form) =>
    token(
      { grant_type: TOKEN_EXCHANGE, subject_token: subject, subject_token_type: ACCESS_TOKEN, ...form },
      basic(oidcSecret),
    );
  const search = (accessToken: string) =>
    exchange(zitadel.url, { path: '/v2/users/keys/search', headers: { authorization: `Bearer ${accessToken}` } });

  it.each([
    ['scope alone does not narrow', { scope: AUDIENCE }, AUDIENCE, 200],
    ['audience does, while scope repeats all', { audience: accounts.project }, both, 401],
  ])('%s', async (_, form, scope, status) => {
    const answer = await ask(await obtain(saSecret, both), form as Form);
    expect(answer.body).toMatchObject({ scope });
    expect((await search(member(answer, 'access_token'))).status).toBe(status);
  });

  it('are not widened again', async () => {
    const narrowed = member(await ask(await obtain(saSecret, both), { audience: accounts.project }), 'access_token');
    const answer = await ask(narrowed, { scope: ZITADEL_AUDIENCE, audience: zitadel.ownProjectId });
    expect([answer.status, member(answer, 'error')]).toEqual([400, 'invalid_target']);
  });

  it.each([ZITADEL_AUDIENCE, 'OWN', AUDIENCE])('open the API by the id of its project: %s', async (scope) => {
    const own = `urn:zitadel:iam:org:project:id:${zitadel.ownProjectId}:aud`;
    const accessToken = await obtain(saSecret, scope === 'OWN' ? own : scope);
    expect((await search(accessToken)).status).toBe(scope === AUDIENCE ? 401 : 200);
  });
});

describe('release 4.13', () => {
  let old: Zitadel;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const post413 = (body: Form, headers: Form = {}) =>
    exchange(old.url, {
      path: '/oauth/v2/token',
      headers: { ...form, ...headers },
      body: `${new URLSearchParams(body)}`,
    });
  beforeEach(async () => {
    old = await createZitadel({ accounts, release: '4.13' });
  });
  afterEach(() => old.close());

  it('answers a bad assertion with 500', async () => {
    const answer = await post413({ grant_type: JWT_BEARER, scope: AUDIENCE, assertion: 'a.b.c' });
    const body = { error: 'server_error', error_description: 'Errors.Internal' };
    expect([answer.status, answer.body]).toEqual([500, body]);
  });

  it('gives tokens of one part, and exchanges any of them for wider scopes', async () => {
    const obtained = await post413({ grant_type: 'client_credentials', scope: 'openid' }, basic(saSecret));
    const subject = member(obtained, 'access_token');
    expect(subject).not.toContain('.');
    const body = {
      grant_type: TOKEN_EXCHANGE,
      subject_token: subject,
      subject_token_type: ACCESS_TOKEN,
      scope: 'email',
    };
    expect((await post413(body, basic(oidcSecret))).body).toMatchObject({ scope: 'email' });
  });
});

describe('white space in a token', () => {
  it.each([' T', 'T\n', '\tT', 'T\u00a0\u2003', 'ab cd'])('is not seen: %j', async (form) => {
    const accessToken = await obtain();
    const spaced = form.includes('T') ? form.replace('T', accessToken) : accessToken.replace('.', ' \r\n.');
    expect((await introspect(spaced)).body).toMatchObject({ active: true });
  });

  it('is not seen in an assertion, but padding is', async () => {
    expect((await bearer(own().replaceAll('.', '. '))).status).toBe(200);
    expect((await bearer(`${own()}=`)).status).toBe(400);
  });
});

describe('reads that lag by 40 ms', () => {
  const secretOf = async () => {
    const form = { grant_type: 'client_credentials', scope: AUDIENCE };
    const outcome = async (clientSecret: string) => (await token(form, basic({ ...saSecret, clientSecret }))).status;
    return [await outcome('new'), await outcome(saSecret.clientSecret)];
  };
  const keys = async () => {
    const outcome = async (kid: string) => (await bearer(own({ header: { kid } }))).status;
    return [await outcome('79'), await outcome(saKey.key.keyId)];
  };

  it('see the old keys and secrets for so long', async () => {
    zitadel.lag(40);
    zitadel.setSecret(saSecret.clientId, 'new');
    zitadel.addKey({ holder: saKey.key.userId, keyId: '79', key: saKey.key.key });
    zitadel.removeKey(saKey.key.keyId);
    now += 39;
    expect([await secretOf(), await keys()]).toEqual([
      [400, 200],
      [400, 200],
    ]);
    now += 1;
    expect([await secretOf(), await keys()]).toEqual([
      [200, 400],
      [200, 400],
    ]);
  });

  it('see a lock at once', async () => {
    zitadel.lag(40);
    zitadel.setUserState(saSecret.userId, 'locked');
    expect(await secretOf()).toEqual([400, 400]);
  });
});

describe('revocation', () => {
  const revoke = (accessToken: string, client: { clientId: string; clientSecret: string }) =>
    post('/oauth/v2/revoke', { token: accessToken }, basic(client));
  const forClient = `${AUDIENCE} urn:zitadel:iam:org:project:id:${oidcSecret.clientId}:aud`;

  it('ends a token whose audience names the client, and not the token that it was exchanged for', async () => {
    const subject = await obtain(saSecret, forClient);
    const exchanged = member(
      await token(
        { grant_type: TOKEN_EXCHANGE, subject_token: subject, subject_token_type: ACCESS_TOKEN },
        basic(oidcSecret),
      ),
      'access_token',
    );
    const answer = await revoke(exchanged, oidcSecret);
    expect([answer.status, answer.body]).toEqual([200, '']);
    expect((await introspect(exchanged)).body).toEqual({ active: false });
    expect((await introspect(subject)).body).toMatchObject({ active: true });
  });

  it.each([
    ['by a client that the audience does not name', AUDIENCE, oidcSecret, 401, 'token was not issued for this client'],
    ['by an API application', forClient, apiSecret, 400, 'no active client not found'],
    ['by a service account', forClient, saSecret, 400, 'no active client not found'],
  ])('is refused %s', async (_, scope, client, status, description) => {
    const answer = await revoke(await obtain(saSecret, scope), client);
    expect([answer.status, member(answer, 'error_description')]).toEqual([status, description]);
  });

  it('of an unknown token is 200', async () => {
    expect((await revoke('unknown', oidcSecret)).status).toBe(200);
  });
});

describe('rotation', () => {
  const { userId } = saKey.key;
  const call = (method: string, path: string, accessToken: string, body: object = {}) =>
    exchange(zitadel.url, {
      method,
      path,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
      body: JSON.stringify(body),
    });
  const open = async () => member(await bearer(own(), ZITADEL_AUDIENCE), 'access_token');
  const expirationDate = '2030-01-01T00:00:00Z';

  it('adds, lists and removes keys of the own account', async () => {
    const mine = await open();
    const { publicKey, privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const input = { expirationDate, publicKey: Buffer.from(publicKey).toString('base64') };
    const keyId = member(await call('POST', `/v2/users/${userId}/keys`, mine, input), 'keyId');
    expect((await bearer(signed(userId, keyId, privateKey, { header: { alg: 'ES256' } }))).status).toBe(200);
    const list = await call('POST', '/v2/users/keys/search', mine, { filters: [{ userIdFilter: { id: userId } }] });
    expect(list.body).toMatchObject({ pagination: { totalResult: '2' }, result: [{ id: keyId }, { expirationDate }] });
    expect((await call('DELETE', `/v2/users/${userId}/keys/${keyId}`, mine)).status).toBe(200);
    expect((await call('DELETE', `/v2/users/${userId}/keys/${keyId}`, mine)).status).toBe(404);
    expect((await bearer(signed(userId, keyId, privateKey, { header: { alg: 'ES256' } }))).status).toBe(400);
  });

  it('makes a key, which reads may not see at once', async () => {
    zitadel.lag(40);
    const answer = await call('POST', `/v2/users/${userId}/keys`, await open(), { expirationDate });
    const made = JSON.parse(Buffer.from(member(answer, 'keyContent'), 'base64').toString()) as typeof saKey.key;
    expect(made).toMatchObject({ type: 'serviceaccount', userId, expirationDate });
    expect((await bearer(signed(userId, made.keyId, made.key))).status).toBe(400);
    now += 40;
    expect((await bearer(signed(userId, made.keyId, made.key))).status).toBe(200);
  });

  it('replaces the own secret', async () => {
    const mine = await open();
    const clientSecret = member(await call('POST', `/v2/users/${userId}/secret`, mine), 'clientSecret');
    await obtain({ clientId: saKey.username, clientSecret });
    expect((await call('DELETE', `/v2/users/${userId}/secret`, mine)).status).toBe(200);
  });

  it('of application keys needs the administrator', async () => {
    const service = '/zitadel.application.v2.ApplicationService';
    const input = { projectId: accounts.project, applicationId: apiKey.appId, expirationDate };
    const create = `${service}/CreateApplicationKey`;
    expect((await call('POST', create, await open(), input)).body).toEqual(recorded('rotate', 2048).body);
    const admin = accounts.admin.personalAccessToken;
    expect((await call('POST', create, admin, { ...input, expirationDate: undefined })).body).toEqual(
      recorded('rotate', 2047).body,
    );
    const answer = await call('POST', create, admin, input);
    const made = JSON.parse(Buffer.from(member(answer, 'keyDetails'), 'base64').toString()) as typeof apiKey;
    const form = async () => ({ token: await obtain(), ...app({ ...apiKey, ...made }) });
    expect((await post('/oauth/v2/introspect', await form())).body).toMatchObject({ active: true });
    await call('POST', `${service}/DeleteApplicationKey`, admin, { ...input, keyId: made.keyId });
    expect((await post('/oauth/v2/introspect', await form())).status).toBe(400);
    const filters = [{ applicationIdFilter: { applicationId: apiKey.appId } }];
    expect((await call('POST', `${service}/ListApplicationKeys`, admin, { filters })).body).toMatchObject({
      keys: [{ keyId: apiKey.keyId, projectId: accounts.project }],
      pagination: { totalResult: '1' },
    });
  });

  it.each([
    [2002, AUDIENCE, userId, { expirationDate }],
    [2012, ZITADEL_AUDIENCE, userId, {}],
    [2013, ZITADEL_AUDIENCE, userId, { expirationDate: '2020-01-01T00:00:00Z' }],
    [2014, ZITADEL_AUDIENCE, saVictim.userId, { expirationDate }],
  ])('is refused as in recording %i', async (seq, scope, id, input) => {
    const accessToken = member(await bearer(own(), scope), 'access_token');
    const answer = await call('POST', `/v2/users/${id}/keys`, accessToken, input);
    const was = recorded('rotate', seq);
    expect([answer.status, answer.body]).toEqual([was.status, was.body]);
    expect(answer.headers['www-authenticate']).toBe(was.headers['www-authenticate']);
  });

  it('locks and unlocks accounts, for the administrator only', async () => {
    const lock = (accessToken: string) => call('POST', `/v2/users/${saVictim.userId}/lock`, accessToken);
    expect((await lock(await open())).status).toBe(404);
    expect((await lock(accounts.admin.personalAccessToken)).status).toBe(200);
    const answer = await token({ grant_type: 'client_credentials', scope: 'openid' }, basic(saVictim));
    expect(member(answer, 'error_description')).toBe('Errors.User.NotActive');
  });

  const recorded = (room: string, seq: number): Answer =>
    (readJson(`${room}.json`) as { seq: number; response: Answer }[]).find((record) => record.seq === seq)
      ?.response ?? {
      status: 0,
      headers: {},
      body: 'no such recording',
    };
});

describe('keys and faults from outside', () => {
  it('adds and removes a key', async () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    zitadel.addKey({ holder: saKey.key.userId, keyId: '77', key: privateKey });
    const ask = () => bearer(own({ key: privateKey, header: { alg: 'ES256', kid: '77' } }));
    expect((await ask()).status).toBe(200);
    zitadel.removeKey('77');
    expect((await ask()).status).toBe(400);
  });

  it('are switched by one path, also under a fault', async () => {
    const change = (body: string) => exchange(zitadel.url, { path: '/stand-in/faults', body });
    expect((await change('{"fault":"reset"}')).status).toBe(200);
    await expect(obtain()).rejects.toThrow('socket hang up');
    expect((await change('{"fault":"blocked"}')).status).toBe(200);
    expect((await token({})).status).toBe(429);
    expect((await change('{"fault":null}')).status).toBe(200);
    await obtain();
  });

  it('switch impersonation and the lag', async () => {
    const change = (body: string) => exchange(zitadel.url, { path: '/stand-in/faults', body });
    const bodies = ['{"impersonation":["1"]}', '{"impersonation":null}', '{"lagMs":40}'];
    const answers = await Promise.all(bodies.map(change));
    expect(answers.map(({ body }) => body)).toEqual(['impersonation: on\n', 'impersonation: off\n', 'lag: 40 ms\n']);
  });

  it.each(['{"fault":"fire"}', '{"lagMs":0.5}', '{', 'null', ''])('say how they are used: %j', async (body) => {
    const answer = await exchange(zitadel.url, { path: '/stand-in/faults', body });
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining('POST {"fault": "blocked" |')]);
  });
});

describe('accounts', () => {
  it.each([
    [[], 'the accounts must be a JSON object'],
    [{ project: '1' }, 'org: must be a non-empty string'],
    [{ org: '1', project: '2', fox: {} }, 'fox: a name starts with sa, api or oidc, or is admin'],
    [{ org: '1', project: '2', apiOne: 1 }, 'apiOne: must be an object'],
    [
      { org: '1', project: '2', apiOne: { appId: '1' } },
      'apiOne.clientId: must be a non-empty string; apiOne.clientSecret: must be a non-empty string',
    ],
    [
      { org: '1', project: '2', saOne: { username: 'a', key: { userId: '1', keyId: '2', key: 'x' } } },
      'saOne.key.key: must be a key in PEM',
    ],
  ])('name every member at fault: %j', (document, message) => {
    expect(() => parseAccounts(document)).toThrow(message);
  });
});

describe('the command line', () => {
  const MAIN = fileURLToPath(new URL('../../infra/local/zitadel/main.ts', import.meta.url));
  const ACCOUNTS = fileURLToPath(new URL('../recordings/accounts.json', import.meta.url));
  const directory = mkdtempSync(join(tmpdir(), 'zitadel-'));
  const notJson = join(directory, 'accounts.json');
  writeFileSync(notJson, '{');
  afterAll(() => rmSync(directory, { recursive: true }));

  function run(args: readonly string[], onOutput: (text: string, stop: () => void) => void = () => undefined) {
    const child = spawn(process.execPath, [MAIN, ...args]);
    let output = '';
    const take = (chunk: Buffer) => {
      output += chunk;
      onOutput(output, () => child.kill('SIGTERM'));
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    return new Promise<{ code: number | null; output: string }>((resolve) => {
      child.on('close', (code) => resolve({ code, output }));
    });
  }

  it('prints its address and ends cleanly on SIGTERM', async () => {
    const { code, output } = await run(['--accounts', ACCOUNTS, '--port', '0'], (_, stop) => stop());
    expect([code, output]).toEqual([0, expect.stringMatching(/^ZITADEL stand-in: http:\/\/127\.0\.0\.1:\d+\n$/)]);
  });

  it.each([
    [['--help'], 0, 'npm run zitadel'],
    [[], 2, '--accounts FILE is missing'],
    [['--accounts', ACCOUNTS, '--port', '70000'], 2, '--port takes a number from 0 to 65535'],
    [['--accounts', ACCOUNTS, '--token-lifetime-seconds', '0'], 2, '--token-lifetime-seconds takes a whole number'],
    [['--accounts', ACCOUNTS, '--release', '3'], 2, '--release takes 4.11 or 4.13'],
    [['--accounts', ACCOUNTS, '--lag-ms', 'x'], 2, '--lag-ms takes a whole number'],
    [['--bogus'], 2, "Unknown option '--bogus'"],
    [['--accounts', '/nowhere.json'], 1, '/nowhere.json cannot be read'],
    [['--accounts', notJson], 1, 'is not JSON'],
  ])('%j', async (args, code, text) => {
    const ended = await run(args);
    expect(ended.code).toBe(code);
    expect(ended.output).toContain(text);
    if (code > 0) expect(ended.output.trimEnd().split('\n')).toHaveLength(1);
  });

  it('says that the port is in use', async () => {
    const ended = await run(['--accounts', ACCOUNTS, '--port', String(zitadel.port)]);
    expect(ended).toEqual({
      code: 1,
      output: `zitadel: port ${zitadel.port} is in use; choose another with --port, or --port 0 for a free one\n`,
    });
  });
});
