import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type BrokerOptions, createBroker } from '../src/index.ts';

const NOW = 1_795_438_700_000;
const URL_OF = 'https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/dev';
const SECRET = 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY';
const SUBJECT = 'eyJhbGciOiJSUzI1NiJ9.subject-token.signature';
const credentials = async () => ({
  accessKeyId: 'ASIAX',
  secretAccessKey: SECRET,
  sessionToken: 'the-session-token-of-the-role',
});

type Answer = () => Response | Promise<Response>;
const granted: Answer = () =>
  Response.json({ access_token: 'the-token', token_type: 'Bearer', expires_in: 3600, scope: '' });

/** A broker with these answers, in turn; the last one again and again. */
function brokerOf(answers: readonly Answer[] = [granted], options: Partial<BrokerOptions> = {}) {
  const asked: { url: string; init: RequestInit; form: [string, string][] }[] = [];
  const fetch = async (url: string | URL | Request, init: RequestInit = {}) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push({ url: String(url), init, form: [...new URLSearchParams(String(init.body))] });
    return answer === undefined ? Response.error() : answer();
  };
  const broker = createBroker({ url: URL_OF, credentials, fetch, now: () => NOW, ...options });
  return { broker, asked };
}

describe('a request', () => {
  const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
  const { broker, asked } = brokerOf([() => Response.json({ access_token: 'x', expires_in: 60, active: true })]);
  const orders = broker.profile('orders', { scope: 'a b' });
  // biome-ignore format: one case a line
  test.each<readonly [string, () => Promise<unknown>, endpoint: string, form: [string, string][]]>([
    ['token', () => orders.token(), 'token', [['grant_type', 'client_credentials'], ['scope', 'a b']]],
    ['token without scope', () => broker.profile('orders').token(), 'token', [['grant_type', 'client_credentials']]],
    ['exchange', () => broker.profile('orders').exchange({ subjectToken: SUBJECT, audience: ['1', '2'] }), 'token', [
      ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'], ['subject_token', SUBJECT], ['subject_token_type', ACCESS_TOKEN], ['audience', '1'], ['audience', '2'],
    ]],
    ['exchange with an actor', () => broker.profile('orders').exchange({ subjectToken: '7', subjectTokenType: 'urn:t', actorToken: 'actor', audience: '1' }), 'token', [
      ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'], ['subject_token', '7'], ['subject_token_type', 'urn:t'], ['actor_token', 'actor'], ['actor_token_type', ACCESS_TOKEN], ['audience', '1'],
    ]],
    ['introspect', () => orders.introspect('t'), 'introspect', [['token', 't']]],
    ['revoke', () => orders.revoke('t'), 'revoke', [['token', 't']]],
  ])('%s', async (_name, run, endpoint, form) => {
    await run();
    const { url, init, form: sent } = asked.at(-1) ?? {};
    expect(url).toBe(`${URL_OF}/orders/oauth/v2/${endpoint}`);
    expect(sent).toEqual(form);
    expect(init).toMatchObject({ method: 'POST', redirect: 'manual', headers: { 'x-amz-security-token': 'the-session-token-of-the-role' } });
    expect(init?.signal).toBeInstanceOf(AbortSignal);
    expect(new Headers(init?.headers).get('authorization')).toContain('/eu-central-1/execute-api/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,');
  });
});

test('a token comes with its expiration', async () => {
  const { broker } = brokerOf();
  expect(await broker.profile('orders').token()).toEqual({ token: 'the-token', expiration: new Date(NOW + 3_600_000) });
});

test('profiles and scopes have tokens of their own, however often they are named', async () => {
  const { broker, asked } = brokerOf();
  const handles = [broker.profile('a'), broker.profile('a'), broker.profile('b'), broker.profile('a', { scope: 'x' })];
  for (const handle of handles) await handle.token();
  await handles[0]?.exchange({ subjectToken: SUBJECT, audience: '1' });
  await handles[0]?.exchange({ subjectToken: SUBJECT, audience: '1' });
  await handles[0]?.exchange({ subjectToken: SUBJECT, audience: '2' });
  expect(asked).toHaveLength(5);
});

describe('an error says what is wrong', () => {
  const json =
    (status: number, body: unknown, headers = {}) =>
    () =>
      Response.json(body, { status, headers });
  const told = (error: string, text = 'the broker says why') => ({
    error,
    error_description: text,
    request_id: 'the-id',
  });
  const requestId = 'the-id';
  // biome-ignore format: one case a line
  test.each<readonly [string, Answer, facts: object, text: RegExp]>([
    ['400', json(400, told('invalid_scope')), { code: 'invalid_scope', status: 400, requestId }, /^token of orders: the broker says why \(invalid_scope, HTTP 400, request the-id\)$/],
    ['400 of a later version', json(400, told('brand_new')), { code: 'brand_new', status: 400 }, /the broker says why/],
    ['400 that repeats what was sent', json(400, told('invalid_grant', `no ${SUBJECT}`)), { code: 'invalid_grant' }, /^token of orders: \(invalid_grant/],
    ['401', json(401, told('invalid_client')), { code: 'invalid_client', status: 401 }, /assumed IAM role/],
    ['403 of the broker', json(403, told('unauthorized_client')), { code: 'unauthorized_client', status: 403, requestId }, /profile is unknown, or does not list this role/],
    ['403 of the gateway', json(403, { message: 'Forbidden' }), { code: 'forbidden', status: 403, requestId: undefined }, /execute-api:Invoke on this profile, the keys or the region are wrong, or this clock/],
    ['404', json(404, { message: 'Not Found' }), { code: 'unexpected_answer', status: 404 }, /check the URL/],
    ['429', json(429, { message: 'Too Many Requests' }), { code: 'throttled', status: 429 }, /one broker object per process/],
    ['502', json(502, told('server_error'), { 'retry-after': '9' }), { code: 'server_error', retryAfterMs: 9_000 }, /log says which/],
    ['503', json(503, told('temporarily_unavailable'), { 'retry-after': '30' }), { code: 'temporarily_unavailable', retryAfterMs: 30_000 }, /retryAfterMs/],
    ['503 until a date', json(503, {}, { 'retry-after': new Date(NOW + 4_000).toUTCString() }), { code: 'temporarily_unavailable', retryAfterMs: 4_000 }, /retryAfterMs/],
    ['503 with a strange date', json(503, {}, { 'retry-after': 'soon' }), { retryAfterMs: undefined }, /retryAfterMs/],
    ['503 of the gateway', json(503, { message: 'Service Unavailable' }), { code: 'temporarily_unavailable', retryAfterMs: undefined }, /503/],
    ['504', json(504, { message: 'Endpoint request timed out' }), { code: 'timeout', status: 504 }, /check DNS/],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://other.example' } }), { code: 'unexpected_answer', status: 302 }, /check the URL/],
    ['a page', () => new Response('<html>'), { code: 'unexpected_answer', status: 200 }, /check the URL/],
    ['null', json(200, null), { code: 'unexpected_answer' }, /check the URL/],
    ['no life', json(200, { access_token: 'x', expires_in: 'soon' }), { code: 'unexpected_answer' }, /check the URL/],
    ['no token', json(200, { expires_in: 60 }), { code: 'unexpected_answer' }, /check the URL/],
    ['no answer', async () => { throw new TypeError(`invalid header ${SECRET}`); }, { code: 'unreachable', status: undefined }, /security group/],
  ])('%s', async (_name, answer, facts, text) => {
    const { broker } = brokerOf([answer]);
    const error = await broker.profile('orders').exchange({ subjectToken: SUBJECT, audience: '1' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'BrokerError', ...facts });
    expect((error as Error).message).toMatch(text);
    const shown = `${error} ${JSON.stringify(error)} ${(error as Error).cause}`;
    for (const secret of [SECRET, SUBJECT, 'the-session-token-of-the-role']) expect(shown).not.toContain(secret);
  });

  test('introspection without `active` is no answer', async () => {
    const { broker } = brokerOf([json(200, {})]);
    await expect(broker.profile('orders').introspect('t')).rejects.toMatchObject({ code: 'unexpected_answer' });
  });
});

describe('a request that gets lost', () => {
  const lost: Answer = async () => {
    throw new TypeError('fetch failed');
  };
  test('is sent once more', async () => {
    const { broker, asked } = brokerOf([lost, granted]);
    expect((await broker.profile('orders').token()).token).toBe('the-token');
    expect(asked).toHaveLength(2);
  });

  test('but not a third time', async () => {
    const { broker, asked } = brokerOf([lost]);
    await expect(broker.profile('orders').token()).rejects.toMatchObject({ code: 'unreachable' });
    expect(asked).toHaveLength(2);
  });

  test.each<readonly [string, Partial<BrokerOptions>, requests: number]>([
    ['no answer', {}, 1],
    ['no credentials', { credentials: () => new Promise(() => undefined) }, 0],
  ])('ends in time: %s', async (_name, options, requests) => {
    const timer = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(timer.signal);
    const hanging: Answer = () =>
      new Promise((_resolve, reject) => {
        if (timer.signal.aborted) reject(timer.signal.reason);
        timer.signal.addEventListener('abort', () => reject(timer.signal.reason));
      });
    const { broker, asked } = brokerOf([hanging], options);
    const failed = expect(broker.profile('orders').token()).rejects.toMatchObject({ code: 'timeout' });
    await vi.waitUntil(() => timeout.mock.calls.length > 0 && asked.length === requests);
    timer.abort();
    await failed;
    expect(timeout).toHaveBeenCalledWith(10_000);
    vi.restoreAllMocks();
  });
});

test('whoever gives up leaves the request to the others', async () => {
  let answer = (_response: Response) => {};
  const slow = new Promise<Response>((resolve) => {
    answer = resolve;
  });
  const { broker, asked } = brokerOf([() => slow]);
  const orders = broker.profile('orders');
  const impatient = new AbortController();
  const failed = expect(orders.token({ signal: impatient.signal })).rejects.toThrow('enough');
  const patient = orders.token({ signal: new AbortController().signal });
  impatient.abort(new Error('enough'));
  await failed;
  await expect(orders.token({ signal: impatient.signal })).rejects.toThrow('enough');
  await vi.waitUntil(() => asked.length > 0);
  expect(asked[0]?.init.signal?.aborted).toBe(false);
  answer(await granted());
  expect((await patient).token).toBe('the-token');
  expect(asked).toHaveLength(1);
});

test('a request goes on where all have given up, and its token serves the next', async () => {
  let answer = (_response: Response) => {};
  const slow = new Promise<Response>((resolve) => {
    answer = resolve;
  });
  const { broker, asked } = brokerOf([() => slow]);
  const orders = broker.profile('orders');
  const controller = new AbortController();
  const callers = Promise.allSettled(Array.from({ length: 100 }, () => orders.token({ signal: controller.signal })));
  await vi.waitUntil(() => asked.length > 0);
  controller.abort();
  expect(new Set((await callers).map(({ status }) => status))).toEqual(new Set(['rejected']));
  answer(await granted());
  expect((await orders.token()).token).toBe('the-token');
  expect(asked).toHaveLength(1);
});

test('no request before the Retry-After of a 503 has passed, and no failure while the token lives', async () => {
  let nowMs = NOW;
  const away: Answer = () => Response.json({}, { status: 503, headers: { 'retry-after': '30' } });
  const { broker, asked } = brokerOf([granted, away], { now: () => nowMs });
  const [orders, other] = [broker.profile('orders'), broker.profile('other')];
  await orders.token();
  nowMs += 0.8 * 3_600_000;
  // biome-ignore format: one step a line
  for (const [passMs, requests, left] of [[0, 2, 'a renewal'], [29_999, 2, 'held'], [1, 3, 'a renewal']] as const) {
    nowMs += passMs;
    expect((await orders.token()).token, left).toBe('the-token');
    await vi.waitUntil(() => asked.length === requests);
    await expect(other.token()).rejects.toMatchObject({ code: 'temporarily_unavailable', retryAfterMs: 30_000 });
    asked.splice(requests);
  }
});

test('a token that an API refuses goes to the broker as rejected_token, and never a newer one', async () => {
  const { broker, asked } = brokerOf(
    ['first', 'second'].map((token) => () => Response.json({ access_token: token, expires_in: 3600 })),
  );
  const orders = broker.profile('orders');
  await orders.token();
  orders.reject('first');
  expect((await orders.token()).token).toBe('second');
  orders.reject('first');
  expect((await orders.token()).token).toBe('second');
  expect(asked.map(({ form }) => Object.fromEntries(form).rejected_token)).toEqual([undefined, 'first']);
});

describe('the region', () => {
  let before: string | undefined;
  beforeEach(() => {
    before = process.env.AWS_REGION;
    process.env.AWS_REGION = 'us-east-1';
  });
  afterEach(() => {
    process.env.AWS_REGION = before ?? '';
  });
  test.each<readonly [string, Partial<BrokerOptions>, region: string]>([
    ['is given', { region: 'eu-west-1' }, 'eu-west-1'],
    ['is in the host', {}, 'eu-central-1'],
    [
      'is in the host of an endpoint',
      { url: 'https://vpce-1.execute-api.eu-north-1.vpce.amazonaws.com' },
      'eu-north-1',
    ],
    ['is in the environment', { url: 'https://tokens.example' }, 'us-east-1'],
  ])('%s', async (_name, options, region) => {
    const { broker, asked } = brokerOf([granted], options);
    await broker.profile('orders').token();
    expect(new Headers(asked[0]?.init.headers).get('authorization')).toContain(`/${region}/execute-api/`);
  });

  test('is nowhere', () => {
    process.env.AWS_REGION = '';
    expect(() => brokerOf([granted], { url: 'https://tokens.example' })).toThrow('set AWS_REGION');
  });
});

test.each([
  'http://tokens.example',
  'https://tokens.example/?a=b',
  'https://me@tokens.example',
  'https://tokens.example/#a',
])('no broker at %s', (url) =>
  expect(() => brokerOf([granted], { url, region: 'eu-central-1' })).toThrow('must be https'),
);

test.each(['', 'Orders', '../orders', 'a/b', 'a'.repeat(64)])('no profile %j', (name) => {
  expect(() => brokerOf().broker.profile(name)).toThrow('profile');
});
