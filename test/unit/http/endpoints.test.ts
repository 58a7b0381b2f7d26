import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ExchangeDemand, ObtainedOnBehalf } from '../../../lib/broker/exchange/exchange.ts';
import { createCounter, createKeyIds } from '../../../lib/broker/obtain/counter.ts';
import type { Obtained } from '../../../lib/broker/obtain/renewal.ts';
import type { Profile } from '../../../lib/broker/profiles/profile.ts';
import { fingerprint } from '../../../lib/core/digest.ts';
import type { BrokerError } from '../../../lib/core/error.ts';
import { type Redacted, redacted } from '../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { instant, plus } from '../../../lib/core/time.ts';
import type { GatewayHandler } from '../../../lib/http/endpoint.ts';
import { createIntrospectionEndpoint } from '../../../lib/http/introspection-endpoint.ts';
import type { RequestRecord } from '../../../lib/http/log.ts';
import { createRevocationEndpoint } from '../../../lib/http/revocation-endpoint.ts';
import { createTokenEndpoint } from '../../../lib/http/token-endpoint.ts';
import type { Credential } from '../../../lib/zitadel/credential.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { profilesOf } from '../../support/profiles.ts';

const NOW = instant(1_795_438_700_000);
const AUD = 'urn:zitadel:iam:org:project:id:1:aud';
const OTHER_AUD = 'urn:zitadel:iam:org:project:id:2:aud';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const arn = (role: string) => `arn:aws:iam::123456789012:role/${role}`;
const shared = { issuer: 'https://a.example', secret: 's', scopes: [AUD, 'x'], callers: [arn('orders-service')] };
const profiles = profilesOf({
  profiles: {
    orders: shared,
    shipping: { ...shared, subject: 'orders', scopes: [] },
    exchanging: { ...shared, exchange: { audiences: ['q'] } },
    others: { ...shared, callers: [arn('other')] },
    introspecting: {
      ...shared,
      introspection: { secret: 's', callers: [arn('orders-service')] },
      callers: [arn('other')],
    },
    revocable: { ...shared, revocation: { secret: 's', callers: [arn('orders-service')] }, callers: [arn('other')] },
  },
});

const CALLER = { kind: 'iam_role', partition: 'aws', account: '123456789012', role: 'orders-service' };
const life = { obtainedAt: NOW, expiresAt: plus(NOW, 60_999), refreshAt: plus(NOW, 45_000) };
const token = { accessToken: redacted('the-token'), ...life };
const away: BrokerError = { kind: 'unavailable', dependency: 'zitadel', detail: 'secret detail', retryAfterMs: 1_001 };

let clock: FakeClock;
let records: RequestRecord[];
let events: unknown[];
let looked: boolean;
let blocked: (look: number) => boolean;
let looks: number;
let obtained: Result<Obtained, BrokerError>;
let onBehalf: Result<ObtainedOnBehalf, BrokerError>;
let introspected: Result<
  { introspection: { body: string; isActive: boolean }; source: 'memory' | 'zitadel' },
  BrokerError
>;
let revoked: Result<void, BrokerError>;
let handlers: Record<'token' | 'introspect' | 'revoke', GatewayHandler>;
let issued: ReturnType<typeof createCounter>;
let waits: ReturnType<typeof createCounter>;
let keyIds: ReturnType<typeof createKeyIds>;
beforeEach(reset);

function reset(): void {
  clock = createFakeClock(NOW);
  [records, events, looks, looked, blocked] = [[], [], 0, true, () => false];
  [issued, waits, keyIds] = [createCounter(), createCounter(), createKeyIds()];
  obtained = ok({ token, source: 'memory' });
  onBehalf = ok({
    token: { ...token, tokenType: 'N_A', issuedTokenType: 'urn:type', granted: ['a', 'b'] },
    source: 'issued',
  });
  introspected = ok({ introspection: { body: '{"active":true}', isActive: true }, source: 'zitadel' });
  revoked = ok(undefined);
  const deps = {
    clock,
    profiles,
    log: { request: (record: RequestRecord) => void records.push(record), prewarm: () => undefined },
    health: {
      degraded: (issuer = '') => (issuer === '' ? [] : [{ what: 'table' as const, since: NOW, detail: issuer }]),
    },
    expiries: { take: () => undefined },
    bulletin: {
      look: async (leftMs: number) => {
        looks += 1;
        looked = true;
        events.push(['look', leftMs]);
      },
      hasLooked: () => looked,
      isBlocked: () => blocked(looks),
    },
  } as const;
  const reveal = (text: Redacted<string> | undefined) => text?.reveal();
  handlers = {
    token: createTokenEndpoint({
      ...deps,
      issued,
      waits,
      keyIds,
      tokens: {
        obtain: async ({ profile, scopes }, deadline, rejected) => {
          events.push(['obtain', profile.name, scopes, deadline - NOW, reveal(rejected)]);
          issued.add();
          return obtained;
        },
        renew: () => expect.unreachable(),
        expiry: () => expect.unreachable(),
      },
      onBehalf: async (demand: ExchangeDemand, deadline, rejected) => {
        const { profile, scopes, isExact, exchanged } = demand;
        const subject = exchanged.subjectToken.reveal();
        events.push(['exchange', profile.name, scopes, isExact, subject, deadline - NOW, reveal(rejected)]);
        return onBehalf;
      },
    }),
    introspect: createIntrospectionEndpoint({
      ...deps,
      introspect: async (profile: Profile, text) => {
        events.push(['introspect', profile.name, text.reveal()]);
        return introspected;
      },
    }),
    revoke: createRevocationEndpoint({
      ...deps,
      revoke: async (profile, text) => {
        events.push(['revoke', profile.name, text.reveal()]);
        return revoked;
      },
    }),
  };
}

const OWN = 'grant_type=client_credentials';
const form = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString();
const subject = { grant_type: EXCHANGE, subject_token: 'subject', subject_token_type: ACCESS_TOKEN };

interface Ask {
  readonly endpoint?: 'token' | 'introspect' | 'revoke';
  readonly profile?: string;
  readonly body?: string;
  readonly changes?: object;
  readonly leftMs?: number;
}

async function ask({ endpoint = 'token', profile = 'orders', body = OWN, changes, leftMs = 9_000 }: Ask = {}) {
  const event = { ...tokenEvent(profile, body), ...changes };
  const { statusCode, headers, body: text } = await handlers[endpoint](event, context(leftMs));
  return { statusCode, headers, text, json: text === '' ? undefined : JSON.parse(text) };
}

const NO_STORE = { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' };
const refused = (error: string, description: unknown = expect.any(String)) => ({
  error,
  error_description: description,
  request_id: 'request-0001=',
});
const line = (more: object = {}) => ({
  at: NOW,
  requestId: 'request-0001=',
  route: 'token',
  profile: 'orders',
  status: 200,
  durationMs: 0,
  caller: CALLER,
  issuer: 'https://a.example',
  degraded: [{ what: 'table', since: NOW, detail: 'https://a.example' }],
  ...more,
});

test('a form is read alike, whatever was sent before', async () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const bodies = [
    OWN,
    `${OWN}&scope=x`,
    `scope=x&${OWN}`,
    `${OWN}&client_id=others`,
    `${OWN}&resource=a`,
    form(subject),
  ];
  const sent = fc.record({
    body: fc.constantFrom(...bodies, ...bodies.map(base64), base64(base64(OWN)), '', '\ud800', '/w=='),
    isBase64Encoded: fc.boolean(),
    headers: fc.constantFrom(
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
      { 'content-type': 'text/plain' },
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(sent, { minLength: 2, maxLength: 8 }), async (requests) => {
      reset();
      const used = handlers;
      for (const changes of requests) {
        handlers = used;
        const { statusCode, text } = await ask({ changes });
        reset();
        expect(await ask({ changes })).toMatchObject({ statusCode, text });
      }
    }),
  );
});

describe('a token of one’s own', () => {
  test('is answered, with whole seconds that it lives, and logged', async () => {
    const { statusCode, headers, json } = await ask();
    expect([statusCode, headers]).toEqual([200, NO_STORE]);
    expect(json).toEqual({
      access_token: 'the-token',
      token_type: 'Bearer',
      expires_in: 60,
      scope: `${AUD} x`.split(' ').sort().join(' '),
    });
    expect(events).toEqual([
      ['look', 9_000],
      ['obtain', 'orders', [AUD, 'x'].sort(), 9_000, undefined],
    ]);
    expect(records).toEqual([line({ obtained: { token, source: 'memory' }, issued: 1 })]);
  });

  test('is logged with the trace of the request, the keys of token requests, and that its caller waited', async () => {
    const trace = '1-5759e988-bd862e3fe1be46a994272793';
    const headers = { ...(tokenEvent('orders', OWN).headers as object), 'x-amzn-trace-id': `Root=${trace};Sampled=0` };
    waits.add();
    keyIds.note({ kind: 'service_account_key', key: { kid: '7' } } as Credential);
    await ask({ changes: { headers } });
    await ask();
    const more = { obtained: { token, source: 'memory' }, issued: 1 };
    expect(records).toEqual([line({ ...more, trace, keyIds: ['7'], hasWaited: true }), line(more)]);
  });

  test('has the scopes that the server says, that were asked for, or that the subject has', async () => {
    expect((await ask({ body: `${OWN}&scope=x` })).json.scope).toBe('x');
    expect((await ask({ profile: 'shipping' })).json.scope.split(' ').sort()).toEqual([AUD, 'x'].sort());
    obtained = ok({ token: { ...token, scope: 'said' }, source: 'memory' });
    expect((await ask()).json.scope).toBe('said');
  });

  test.each<[name: string, ask: Ask, status: number, error: string, description: string]>([
    ['no grant type', { body: 'x=1' }, 400, 'invalid_request', 'grant_type is missing'],
    [
      'another grant',
      { body: 'grant_type=password' },
      400,
      'unsupported_grant_type',
      'grant_type must be client_credentials, or token exchange if the profile allows it',
    ],
    [
      'a profile that only exchanges',
      { profile: 'exchanging' },
      400,
      'unsupported_grant_type',
      "this profile only exchanges its callers' tokens",
    ],
    [
      'another scope',
      { body: `${OWN}&scope=y` },
      400,
      'invalid_scope',
      'this profile does not grant one of the scopes',
    ],
    ...['audience', 'resource'].map(
      (name) =>
        [
          name,
          { body: `${OWN}&${name}=x` },
          400,
          'invalid_target',
          'the profile sets the audience; omit audience and resource',
        ] as [string, Ask, number, string, string],
    ),
    [
      'more than 4 kB',
      { body: `${OWN}&x=${'y'.repeat(4_100)}` },
      400,
      'invalid_request',
      'the body is larger than 4 kB',
    ],
    [
      'more than 100 kB',
      { body: `${OWN}&x=${'y'.repeat(103_000)}` },
      400,
      'invalid_request',
      'the body is larger than 100 kB',
    ],
    ['a parameter twice', { body: `${OWN}&x=1&x=2` }, 400, 'invalid_request', expect.stringMatching(/once|twice/)],
    [
      'another client id',
      { body: `${OWN}&client_id=other` },
      400,
      'invalid_request',
      'client_id, if sent, must be the name of the profile',
    ],
    [
      'JSON',
      { changes: { headers: { 'content-type': 'application/json' } } },
      400,
      'invalid_request',
      'the content type must be application/x-www-form-urlencoded',
    ],
    [
      'another profile',
      { profile: 'others' },
      403,
      'unauthorized_client',
      'the profile does not exist, or this caller may not use it',
    ],
    [
      'no such profile',
      { profile: 'nobodys' },
      403,
      'unauthorized_client',
      'the profile does not exist, or this caller may not use it',
    ],
    [
      'nobody',
      { changes: { requestContext: { requestId: 'request-0001=' } } },
      401,
      'invalid_client',
      'sign the request as an IAM role (AWS Signature Version 4)',
    ],
  ])('is not for: %s', async (_name, asked, status, error, description) => {
    const { statusCode, json } = await ask(asked);
    expect([statusCode, json]).toEqual([status, refused(error, description)]);
    expect(events.filter((event) => Array.isArray(event) && event[0] !== 'look')).toEqual([]);
    expect(records).toMatchObject([{ status, error: { kind: expect.any(String) } }]);
  });

  test('just 4 kB are taken; with a token that is sent back, 100 kB', async () => {
    const rest = `${OWN}&x=`;
    expect((await ask({ body: `${rest}${'y'.repeat(4_096 - rest.length)}` })).statusCode).toBe(200);
    expect((await ask({ body: `${rest}${'y'.repeat(4_097 - rest.length)}` })).statusCode).toBe(400);
    expect((await ask({ body: `${OWN}&rejected_token=${'y'.repeat(49_152)}` })).statusCode).toBe(200);
    expect(events.at(-1)).toEqual(['obtain', 'orders', expect.anything(), 9_000, 'y'.repeat(49_152)]);
  });

  test('the client id may be the name of the profile', async () => {
    expect((await ask({ body: `${OWN}&client_id=orders` })).statusCode).toBe(200);
    expect(records[0]).not.toHaveProperty('isClientSecretSent');
  });

  test('a client secret is ignored, and the log says that it is sent', async () => {
    const body = `${OWN}&client_id=orders&client_secret=canary-canary`;
    expect((await ask({ body })).statusCode).toBe(200);
    expect(records).toMatchObject([{ isClientSecretSent: true }]);
    expect(JSON.stringify(records)).not.toContain('canary');
  });

  test('is not to be had: the caller gets the kind, and when to ask again; the log gets the facts', async () => {
    obtained = fail(away);
    const { statusCode, headers, json } = await ask();
    expect([statusCode, headers['retry-after']]).toEqual([503, '2']);
    expect(json.error).toBe('temporarily_unavailable');
    expect(JSON.stringify(json)).not.toContain('detail"');
    expect(records).toEqual([line({ status: 503, error: away, issued: 1 })]);
  });

  test('a bug is a 500 with the request’s id, and its place is logged', async () => {
    obtained = undefined as never;
    const { statusCode, json } = await ask();
    expect([statusCode, json]).toEqual([500, refused('server_error', 'an internal error of the broker')]);
    expect(records).toEqual([
      line({ status: 500, bug: { name: 'TypeError', at: expect.stringContaining('token-endpoint.ts') } }),
    ]);
  });
});

describe('a token of a caller’s, exchanged', () => {
  const exchange = (parameters: object = {}, more: Ask = {}) =>
    ask({ profile: 'exchanging', body: form({ ...subject, ...parameters }), ...more });

  test('is answered with its types, and logged', async () => {
    const { statusCode, headers, json } = await exchange();
    expect([statusCode, headers]).toEqual([200, NO_STORE]);
    expect(json).toEqual({
      access_token: 'the-token',
      issued_token_type: 'urn:type',
      token_type: 'N_A',
      expires_in: 60,
      scope: 'a b',
    });
    expect(events).toEqual([
      ['look', 9_000],
      ['look', 9_000],
      ['exchange', 'exchanging', [AUD, 'x'].sort(), false, 'subject', 9_000, undefined],
    ]);
    expect(records).toMatchObject([{ profile: 'exchanging', issued: 0, obtained: { source: 'issued' } }]);
  });

  test('has the scope that the server says', async () => {
    onBehalf = ok({
      token: { ...token, scope: 'said', tokenType: 'Bearer', issuedTokenType: 'x', granted: ['a'] },
      source: 'memory',
    });
    expect((await exchange()).json.scope).toBe('said');
  });

  test('may be for scopes that are named, and come back as refused', async () => {
    await exchange({ scope: AUD, rejected_token: 'old' });
    expect(events.at(-1)).toEqual(['exchange', 'exchanging', [AUD], true, 'subject', 9_000, 'old']);
  });

  test.each<[name: string, parameters: object, profile: string, error: string, description: string]>([
    ['a profile that does not', {}, 'orders', 'unsupported_grant_type', 'this profile does not exchange tokens'],
    [
      'another scope',
      { scope: OTHER_AUD },
      'exchanging',
      'invalid_scope',
      'this profile does not grant one of the scopes',
    ],
    ['no subject', { subject_token: '' }, 'exchanging', 'invalid_request', 'subject_token is missing'],
    [
      'no type of subject',
      { subject_token_type: '' },
      'exchanging',
      'invalid_request',
      'subject_token_type is missing',
    ],
    [
      'another audience',
      { audience: 'p' },
      'exchanging',
      'invalid_target',
      'this profile does not allow the audience, and resource is not supported',
    ],
  ])('is not for: %s', async (_name, parameters, profile, error, description) => {
    const { statusCode, json } = await exchange(parameters, { profile });
    expect([statusCode, json]).toEqual([400, refused(error, description)]);
    expect(events).toEqual([['look', 9_000]]);
  });

  test('is not to be had', async () => {
    onBehalf = fail(away);
    expect((await exchange()).statusCode).toBe(503);
    expect(records).toMatchObject([{ status: 503, error: away }]);
    expect(records[0]?.obtained).toBeUndefined();
  });
});

describe.each([
  ['introspect', 'introspecting'],
  ['revoke', 'revocable'],
] as const)('%s', (endpoint, profile) => {
  test('takes a token, by its fingerprint in whatever spelling in the log', async () => {
    const { statusCode, headers, text } = await ask({ endpoint, profile, body: form({ token: ' a.b.c= ' }) });
    expect([statusCode, headers]).toEqual([200, NO_STORE]);
    expect(text).toBe(endpoint === 'revoke' ? '' : '{"active":true}');
    expect(events).toEqual([
      ['look', 9_000],
      ['look', 9_000],
      [endpoint, profile, ' a.b.c= '],
    ]);
    const [record] = records;
    expect(record).toMatchObject({ route: endpoint, profile, status: 200, seen: expect.stringMatching(/^[\w-]{12}$/) });
    await ask({ endpoint, profile, body: form({ token: 'a.b.c' }) });
    expect(records[1]?.seen).toBe(record?.seen);
  });

  test('a token without an inner spelling is named by itself', async () => {
    await ask({ endpoint, profile, body: form({ token: 'opaque' }) });
    expect(records[0]?.seen).toBe(fingerprint('opaque'));
  });

  test.each<[name: string, ask: Ask, status: number, error: string, description: string]>([
    ['no token', { body: 'x=1' }, 400, 'invalid_request', 'token is missing'],
    [
      'more than 100 kB',
      { body: `token=${'y'.repeat(103_000)}` },
      400,
      'invalid_request',
      'the body is larger than 100 kB',
    ],
    [
      'a profile whose callers may only get tokens',
      { profile: 'others' },
      403,
      'unauthorized_client',
      'the profile does not exist, or this caller may not use it',
    ],
  ])('is not for: %s', async (_name, asked, status, error, description) => {
    const { statusCode, json } = await ask({ endpoint, profile, body: 'token=t', ...asked });
    expect([statusCode, json]).toEqual([status, refused(error, description)]);
  });

  test('takes 40 kB', async () => {
    expect((await ask({ endpoint, profile, body: `token=${'y'.repeat(49_152)}` })).statusCode).toBe(200);
  });

  test('fails as what stands behind it', async () => {
    introspected = fail(away);
    revoked = fail(away);
    expect((await ask({ endpoint, profile, body: 'token=t' })).statusCode).toBe(503);
    expect(records).toMatchObject([{ status: 503, error: away, seen: fingerprint('t') }]);
  });
});

test('what introspection says is logged, and from where', async () => {
  introspected = ok({ introspection: { body: '{}', isActive: false }, source: 'memory' });
  await ask({ endpoint: 'introspect', profile: 'introspecting', body: 'token=t' });
  expect(records).toMatchObject([{ introspected: { isActive: false, source: 'memory' } }]);
});

describe('a caller who is blocked', () => {
  const no = {
    statusCode: 403,
    json: refused('unauthorized_client', 'the profile does not exist, or this caller may not use it'),
  };

  test('gets nothing, and nothing is obtained', async () => {
    blocked = () => true;
    expect(await ask()).toMatchObject(no);
    expect(events).toEqual([['look', 9_000]]);
    expect(records).toEqual([line({ status: 403, error: { kind: 'not_allowed', detail: 'blocked by an operator' } })]);
  });

  test('gets nothing from a new sandbox either, which looks while it obtains', async () => {
    looked = false;
    blocked = () => events.length > 0;
    expect(await ask()).toMatchObject(no);
    expect(events).toEqual([['obtain', 'orders', expect.anything(), 9_000, undefined]]);
    expect(records).toEqual([
      line({ status: 403, issued: 1, error: { kind: 'not_allowed', detail: 'blocked by an operator' } }),
    ]);
  });

  test('a new sandbox does not look first, and serves who is not blocked', async () => {
    looked = false;
    expect((await ask()).statusCode).toBe(200);
    expect(events).toHaveLength(1);
  });
});

describe('the line of log', () => {
  test('has how long it took, and no profile that is no name', async () => {
    const asked = handlers.token({ ...tokenEvent('NO NAME', OWN) }, context());
    await asked;
    expect(records).toMatchObject([{ profile: '', durationMs: 0, status: 403, degraded: [] }]);
  });

  test('has the id of the invocation where the event has none', async () => {
    const event = { ...tokenEvent('orders', OWN), requestContext: {} };
    const { body } = await handlers.token(event, { ...context(), awsRequestId: 'lambda-1' });
    expect([records[0]?.requestId, JSON.parse(body).request_id]).toEqual(['lambda-1', 'lambda-1']);
    await handlers.token(event, context());
    expect(records[1]?.requestId).toBe('');
  });
});
