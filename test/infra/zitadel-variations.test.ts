import { sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZITADEL_PROJECT } from '../../infra/local/zitadel/scopes.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import accounts from '../recordings/accounts.json' with { type: 'json' };
import { type Answer, type Exchange, exchange, readJson } from './replay.ts';

interface Variation {
  readonly name: string;
  readonly request: Exchange & { readonly method: string; readonly headers: Readonly<Record<string, string>> };
  readonly response: Answer;
}

const { variations } = readJson('variations.json') as { readonly variations: readonly Variation[] };

/** When the assertions among the variations were young. */
const NOW_MS = 1_795_573_694_000;

// The variations are of another instance: its ids and names, with those of the same kind in accounts.json.
const { saSecret, saSecretJwt, saKey, oidcSecret, apiKey, apiOther, org, project, otherProject } = accounts;
const SAME_KIND: readonly (readonly [was: string, is: string])[] = [
  ['401105257519713318', org],
  ['401105257519778854', ZITADEL_PROJECT],
  ['401105298724490278', project],
  ['401105298909039654', otherProject],
  ['401105301090077734', saSecret.userId],
  ['401105301207518246', saSecretJwt.userId],
  ['401105301425622054', saKey.key.userId],
  ['401105301492730918', saKey.key.keyId],
  ['401105299445976102', oidcSecret.clientId],
  ['401105299143920678', apiKey.appId],
  ['401105299110366246', apiOther.appId],
  ['mwvi19jw', 'mwt9syk9'],
];
const SECRETS = new Map(
  [saSecret, saSecretJwt, oidcSecret].map(({ clientId, clientSecret }) => [clientId, clientSecret]),
);

const FORM = 'application/x-www-form-urlencoded';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const AUDIENCE = `urn:zitadel:iam:org:project:id:${project}:aud`;
const OWN_AUDIENCE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** Which token a variation was sent with, by its name. */
const TOKENS = [
  [/token of another/, 'saSecret', OWN_AUDIENCE],
  [/^(management|apps)/, 'saKey', OWN_AUDIENCE],
  [/^userinfo/, 'saSecret', `${AUDIENCE} urn:zitadel:iam:org:projects:roles profile`],
  [/^exchange/, 'saSecret', `${AUDIENCE} urn:zitadel:iam:org:projects:roles`],
] as const;

const decode = (part: string | undefined): object => JSON.parse(Buffer.from(part ?? '', 'base64url').toString());
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const sameKind = (text: string): string => SAME_KIND.reduce((all, [was, is]) => all.replaceAll(was, is), text);
const again = <T>(value: T): T => JSON.parse(sameKind(JSON.stringify(value)));

function signed(header: object, claims: object): string {
  const data = `${encode(header)}.${encode(claims)}`;
  return `${data}.${sign('sha256', Buffer.from(data), saKey.key.key).toString('base64url')}`;
}

/** The same assertion, by the account of the same kind. */
function signAgain(jwt: string): string {
  const [header, claims] = jwt.split('.', 2).map((part) => again(decode(part)));
  return signed(header ?? {}, claims ?? {});
}

function basicAgain(halves: string): string {
  const [id = ''] = sameKind(Buffer.from(halves, 'base64').toString()).split(':');
  return Buffer.from(`${id}:${SECRETS.get(id)}`).toString('base64');
}

// What each instance has of its own.
const OWN = new Set('access_token keyContent clientSecret creationDate changeDate updated_at keyId'.split(' '));

/** A body, with only the kind of what each instance has of its own: of a JWT its claims. */
function comparable(value: unknown, member = ''): unknown {
  const parts = String(value).split('.');
  if (member === 'access_token' && parts.length === 3) {
    const { exp, iat, nbf, jti, ...claims } = again(decode(parts[1])) as Readonly<Record<string, unknown>>;
    return { ...claims, moments: [exp, iat, nbf].map((moment) => typeof moment), jti: typeof jti };
  }
  if (OWN.has(member)) return `${typeof value} of ${member === 'access_token' ? parts.length : 1} parts`;
  // A list without a filter counts all keys of its instance.
  if (member === 'totalResult' && Number(value) > 1) return 'many';
  const end = member === 'keys' ? 1 : undefined;
  if (Array.isArray(value)) return value.slice(0, end).map((element) => comparable(element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, comparable(inner, name)]));
}

const HEADERS = [
  ...['content-type', 'location', 'cache-control', 'pragma', 'www-authenticate', 'x-content-type-options'],
  ...['origin', 'credentials', 'methods', 'headers'].map((name) => `access-control-allow-${name}`),
  'access-control-expose-headers',
  ...['content-type', 'cache-control', 'pragma'].map((name) => `grpcgateway-${name}`),
];

const said = ({ status, headers, body }: Answer) => ({
  status,
  headers: Object.fromEntries(HEADERS.map((header) => [header, headers[header]])),
  body: comparable(body),
});

describe('the variations of a real ZITADEL', () => {
  let zitadel: Zitadel;
  beforeAll(async () => {
    const impersonation = { impersonators: [saSecret.userId] };
    zitadel = await createZitadel({ accounts, now: () => NOW_MS, impersonation });
  });
  afterAll(() => zitadel.close());

  const send = ({ headers, ...request }: Exchange) =>
    exchange(zitadel.url, { ...request, headers: { host: 'localhost:8080', ...headers } });

  async function obtain(account: 'saSecret' | 'saKey', scope: string): Promise<string> {
    const { userId, keyId } = saKey.key;
    const iat = NOW_MS / 1000;
    const claims = { iss: userId, sub: userId, aud: 'http://localhost:8080', iat, exp: iat + 60 };
    const byKey = { grant_type: JWT_BEARER, assertion: signed({ alg: 'RS256', kid: keyId }, claims) };
    const { clientId: client_id, clientSecret: client_secret } = saSecret;
    const bySecret = { grant_type: 'client_credentials', client_id, client_secret };
    const answer = await send({
      path: '/oauth/v2/token',
      headers: { 'content-type': FORM },
      body: new URLSearchParams({ ...(account === 'saKey' ? byKey : bySecret), scope }).toString(),
    });
    return (answer.body as { access_token: string }).access_token;
  }

  /** The request as it is to this instance. */
  async function translate({ name, request }: Variation): Promise<Exchange> {
    const [, account, scope] = TOKENS.find(([pattern]) => pattern.test(name)) ?? [];
    const token = account && scope ? await obtain(account, scope) : '';
    const text = (was: string) =>
      sameKind(was)
        .replace(/eyJ[\w-]+(?:\.[\w-]+){2,4}/g, (found) => (found.split('.').length === 5 ? token : signAgain(found)))
        .replace(/^Basic (.*)$/, (_, halves: string) => `Basic ${basicAgain(halves)}`);
    const headers = Object.entries(request.headers).map(([header, value]) => [header.toLowerCase(), text(value)]);
    return {
      ...request,
      path: text(request.path),
      headers: Object.fromEntries(headers),
      body: text(request.body ?? ''),
    };
  }

  it.each(variations)('$name', async (variation) => {
    const { response } = variation;
    const is = await send(await translate(variation));
    const was = { ...response, body: again(response.body) };
    expect(said(is)).toEqual(said(was));
  });

  const GRPC = '/v2/users/keys/search';
  const CONNECT = '/zitadel.application.v2.ApplicationService/ListApplicationKeys';
  const json = { 'content-type': 'application/json' };

  // What Go's decoders say: the first of encoding/json, the second of protojson.
  it.each([
    ['{"a":[1,]}', "invalid character ']' looking for beginning of value", '(line 1:9): unexpected token ]'],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string", '(line 1:8): unexpected token }'],
    [
      '{"a" 1}',
      "invalid character '1' after object key",
      '(line 1:6): unexpected character 1, missing ":" after field',
    ],
    ['{"a":nil}', "invalid character 'i' in literal null (expecting 'u')", '(line 1:6): invalid value nil'],
    ['{\n"pagination": []}', 'proto: syntax error (line 2:15): unexpected token [', '(line 2:15): unexpected token ['],
    [
      '{"filters":[null]}',
      'proto: syntax error (line 1:13): unexpected token null',
      '(line 1:13): unexpected token null',
    ],
    ['{"pagination":{"limit":-1}}', 'proto: (line 1:24): invalid value for uint32 field limit: -1', 'field limit: -1'],
    [
      '{"a":[{}],"pagination":{},"pagination":{}}',
      'proto: (line 1:27): duplicate field "pagination"',
      'duplicate field',
    ],
  ])('%s is refused as by Go', async (body, throughGateway, throughConnect) => {
    const ask = async (path: string) =>
      ((await send({ path, headers: json, body })).body as { message: string }).message;
    expect(await ask(GRPC)).toBe(throughGateway);
    expect(await ask(CONNECT)).toContain(throughConnect);
  });

  it.each([
    [
      'filters: 0 of a kind',
      { filters: [{}] },
      /^invalid ListKeysRequest.Filters\[0\]: .* KeysSearchFilter.Filter: value is/,
    ],
    ['an empty id', { filters: [{ keyIdFilter: {} }] }, /caused by: invalid IDFilter.Id: value length must be between/],
    [
      'two filters in one',
      { filters: [{ keyIdFilter: {}, userIdFilter: {} }] },
      /KeysSearchFilter.filter is already set$/,
    ],
  ])('a search is refused with %s', async (_, input, message) => {
    const authorization = `Bearer ${await obtain('saKey', OWN_AUDIENCE)}`;
    const answer = await send({ path: GRPC, headers: { ...json, authorization }, body: JSON.stringify(input) });
    expect(answer.body).toMatchObject({ code: 3, message: expect.stringMatching(message) });
  });

  it('a list is sorted, and cut into pages', async () => {
    const headers = { ...json, authorization: 'Bearer PERSONAL-ACCESS-TOKEN' };
    const list = async (pagination: object) => {
      const body = JSON.stringify({ pagination, sortingColumn: 'APPLICATION_KEYS_SORT_BY_CREATION_DATE' });
      return (await send({ path: CONNECT, headers, body })).body as { keys?: { keyId: string }[]; pagination: object };
    };
    const { keys = [] } = await list({});
    const { keys: ascending = [] } = await list({ asc: true });
    expect(ascending).toEqual(keys.toReversed());
    expect(await list({ limit: 1, offset: '1' })).toEqual({
      keys: [keys[1]],
      pagination: { totalResult: String(keys.length), appliedLimit: '1' },
    });
    expect(await list({ offset: keys.length })).toEqual({ pagination: { appliedLimit: '100' } });
  });

  it.each<[string, Partial<Exchange>, number, RegExp]>([
    ['10,001 parameters', { body: '&'.repeat(10_000), headers: { 'content-type': FORM } }, 400, /parsing form/],
    ['10,000 parameters', { body: '&'.repeat(9999), headers: { 'content-type': FORM } }, 400, /grant_type missing/],
    ['more than 10 MiB', { body: 'x'.repeat(10_485_761), headers: { 'content-type': FORM } }, 400, /parsing form/],
    ['a bare charset', { headers: { 'content-type': `${FORM}; charset` } }, 400, /parsing form/],
    ['a public host', { headers: { 'x-zitadel-public-host': 'evil.example' } }, 404, /"evil.example" not trusted/],
    ['a malformed Forwarded', { headers: { forwarded: 'host=evil.example:1' } }, 400, /grant_type missing/],
    ['a path to clean', { path: '/oauth//v2/token?a=b' }, 301, /^""$/],
  ])('a token request with %s', async (_, request, status, said) => {
    const { path = '/oauth/v2/token', ...rest } = request;
    const answer = await send({ path, ...rest });
    expect([answer.status, answer.headers.location]).toEqual([
      status,
      status === 301 ? '/oauth/v2/token?a=b' : undefined,
    ]);
    expect(JSON.stringify(answer.body).replaceAll('\\', '')).toMatch(said);
  });
});
