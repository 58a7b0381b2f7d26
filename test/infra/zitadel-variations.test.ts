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

/** What cannot be replayed, and why. */
const NOT_REPLAYED = new Map([
  ['token: header of 20 kB', "the listener that all stand-ins share keeps Node.js's limit of 16 KiB for headers"],
]);

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

const AUDIENCE = `urn:zitadel:iam:org:project:id:${project}:aud`;
const OWN_AUDIENCE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** Which token a variation was sent with, by its name. */
const TOKENS = [
  [/token of another/, 'saSecret', OWN_AUDIENCE],
  [/^(management|apps)/, 'saKey', OWN_AUDIENCE],
  [/^userinfo/, 'saSecret', `${AUDIENCE} urn:zitadel:iam:org:projects:roles profile`],
  [/^exchange/, 'saSecret', `${AUDIENCE} urn:zitadel:iam:org:projects:roles`],
] as const;

const decode = (part: string | undefined): Readonly<Record<string, unknown>> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString());
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const sameKind = (text: string): string => SAME_KIND.reduce((all, [was, is]) => all.replaceAll(was, is), text);

/** The same assertion, signed by the key of the same kind. */
function signAgain(jwt: string): string {
  const [head, payload] = jwt.split('.').map((part) => (part.startsWith('eyJ') ? decode(part) : {}));
  const data = `${sameKind(JSON.stringify(head))}|${sameKind(JSON.stringify(payload))}`
    .split('|')
    .map((json) => encode(JSON.parse(json)));
  return [...data, sign('sha256', Buffer.from(data.join('.')), saKey.key.key).toString('base64url')].join('.');
}

function basicAgain(halves: string): string {
  const [id = ''] = sameKind(Buffer.from(halves, 'base64').toString()).split(':');
  return Buffer.from(`${id}:${SECRETS.get(id)}`).toString('base64');
}

// What each instance has of its own.
const OWN = new Set([
  'access_token',
  'keyContent',
  'clientSecret',
  'creationDate',
  'changeDate',
  'updated_at',
  'keyId',
]);

/** A body, with only the kind of what each instance has of its own: of a JWT its claims. */
function comparable(value: unknown, member = ''): unknown {
  const parts = String(value).split('.');
  if (member === 'access_token' && parts.length === 3) {
    const { iss, sub, aud, client_id } = JSON.parse(sameKind(JSON.stringify(decode(parts[1]))));
    return { iss, sub, aud, client_id, claims: Object.keys(decode(parts[1])) };
  }
  if (OWN.has(member)) return `${typeof value} of ${member === 'access_token' ? parts.length : 1} parts`;
  // A list without a filter counts all keys of its instance.
  if (member === 'totalResult' && Number(value) > 1) return 'many';
  if (Array.isArray(value))
    return (member === 'keys' ? value.slice(0, 1) : value).map((element) => comparable(element));
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

  async function earn(account: 'saSecret' | 'saKey', scope: string): Promise<string> {
    const { userId, keyId } = saKey.key;
    const iat = NOW_MS / 1000;
    const claims = { iss: userId, sub: userId, aud: 'http://localhost:8080', iat, exp: iat + 60 };
    const grant =
      account === 'saKey'
        ? {
            grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
            assertion: signAgain(`${encode({ alg: 'RS256', kid: keyId })}.${encode(claims)}`),
          }
        : {
            grant_type: 'client_credentials',
            client_id: saSecret.clientId,
            client_secret: saSecret.clientSecret,
          };
    const answer = await send({
      path: '/oauth/v2/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...grant, scope }).toString(),
    });
    return (answer.body as { access_token: string }).access_token;
  }

  /** The request as it is to this instance. */
  async function translate({ name, request }: Variation): Promise<Exchange> {
    const [, account, scope] = TOKENS.find(([pattern]) => pattern.test(name)) ?? [];
    const token = account && scope ? await earn(account, scope) : '';
    const again = (text: string) =>
      sameKind(text)
        .replace(/eyJ[\w-]+(?:\.[\w-]+){2,4}/g, (found) => (found.split('.').length === 5 ? token : signAgain(found)))
        .replace(/^Basic (.*)$/, (_, halves: string) => `Basic ${basicAgain(halves)}`);
    const headers = Object.entries(request.headers).map(([header, value]) => [header.toLowerCase(), again(value)]);
    return {
      ...request,
      path: again(request.path),
      headers: Object.fromEntries(headers),
      body: again(request.body ?? ''),
    };
  }

  const replayed = variations.filter(({ name }) => !NOT_REPLAYED.has(name));

  it('are all replayed but one', () => {
    expect([variations.length, replayed.length]).toEqual([75, 74]);
  });

  it.each(replayed)('$name', async (variation) => {
    const { response } = variation;
    const is = await send(await translate(variation));
    const was = { ...response, body: JSON.parse(sameKind(JSON.stringify(response.body))) as unknown };
    expect(said(is)).toEqual(said(was));
  });
});
