import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpApiEvent } from '../../infra/local/gateway/event-v2.ts';
import type { LambdaContext } from '../../infra/local/gateway/lambda.ts';
import type { WireRequest } from '../../infra/local/gateway/request.ts';
import { createGateway, type GatewayOptions } from '../../infra/local/gateway/server.ts';
import { type Principal, verifySignature } from '../../infra/local/gateway/sigv4.ts';
import type { StandIn } from '../../infra/local/stand-in.ts';

const NOW_MS = Date.UTC(2026, 1, 3, 4, 5, 6);
const REGION = 'eu-central-1';
const FORM = 'application/x-www-form-urlencoded';
const BODY = 'grant_type=client_credentials&scope=openid';

const ORDERS: Principal = {
  accessKeyId: 'AKIAORDERS',
  secretAccessKey: 'orders-secret-key',
  userArn: 'arn:aws:sts::123456789012:assumed-role/orders-service/session',
  callerId: 'AROAORDERS:session',
};
const BILLING: Principal = {
  accessKeyId: 'ASIABILLING',
  secretAccessKey: 'billing-secret-key',
  sessionToken: 'billing-session-token',
  userArn: 'arn:aws:sts::210987654321:assumed-role/billing-service/session',
  callerId: 'AROABILLING:session',
  principalOrgId: 'o-example',
};

interface Call {
  readonly method?: string;
  /** On the wire, percent-encoded. */
  readonly path?: string;
  readonly query?: Readonly<Record<string, string | string[]>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly by?: Pick<Principal, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>;
  readonly region?: string;
  readonly service?: string;
  readonly signedAtMs?: number;
  readonly withChecksum?: boolean;
  /** Headers that are sent but not signed. */
  readonly unsigned?: readonly string[];
}

/** Signs with the official signer. `path` and `query` of the answer are as they go on the wire. */
async function sign(host: string, call: Call): Promise<Omit<WireRequest, 'sourceIp'>> {
  const { method = 'POST', path = '/orders/oauth/v2/token', query = {}, by = ORDERS, body = '' } = call;
  const signer = new SignatureV4({
    credentials: by,
    region: call.region ?? REGION,
    service: call.service ?? 'execute-api',
    sha256: Sha256,
    applyChecksum: call.withChecksum ?? true,
  });
  const { hostname } = new URL(`http://${host}`);
  const unsigned = new HttpRequest({ method, hostname, path, query, headers: { host, ...call.headers }, body });
  const { headers } = await signer.sign(unsigned, {
    signingDate: new Date(call.signedAtMs ?? NOW_MS),
    unsignableHeaders: new Set(call.unsigned),
  });
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((item) => [name, item] as const));
  return {
    method,
    path,
    query: pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&'),
    headers: Object.entries(headers),
    body: Buffer.from(body),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Sends a signed request byte for byte. */
async function send(gateway: StandIn, signed: Omit<WireRequest, 'sourceIp'>): Promise<Answer> {
  const path = signed.query === '' ? signed.path : `${signed.path}?${signed.query}`;
  const headers = signed.headers.flat();
  const req = httpRequest({
    port: gateway.port,
    host: '127.0.0.1',
    method: signed.method,
    path,
    headers,
    agent: false,
  });
  req.end(signed.body);
  const [res] = await once(req, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk);
  return { status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks).toString() };
}

const hostOf = (gateway: StandIn) => `127.0.0.1:${gateway.port}`;
const call = async (gateway: StandIn, given: Call = {}) => send(gateway, await sign(hostOf(gateway), given));

const gateways: StandIn[] = [];

async function start(handler: (event: never, context: never) => unknown, options: Partial<GatewayOptions> = {}) {
  const gateway = await createGateway({
    routes: [
      { method: 'POST', path: '/{profile}/oauth/v2/token', handler, functionName: 'broker-token' },
      { method: 'GET', path: '/{profile}/.well-known/openid-configuration', handler },
    ],
    principals: [ORDERS, BILLING],
    now: () => NOW_MS,
    region: REGION,
    ...options,
  });
  gateways.push(gateway);
  return gateway;
}

/** A gateway whose function keeps the events it gets. */
async function startRecording<Event>(options: Partial<GatewayOptions> = {}) {
  const events: Event[] = [];
  const handler = async (event: Event) => {
    events.push(event);
    return { statusCode: 200, body: '{}' };
  };
  return { gateway: await start(handler, options), events };
}

const ok = async () => ({ statusCode: 200, body: 'ok' });

afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
});

describe('a signed request', () => {
  it.each<[string, Call]>([
    ['of a long-lived key', {}],
    ['of a session', { by: BILLING }],
    ['without x-amz-content-sha256', { withChecksum: false }],
    ['with a body', { headers: { 'content-type': FORM }, body: BODY }],
    ['with a body of many bytes per character', { body: 'grüße=€🙂' }],
    ['with headers full of spaces', { headers: { 'x-note': '  a   b  ', accept: '*/*' } }],
    ['with a query', { query: { b: ['2', '1'], a: "it's (100 %) *ok*!", '': 'empty', plus: '1+1', empty: '' } }],
    ['with an encoded path', { path: '/orders%20%C3%BC/oauth/v2/token' }],
    ['4 minutes 59 seconds late', { signedAtMs: NOW_MS - 299_000 }],
    ['4 minutes 59 seconds early', { signedAtMs: NOW_MS + 299_000 }],
  ])('%s is let in', async (_, given) => {
    expect(await call(await start(ok), given)).toMatchObject({ status: 200, body: 'ok' });
  });

  it('is let in when fetch sends it', async () => {
    const gateway = await start(ok);
    const signed = await sign(hostOf(gateway), { headers: { 'content-type': FORM }, body: BODY });
    const headers = signed.headers.filter(([name]) => name !== 'host').map(([name, value]) => [name, value] as const);
    const url = `${gateway.url}${signed.path}`;
    const response = await fetch(url, { method: 'POST', headers: Object.fromEntries(headers), body: BODY });
    expect([response.status, await response.text()]).toEqual([200, 'ok']);
  });

  const wrongKey = { ...ORDERS, secretAccessKey: 'guessed' };
  const refused: [string, Call, string, string, RegExp][] = [
    [
      'a wrong key',
      { by: wrongKey },
      'InvalidSignatureException',
      'The request signature we calculated does not match',
      /the secret key is wrong, or body, path, query or a signed header changed/,
    ],
    [
      'an unknown key id',
      { by: { ...ORDERS, accessKeyId: 'AKIANOBODY' } },
      'UnrecognizedClientException',
      'The security',
      /there is no access key AKIANOBODY: keys are new at each start/,
    ],
    [
      'an old date',
      { signedAtMs: NOW_MS - 301_000 },
      'InvalidSignatureException',
      'Signature expired: 20260203T040005Z',
      /it was signed 301 s ago, more than 5 minutes: .*clock/,
    ],
    [
      'a date to come',
      { signedAtMs: NOW_MS + 301_000 },
      'InvalidSignatureException',
      'Signature not yet current: ',
      /it was signed 301 s in the future/,
    ],
    [
      'the token of another session',
      { by: { ...BILLING, sessionToken: 'x' } },
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      /its session token is not that of its access key/,
    ],
    [
      'another region',
      { region: 'us-east-1' },
      'InvalidSignatureException',
      'Credential should be scoped to a valid region',
      /it is signed for the region us-east-1; sign for eu-central-1/,
    ],
    [
      'another service',
      { service: 's3' },
      'InvalidSignatureException',
      "Credential should be scoped to correct service: '",
      /it is signed for the service s3; sign for execute-api/,
    ],
    [
      'a session without its token',
      { by: { accessKeyId: BILLING.accessKeyId, secretAccessKey: BILLING.secretAccessKey } },
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      /it lacks its session token: send x-amz-security-token/,
    ],
    [
      'a session token that is not signed',
      { by: BILLING, unsigned: ['x-amz-security-token'] },
      'InvalidSignatureException',
      'The request signature we calculated does not match',
      /the header x-amz-security-token is not signed/,
    ],
    [
      'a token that is not its own',
      { by: { ...ORDERS, sessionToken: 'x' } },
      'UnrecognizedClientException',
      'The security',
      /it has a session token, but its access key has none/,
    ],
  ];

  it.each(refused)('with %s is forbidden by an HTTP API', async (_, given) => {
    const answer = await call(await start(ok), given);
    expect(answer).toMatchObject({ status: 403, body: '{"message":"Forbidden"}' });
    expect(answer.headers['x-amzn-errortype']).toBeUndefined();
  });

  it.each(refused)('with %s: the log says why, whatever the API says', async (_, given, _type, _message, reason) => {
    for (const payload of ['v1', 'v2'] as const) {
      const lines: string[] = [];
      await call(await start(ok, { payload, onRefusal: (line) => lines.push(line) }), given);
      expect(lines).toEqual([
        expect.stringMatching(/^API Gateway answered 403 to POST \/orders\/oauth\/v2\/token: [^\n]+\.$/),
      ]);
      expect(lines[0]).toMatch(reason);
      expect(lines[0]).not.toMatch(/secret-key|billing-session-token/);
    }
  });

  it.each(refused)('with %s is told why by a REST API', async (_, given, errorType, message) => {
    const answer = await call(await start(ok, { payload: 'v1' }), given);
    expect(answer).toMatchObject({ status: 403, headers: { 'x-amzn-errortype': errorType } });
    expect(JSON.parse(answer.body).message).toContain(message);
  });
});

describe('a request that was changed after it was signed', () => {
  const given: Call = { headers: { 'content-type': FORM, 'x-note': 'one' }, query: { a: '1' }, body: BODY };
  type Signed = Awaited<ReturnType<typeof sign>>;
  const without = (signed: Signed, name: string) => signed.headers.filter(([header]) => header !== name);
  const replaced = (signed: Signed, name: string, change: (value: string) => string): Signed => ({
    ...signed,
    headers: signed.headers.map(([header, value]) => [header, header === name ? change(value) : value] as const),
  });

  it.each<[string, (signed: Signed) => Signed]>([
    ['its body', (signed) => ({ ...signed, body: Buffer.from(`${BODY} offline_access`) })],
    ['its path', (signed) => ({ ...signed, path: '/billing/oauth/v2/token' })],
    ['its query', (signed) => ({ ...signed, query: 'a=2' })],
    ['a parameter added', (signed) => ({ ...signed, query: 'a=1&b=1' })],
    ['a signed header', (signed) => replaced(signed, 'x-note', () => 'two')],
    ['a signed header gone', (signed) => ({ ...signed, headers: without(signed, 'x-note') })],
    ['a signed header doubled', (signed) => ({ ...signed, headers: [...signed.headers, ['x-note', 'two']] })],
    ['its date gone', (signed) => ({ ...signed, headers: without(signed, 'x-amz-date') })],
    ['its date', (signed) => replaced(signed, 'x-amz-date', () => '20260203T040507Z')],
    ['its day', (signed) => replaced(signed, 'x-amz-date', () => '20260204T040506Z')],
    ['its body hash', (signed) => replaced(signed, 'x-amz-content-sha256', () => 'UNSIGNED-PAYLOAD')],
    ['its signature gone', (signed) => ({ ...signed, headers: without(signed, 'authorization') })],
    ['two signatures', (signed) => ({ ...signed, headers: [...signed.headers, ['authorization', 'Bearer x']] })],
    ['its scheme', (signed) => replaced(signed, 'authorization', () => 'Bearer x')],
    ['the scheme alone', (signed) => replaced(signed, 'authorization', () => 'AWS4-HMAC-SHA256')],
    ['its algorithm', (signed) => replaced(signed, 'authorization', (v) => v.replace('SHA256', 'SHA1'))],
    ['its credential', (signed) => replaced(signed, 'authorization', (v) => v.replace('/aws4_request', ''))],
    ['its terminator', (signed) => replaced(signed, 'authorization', (v) => v.replace('aws4_request', 'aws5_request'))],
    ['its host unsigned', (signed) => replaced(signed, 'authorization', (v) => v.replace('host;', ''))],
    ['no signed headers', (signed) => replaced(signed, 'authorization', (v) => v.replace(/SignedHeaders=[^,]+, /, ''))],
  ])('is forbidden: %s', async (_, change) => {
    const gateway = await start(ok);
    const signed = await sign(hostOf(gateway), given);
    expect((await send(gateway, signed)).status).toBe(200);
    expect(await send(gateway, change(signed))).toMatchObject({ status: 403, body: '{"message":"Forbidden"}' });
  });

  it.each<[string, (signed: Signed) => Signed, RegExp]>([
    [
      'its body, whose hash is sent',
      (signed) => ({ ...signed, body: Buffer.from('x') }),
      /the body is not the one that was signed: x-amz-content-sha256/,
    ],
    [
      'a signed header gone',
      (signed) => ({ ...signed, headers: without(signed, 'x-note') }),
      /a signed header did not arrive: x-note/,
    ],
    [
      'its host unsigned',
      (signed) => replaced(signed, 'authorization', (v) => v.replace('host;', '')),
      /the header host is not signed/,
    ],
    ['its date gone', (signed) => ({ ...signed, headers: without(signed, 'x-amz-date') }), /no valid x-amz-date/],
    [
      'its signature gone',
      (signed) => ({ ...signed, headers: without(signed, 'authorization') }),
      /it is not signed: it has no Authorization header/,
    ],
    [
      'its signature in the query',
      (signed) => ({ ...signed, headers: without(signed, 'authorization'), query: 'X-Amz-Signature=0' }),
      /its signature is in the query/,
    ],
    [
      'another scheme',
      (signed) => replaced(signed, 'authorization', () => 'Bearer canary'),
      /its Authorization header \(scheme Bearer\) is not a signature/,
    ],
    [
      'a bare token',
      (signed) => replaced(signed, 'authorization', () => 'canary'),
      /its Authorization header \(scheme unknown\) is not a signature/,
    ],
    [
      'a key id that may be a secret',
      (signed) => replaced(signed, 'authorization', (v) => v.replace('AKIAORDERS', 'canary')),
      /there is no access key that it names/,
    ],
    [
      'another algorithm',
      (signed) => replaced(signed, 'authorization', (v) => v.replace('SHA256', 'SHA1')),
      /the algorithm of its signature is not AWS4-HMAC-SHA256/,
    ],
  ])('is explained in the log: %s', async (_, change, reason) => {
    const lines: string[] = [];
    const gateway = await start(ok, { onRefusal: (line) => lines.push(line) });
    await send(gateway, change(await sign(hostOf(gateway), given)));
    expect(lines).toEqual([expect.stringMatching(reason)]);
    expect(lines[0]).not.toContain('canary');
  });

  it('is explained in the log: the caller signed another request', async () => {
    const lines: string[] = [];
    const gateway = await start(ok, { onRefusal: (line) => lines.push(line) });
    const empty = await sign(hostOf(gateway), { withChecksum: false });
    await send(gateway, { ...empty, body: Buffer.from(BODY) });
    const signed = await sign('127.0.0.1', { withChecksum: false });
    await send(gateway, { ...signed, headers: [...without(signed, 'host'), ['host', hostOf(gateway)]] });
    expect(lines).toEqual([
      expect.stringContaining('the caller signed an empty body, and sent another'),
      expect.stringContaining('the caller signed the host without its port'),
    ]);
  });

  it('is forbidden when the host was never signed', async () => {
    const answer = await call(await start(ok, { payload: 'v1' }), { ...given, unsigned: ['host'] });
    expect(answer).toMatchObject({ status: 403, body: expect.stringContaining("'Host' must be a 'SignedHeader'") });
  });

  it('is forbidden when its body hash is wrong, even one that was never signed', async () => {
    const gateway = await start(ok);
    const signed = await sign(hostOf(gateway), { ...given, unsigned: ['x-amz-content-sha256'] });
    expect((await send(gateway, signed)).status).toBe(200);
    const wrong = replaced(signed, 'x-amz-content-sha256', () => '0'.repeat(64));
    expect((await send(gateway, wrong)).status).toBe(403);
  });

  it('is forbidden when a signed header is gone, even an empty one', async () => {
    const gateway = await start(ok);
    const signed = await sign(hostOf(gateway), { headers: { 'x-note': '' } });
    expect((await send(gateway, signed)).status).toBe(200);
    expect((await send(gateway, { ...signed, headers: without(signed, 'x-note') })).status).toBe(403);
  });

  it('misses a token when a REST API finds no signature', async () => {
    const gateway = await start(ok, { payload: 'v1' });
    const signed = await sign(hostOf(gateway), given);
    expect(await send(gateway, { ...signed, headers: without(signed, 'authorization') })).toMatchObject({
      status: 403,
      headers: { 'x-amzn-errortype': 'MissingAuthenticationTokenException' },
      body: '{"message":"Missing Authentication Token"}',
    });
  });
});

describe('an Authorization header that is no signature', () => {
  const hash = (header: string) => createHash('sha256').update(header).digest('base64');
  const INVALID =
    'Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): ';
  const requires = (...names: string[]) =>
    names.map((name) => `Authorization header requires '${name}' parameter.`).join(' ');
  const ALL = requires('Credential', 'Signature', 'SignedHeaders');
  const NO_DATE = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
  const HASHED = '(Hashed with SHA-256 and encoded with Base64) Authorization=';
  const DATE = { 'x-amz-date': '20260203T040506Z' };

  it.each<[string, string, object, string]>([
    ['Bearer', 'Bearer abc.def', {}, `${INVALID}'${hash('Bearer abc.def')}'.`],
    ['Basic', 'Basic b3JkZXJzOnNlY3JldDEy', {}, `${INVALID}'${hash('Basic b3JkZXJzOnNlY3JldDEy')}'.`],
    [
      'Basic, whose base64 ends in =',
      'Basic b3JkZXJzOnNlY3JldA==',
      {},
      `${ALL} ${NO_DATE} ${HASHED}${hash('Basic b3JkZXJzOnNlY3JldA==')}`,
    ],
    ['the same, with a date', 'Basic b3I6cw==', DATE, `${ALL} ${HASHED}${hash('Basic b3I6cw==')}`],
    ['a bare token', 'abcdef', {}, `${ALL} ${NO_DATE} ${HASHED}${hash('abcdef')}`],
    [
      'a signature with half its parts',
      'AWS4-HMAC-SHA256 Credential=a/b/c/d/e',
      DATE,
      `${requires('Signature', 'SignedHeaders')} ${HASHED}${hash('AWS4-HMAC-SHA256 Credential=a/b/c/d/e')}`,
    ],
    [
      'a credential of two parts',
      'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0',
      DATE,
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'",
    ],
    [
      'another algorithm',
      'AWS3 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0',
      DATE,
      'Missing Authentication Token',
    ],
  ])('%s: a REST API says so, at every path', async (_, authorization, headers, message) => {
    const gateway = await start(ok, { payload: 'v1' });
    for (const path of ['/orders/oauth/v2/token', '/orders/nowhere']) {
      const response = await fetch(`${gateway.url}${path}`, { method: 'POST', headers: { ...headers, authorization } });
      expect([response.status, await response.json()]).toEqual([403, { message }]);
      const errorType =
        message === 'Missing Authentication Token' ? 'MissingAuthenticationToken' : 'IncompleteSignature';
      expect(response.headers.get('x-amzn-errortype')).toBe(`${errorType}Exception`);
    }
  });
});

describe("a caller's IAM policy", () => {
  const limited = { ...ORDERS, mayInvoke: new Set(['POST/orders/oauth/v2/token']) };
  const options = { principals: [limited], stage: 'prod' };

  it.each<[string, string, number]>([
    ['allows', '/prod/orders/oauth/v2/token', 200],
    ['allows, in another spelling,', '/prod/%6frders/oauth/v2/token', 200],
    ['does not allow', '/prod/reports/oauth/v2/token', 403],
  ])('%s %s', async (_, path, status) => {
    expect((await call(await start(ok, options), { path })).status).toBe(status);
  });

  it('is named by a REST API and in the log, not by an HTTP API', async () => {
    const path = '/prod/reports/oauth/v2/token';
    const lines: string[] = [];
    const rest = await call(await start(ok, { ...options, payload: 'v1' }), { path });
    expect(rest.headers['x-amzn-errortype']).toBe('AccessDeniedException');
    expect(JSON.parse(rest.body)).toEqual({
      Message:
        'User: arn:aws:sts::123456789012:assumed-role/orders-service/session is not authorized to perform: ' +
        'execute-api:Invoke on resource: arn:aws:execute-api:eu-central-1:********9012:a1b2c3d4e5/prod/POST/reports/oauth/v2/token ' +
        'because no identity-based policy allows the execute-api:Invoke action',
    });
    const http = await call(await start(ok, { ...options, onRefusal: (line) => lines.push(line) }), { path });
    expect(http).toMatchObject({ status: 403, body: '{"message":"Forbidden"}' });
    expect(lines).toEqual([expect.stringMatching(/assumed-role\/orders-service\/session does not allow/)]);
  });
});

describe('a request target in absolute form (RFC 9112 §3.2.2)', () => {
  it.each<[string, string]>([
    ['with a path', '/orders/oauth/v2/token'],
    ['with a query', '/orders/oauth/v2/token?a=1'],
  ])('%s is taken, and its host with it', async (_, target) => {
    const { gateway, events } = await startRecording<HttpApiEvent>();
    const [path = '', query = ''] = target.split('?');
    const signed = await sign(hostOf(gateway), { ...(query && { query: { a: '1' } }), path });
    const headers = signed.headers.map(([name, value]) => [name, name === 'host' ? 'proxy.example' : value] as const);
    const absolute = { ...signed, headers, path: `http://me@${hostOf(gateway)}${path}` };
    expect((await send(gateway, absolute)).status).toBe(200);
    expect(events[0]).toMatchObject({ rawPath: path, rawQueryString: query, headers: { host: hostOf(gateway) } });
  });

  it.each(['http://api.example', 'HTTPS://api.example?a=1'])('%s has the path /', async (path) => {
    const gateway = await start(ok);
    expect(await send(gateway, { ...(await sign('api.example', {})), path })).toMatchObject({ status: 404 });
  });
});

describe('throttling', () => {
  it.each([
    ['v2', undefined],
    ['v1', 'TooManyRequestsException'],
  ] as const)('of %s answers 429 when the burst is used up, and refills at the rate', async (payload, errorType) => {
    let nowMs = NOW_MS;
    const throttle = { ratePerSecond: 2, burst: 3 };
    const gateway = await start(ok, { payload, throttle, now: () => nowMs });
    const statuses = async (n: number) => {
      const answers: number[] = [];
      for (let i = 0; i < n; i += 1) answers.push((await call(gateway, { signedAtMs: nowMs })).status);
      return answers;
    };
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
    nowMs += 499;
    expect(await statuses(1)).toEqual([429]);
    nowMs += 1;
    expect(await statuses(2)).toEqual([200, 429]);
    nowMs += 60_000;
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
    const refused = await call(gateway, { signedAtMs: nowMs });
    expect(refused).toMatchObject({ status: 429, body: '{"message":"Too Many Requests"}' });
    expect(refused.headers['x-amzn-errortype']).toBe(errorType);
  });
});

describe('signatures', () => {
  const verify = (request: Omit<WireRequest, 'sourceIp'>) =>
    verifySignature(
      { ...request, sourceIp: '127.0.0.1' },
      { principals: [ORDERS, BILLING], region: REGION, nowMs: NOW_MS },
    ).ok;
  const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((value) => value.isWellFormed());
  const segment = text.filter((value) => !/^\.*$/.test(value)).map(encodeURIComponent);
  const callOf = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    path: fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
    query: fc.dictionary(
      text.filter((name) => name !== '' && name !== '__proto__'),
      text,
      { maxKeys: 3, noNullPrototype: true },
    ),
    headers: fc.dictionary(fc.stringMatching(/^x-[a-w]{1,6}$/), fc.stringMatching(/^[!-~][ -~]{0,12}$/), {
      maxKeys: 3,
    }),
    body: text,
    by: fc.constantFrom(ORDERS, BILLING),
    withChecksum: fc.boolean(),
    signedAtMs: fc.integer({ min: NOW_MS - 300_000, max: NOW_MS + 300_000 }).map((ms) => ms - (ms % 1000)),
  });

  it('hold for whatever the official signer signs', async () => {
    await fc.assert(
      fc.asyncProperty(callOf, async (given) => verify(await sign('api.example.com', given))),
      { numRuns: 150 },
    );
  });

  it('break with any one byte of body, path, or signature', async () => {
    const flip = (bytes: Buffer, at: number, by: number) => {
      const copy = Buffer.from(bytes);
      const i = at % copy.length;
      copy[i] = ((copy[i] ?? 0) + by) % 256;
      return copy;
    };
    const property = fc.asyncProperty(
      callOf.filter(({ body }) => body !== ''),
      fc.constantFrom('body', 'path', 'signature'),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (given, part, at, by) => {
        const signed = await sign('api.example.com', given);
        if (part === 'body') return !verify({ ...signed, body: flip(signed.body, at, by) });
        if (part === 'path') {
          return !verify({ ...signed, path: flip(Buffer.from(signed.path, 'latin1'), at, by).toString('latin1') });
        }
        const headers = signed.headers.map(([name, value]) => {
          if (name !== 'authorization') return [name, value] as const;
          const signature = value.slice(-64);
          const changed = flip(Buffer.from(signature, 'latin1'), at, by).toString('latin1');
          return [name, value.slice(0, -64) + changed] as const;
        });
        return !verify({ ...signed, headers });
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });
});

describe('curl', () => {
  const isThere = spawnSync('curl', ['--help', 'auth'], { encoding: 'utf8' }).stdout?.includes('--aws-sigv4') ?? false;
  const curl = (url: string, password: string, ...rest: string[]) => {
    const auth = ['--aws-sigv4', `aws:amz:${REGION}:execute-api`, '--user', `${ORDERS.accessKeyId}:${password}`];
    return promisify(execFile)('curl', [
      '--silent',
      '--noproxy',
      '*',
      '--write-out',
      ' %{http_code}',
      ...auth,
      ...rest,
      url,
    ]);
  };

  it.skipIf(!isThere)('signs a form (skipped: no curl that knows --aws-sigv4)', async () => {
    const { gateway, events } = await startRecording<HttpApiEvent>({ now: Date.now });
    const url = `${gateway.url}/orders/oauth/v2/token`;
    expect((await curl(url, ORDERS.secretAccessKey, '--data', BODY)).stdout).toBe('{} 200');
    expect(Buffer.from(events[0]?.body ?? '', 'base64').toString()).toBe(BODY);
    expect((await curl(url, 'guessed', '--data', BODY)).stdout).toBe('{"message":"Forbidden"} 403');
  });

  it.skipIf(!isThere)('signs a GET (skipped: no curl that knows --aws-sigv4)', async () => {
    const { gateway } = await startRecording({ now: Date.now });
    const url = `${gateway.url}/orders/.well-known/openid-configuration`;
    expect((await curl(url, ORDERS.secretAccessKey)).stdout).toBe('{} 200');
  });
});

describe('routes', () => {
  it.each<[string, Call]>([
    ['another path', { path: '/orders/oauth/v2/authorize' }],
    ['a longer path', { path: '/orders/oauth/v2/token/' }],
    ['an empty profile', { path: '//oauth/v2/token' }],
    ['another method', { method: 'GET' }],
  ])('do not match %s', async (_, given) => {
    const answer = await call(await start(ok), given);
    expect(answer).toMatchObject({ status: 404, body: '{"message":"Not Found"}' });
    const rest = await call(await start(ok, { payload: 'v1' }), given);
    expect(rest).toMatchObject({ status: 403, body: '{"message":"Missing Authentication Token"}' });
  });

  it.each([
    ['$default', undefined, '/orders/oauth/v2/token', '/prod/orders/oauth/v2/token'],
    ['prod', undefined, '/prod/orders/oauth/v2/token', '/orders/oauth/v2/token'],
    ['prod', 'tokens', '/tokens/orders/oauth/v2/token', '/prod/orders/oauth/v2/token'],
  ])('lie below stage %s and base path %s', async (stage, basePath, path, elsewhere) => {
    const mount = { stage, ...(basePath !== undefined && { basePath }) };
    const gateway = await start(ok, mount);
    expect((await call(gateway, { path })).status).toBe(200);
    expect((await call(gateway, { path: elsewhere })).status).toBe(404);
  });

  it('refuse a path whose encoding is broken', async () => {
    expect((await call(await start(ok), { path: '/%zz/oauth/v2/token' })).status).toBe(400);
  });
});

describe('the event of an HTTP API (payload 2.0)', () => {
  it('is whole', async () => {
    const { gateway, events } = await startRecording<HttpApiEvent>();
    const headers = {
      'Content-Type': FORM,
      'user-agent': 'orders/1.0',
      cookie: 'a=1; b=2',
      'X-Forwarded-For': '10.0.0.1',
    };
    const query = { a: ['1', '2'], b: 'x y' };
    const path = '/orders%20eu/oauth/v2/token';
    const answer = await call(gateway, { by: BILLING, path, query, headers, body: BODY });
    expect(answer.status).toBe(200);
    const [event] = events;
    expect(event).toEqual({
      version: '2.0',
      routeKey: 'POST /{profile}/oauth/v2/token',
      rawPath: '/orders eu/oauth/v2/token',
      rawQueryString: 'a=1&a=2&b=x%20y',
      cookies: ['a=1', 'b=2'],
      headers: expect.objectContaining({
        'content-type': FORM,
        host: hostOf(gateway),
        'x-amz-date': '20260203T040506Z',
        'x-amz-security-token': BILLING.sessionToken,
        'x-forwarded-for': '10.0.0.1, 127.0.0.1',
        'x-forwarded-port': '80',
        'x-forwarded-proto': 'http',
        'x-amzn-trace-id': expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
      }),
      queryStringParameters: { a: '1,2', b: 'x y' },
      requestContext: {
        accountId: '123456789012',
        apiId: 'a1b2c3d4e5',
        authorizer: {
          iam: {
            accessKey: 'ASIABILLING',
            accountId: '210987654321',
            callerId: BILLING.callerId,
            cognitoIdentity: null,
            principalOrgId: 'o-example',
            userArn: BILLING.userArn,
            userId: BILLING.callerId,
          },
        },
        domainName: '127.0.0.1',
        domainPrefix: '127',
        http: {
          method: 'POST',
          path: '/orders eu/oauth/v2/token',
          protocol: 'HTTP/1.1',
          sourceIp: '127.0.0.1',
          userAgent: 'orders/1.0',
        },
        requestId: answer.headers['apigw-requestid'],
        routeKey: 'POST /{profile}/oauth/v2/token',
        stage: '$default',
        time: '03/Feb/2026:04:05:06 +0000',
        timeEpoch: NOW_MS,
      },
      pathParameters: { profile: 'orders eu' },
      body: Buffer.from(BODY).toString('base64'),
      isBase64Encoded: true,
    });
    expect(Object.keys(event?.headers ?? {})).toEqual(
      Object.keys(event?.headers ?? {}).map((name) => name.toLowerCase()),
    );
    expect(event?.headers).not.toHaveProperty('cookie');
    expect(event?.headers).not.toHaveProperty('connection');
  });

  it('leaves out what is not there', async () => {
    const { gateway, events } = await startRecording<HttpApiEvent>();
    await call(gateway, { method: 'GET', path: '/orders/.well-known/openid-configuration' });
    const absent = ['body', 'cookies', 'queryStringParameters', 'stageVariables'];
    for (const name of absent) expect(events[0]).not.toHaveProperty(name);
    expect(events[0]).toMatchObject({ rawQueryString: '', isBase64Encoded: false });
    expect(events[0]?.requestContext.authorizer?.iam.principalOrgId).toBeNull();
  });

  it.each([
    [FORM, true],
    ['application/json', false],
    ['application/json; charset=utf-8', false],
    ['Text/Plain', false],
    ['application/xml', false],
    ['application/javascript', false],
    ['application/octet-stream', true],
    ['application/jsonx', true],
  ])('encodes a body of %s: %s', async (type, isBase64Encoded) => {
    const { gateway, events } = await startRecording<HttpApiEvent>();
    await call(gateway, { headers: { 'content-type': type }, body: 'ü=1' });
    const body = isBase64Encoded ? Buffer.from('ü=1').toString('base64') : 'ü=1';
    expect(events[0]).toMatchObject({ isBase64Encoded, body });
  });

  it.each([
    [{ stage: 'prod' }, '/prod/orders/oauth/v2/token'],
    [{ stage: 'prod', basePath: 'tokens' }, '/tokens/orders/oauth/v2/token'],
  ])('keeps the first segment of %o in its path', async (mount, path) => {
    const { gateway, events } = await startRecording<HttpApiEvent>(mount);
    await call(gateway, { path });
    expect(events[0]).toMatchObject({
      rawPath: path,
      routeKey: 'POST /{profile}/oauth/v2/token',
      pathParameters: { profile: 'orders' },
      requestContext: { stage: 'prod', http: { path } },
    });
  });

  it('joins headers that come twice', async () => {
    const { gateway, events } = await startRecording<HttpApiEvent>();
    const signed = await sign(hostOf(gateway), {});
    await send(gateway, { ...signed, headers: [...signed.headers, ['X-Many', 'one'], ['x-many', 'two']] });
    expect(events[0]?.headers['x-many']).toBe('one,two');
  });
});

describe('the event of a REST API (payload 1.0)', () => {
  it('is whole', async () => {
    const { gateway, events } = await startRecording<APIGatewayProxyEvent>({ payload: 'v1', stage: 'prod' });
    const path = '/prod/orders%20eu/oauth/v2/token';
    const headers = { 'Content-Type': FORM, 'user-agent': 'orders/1.0' };
    const signed = await sign(hostOf(gateway), { path, query: { a: ['1', '2'] }, headers, body: BODY });
    const answer = await send(gateway, {
      ...signed,
      headers: [...signed.headers, ['X-Many', 'one'], ['X-Many', 'two']],
    });
    expect(answer.status).toBe(200);
    const [event] = events;
    expect(event).toEqual({
      resource: '/{profile}/oauth/v2/token',
      path: '/orders%20eu/oauth/v2/token',
      httpMethod: 'POST',
      headers: expect.objectContaining({ 'Content-Type': FORM, 'X-Many': 'two', 'X-Forwarded-For': '127.0.0.1' }),
      multiValueHeaders: expect.objectContaining({ 'Content-Type': [FORM], 'X-Many': ['one', 'two'] }),
      queryStringParameters: { a: '2' },
      multiValueQueryStringParameters: { a: ['1', '2'] },
      pathParameters: { profile: 'orders eu' },
      stageVariables: null,
      requestContext: {
        resourceId: expect.any(String),
        resourcePath: '/{profile}/oauth/v2/token',
        httpMethod: 'POST',
        extendedRequestId: expect.any(String),
        requestTime: '03/Feb/2026:04:05:06 +0000',
        path,
        accountId: '123456789012',
        protocol: 'HTTP/1.1',
        stage: 'prod',
        domainPrefix: '127',
        requestTimeEpoch: NOW_MS,
        requestId: answer.headers['x-amzn-requestid'],
        identity: {
          accessKey: ORDERS.accessKeyId,
          accountId: '123456789012',
          apiKey: null,
          apiKeyId: null,
          caller: ORDERS.callerId,
          clientCert: null,
          cognitoAuthenticationProvider: null,
          cognitoAuthenticationType: null,
          cognitoIdentityId: null,
          cognitoIdentityPoolId: null,
          principalOrgId: null,
          sourceIp: '127.0.0.1',
          user: ORDERS.callerId,
          userAgent: 'orders/1.0',
          userArn: ORDERS.userArn,
        },
        domainName: '127.0.0.1',
        apiId: 'a1b2c3d4e5',
      },
      body: BODY,
      isBase64Encoded: false,
    });
    expect(event?.headers).not.toHaveProperty('authorization');
  });

  it('is null where nothing is', async () => {
    const { gateway, events } = await startRecording<APIGatewayProxyEvent>({ payload: 'v1', basePath: 'tokens' });
    await call(gateway, { path: '/tokens/orders/oauth/v2/token' });
    expect(events[0]).toMatchObject({
      path: '/tokens/orders/oauth/v2/token',
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      body: null,
    });
  });
});

describe('the result of a function', () => {
  const answerTo = async (result: unknown, payload: 'v1' | 'v2' = 'v2') =>
    call(await start(async () => result, { payload }));

  it('is written as it is', async () => {
    const result = {
      statusCode: 401,
      headers: {
        'Content-Type': 'application/json',
        'WWW-Authenticate': 'Basic',
        'X-Number': 1,
        'Content-Length': '9999',
      },
      cookies: ['a=1', 'b=2'],
      body: '{"error":"invalid_client"}',
    };
    expect(await answerTo(result)).toMatchObject({
      status: 401,
      headers: {
        'content-type': 'application/json',
        'content-length': '26',
        'www-authenticate': 'Basic',
        'x-number': '1',
        'set-cookie': ['a=1', 'b=2'],
        'apigw-requestid': expect.any(String),
      },
      body: '{"error":"invalid_client"}',
    });
  });

  it('has its header renamed by a REST API that keeps the name for itself', async () => {
    const result = {
      statusCode: 401,
      headers: { 'WWW-Authenticate': 'Basic' },
      multiValueHeaders: { 'X-Many': ['1', '2'] },
      body: '{}',
    };
    const { headers } = await answerTo(result, 'v1');
    expect(headers).toMatchObject({ 'x-amzn-remapped-www-authenticate': 'Basic', 'x-many': '1, 2' });
    expect(headers).not.toHaveProperty('www-authenticate');
  });

  it('is decoded from base64', async () => {
    expect((await answerTo({ statusCode: 200, body: 'b2s=', isBase64Encoded: true })).body).toBe('ok');
  });

  it('has no body with status 204', async () => {
    expect(await answerTo({ statusCode: 204 })).toMatchObject({ status: 204, body: '' });
  });

  it.each<[unknown, string]>([
    [{ hello: 'world' }, '{"hello":"world"}'],
    ['hello', 'hello'],
    [undefined, 'null'],
    [[1], '[1]'],
  ])('without a status is the body of a 200: %o', async (result, body) => {
    const answer = await answerTo(result);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' }, body });
  });

  it.each<[string, unknown]>([
    ['a status that is no number', { statusCode: '200' }],
    ['a status out of range', { statusCode: 99 }],
    ['a body that is no string', { statusCode: 200, body: {} }],
    ['headers that are none', { statusCode: 200, headers: 'x' }],
    ['a header value that is none', { statusCode: 200, headers: { a: {} } }],
    ['a header that injects', { statusCode: 200, headers: { a: 'b\r\nc: d' } }],
    ['what JSON cannot say', { statusCode: 200, body: 1n }],
  ])('is refused for %s', async (_, result) => {
    expect(await answerTo(result)).toMatchObject({ status: 500, body: '{"message":"Internal Server Error"}' });
    expect(await answerTo(result, 'v1')).toMatchObject({ status: 502, body: '{"message":"Internal server error"}' });
  });

  it('is refused without a status by a REST API', async () => {
    expect((await answerTo({ hello: 'world' }, 'v1')).status).toBe(502);
  });

  it('is an error when the function throws, and the cause stays inside', async () => {
    const errors: unknown[] = [];
    const fail = async () => {
      throw new Error('the secret cause');
    };
    const gateway = await start(fail, { onError: (error) => errors.push(error) });
    expect(await call(gateway)).toMatchObject({ status: 500, body: '{"message":"Internal Server Error"}' });
    expect(errors).toEqual([new Error('the secret cause')]);
    const thrown = () => {
      throw new Error('at once');
    };
    expect((await call(await start(thrown, { payload: 'v1' }))).status).toBe(502);
  });

  it('is not waited for beyond the timeout', async () => {
    const never = () => new Promise(() => {});
    const v2 = await call(await start(never, { lambdaTimeoutMs: 1 }));
    expect(v2).toMatchObject({ status: 503, body: '{"message":"Service Unavailable"}' });
    const v1 = await call(await start(never, { lambdaTimeoutMs: 1, payload: 'v1' }));
    expect(v1).toMatchObject({ status: 504, body: '{"message":"Endpoint request timed out"}' });
  });
});

describe('the context', () => {
  it('names the function and counts its time down', async () => {
    let nowMs = NOW_MS;
    let seen: LambdaContext | undefined;
    const handler = async (_event: unknown, context: LambdaContext) => {
      seen = context;
      nowMs += 4_000;
      return { remainingMs: context.getRemainingTimeInMillis() };
    };
    const gateway = await start(handler, { now: () => nowMs });
    expect((await call(gateway)).body).toBe('{"remainingMs":11000}');
    expect(seen).toMatchObject({
      functionName: 'broker-token',
      invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:broker-token',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    nowMs += 60_000;
    expect(seen?.getRemainingTimeInMillis()).toBe(0);
  });
});

describe('limits', () => {
  it('refuses a body over 10 MB', async () => {
    const gateway = await start(ok);
    const signed = await sign(hostOf(gateway), {});
    const body = Buffer.alloc(10 * 1024 * 1024 + 1);
    const headers = [...signed.headers, ['content-length', String(body.length)] as const];
    expect(await send(gateway, { ...signed, headers, body })).toMatchObject({
      status: 413,
      body: '{"message":"Request Entity Too Large"}',
    });
    const rest = await start(ok, { payload: 'v1' });
    expect(await send(rest, { ...signed, headers, body })).toMatchObject({
      status: 413,
      headers: { 'content-type': 'text; charset=utf-8' },
      body: 'HTTP content length exceeded 10485760 bytes.',
    });
  });

  // An HTTP API passes a form in base64, a third longer.
  it.each([
    ['v2', 4_800_000, 413, '{"message":"Request Entity Too Large"}'],
    ['v2', 4_600_000, 200, 'ok'],
    ['v1', 6_291_456, 413, '{"message":"Request Too Long"}'],
    ['v1', 6_200_000, 200, 'ok'],
  ] as const)('of Lambda, at %s: %i bytes get %i', async (payload, bytes, status, text) => {
    const path = '/orders/oauth/v2/token';
    const gateway = await start(ok, { payload, routes: [{ method: 'POST', path, handler: ok, isPublic: true }] });
    const headers = [
      ['host', hostOf(gateway)],
      ['content-type', FORM],
    ] as const;
    const body = Buffer.alloc(bytes, 'x');
    expect(await send(gateway, { method: 'POST', path, query: '', headers, body })).toMatchObject({
      status,
      body: text,
    });
  });

  it('refuses headers over 10 kB', async () => {
    expect((await call(await start(ok), { headers: { 'x-long': 'x'.repeat(10_240) } })).status).toBe(431);
  });

  it('survives a caller that hangs up', async () => {
    let isCalled: () => void = () => {};
    const called = new Promise<void>((resolve) => {
      isCalled = resolve;
    });
    let isGone: (value: unknown) => void = () => {};
    const gone = new Promise((resolve) => {
      isGone = resolve;
    });
    let isFirst = true;
    const errors: unknown[] = [];
    const handler = async () => {
      if (!isFirst) return ok();
      isFirst = false;
      isCalled();
      await gone;
      return { statusCode: 200, body: 'nobody reads this' };
    };
    const gateway = await start(handler, { onError: (error) => errors.push(error) });

    const halfway = connect(gateway.port, '127.0.0.1');
    halfway.write('POST /orders/oauth/v2/token HTTP/1.1\r\nhost: local\r\ncontent-length: 100\r\n\r\ngrant');
    await expect.poll(gateway.calls, { interval: 5 }).toBe(1);
    halfway.destroy();

    const signed = await sign(hostOf(gateway), {});
    const abort = new AbortController();
    const headers = signed.headers.flat();
    const options = {
      port: gateway.port,
      method: 'POST',
      path: signed.path,
      headers,
      signal: abort.signal,
      agent: false,
    };
    const waiting = httpRequest(options);
    const failed = once(waiting, 'error');
    waiting.on('error', () => {});
    waiting.end();
    await called;
    abort.abort();
    await failed.catch(() => {});
    isGone(undefined);

    expect((await call(gateway)).status).toBe(200);
    expect(errors).toEqual([]);
  });

  it('is intercepted like every stand-in', async () => {
    const gateway = await start(ok);
    gateway.intercept((_req, res) => {
      res.writeHead(429).end('{"message":"Too Many Requests"}');
      return true;
    });
    expect((await call(gateway)).status).toBe(429);
    gateway.intercept(undefined);
    expect((await call(gateway)).status).toBe(200);
  });
});
