import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Agent, type Dispatcher, FormData, fetch, interceptors, Pool } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { brokerInterceptor } from '../src/undici.ts';
import { type Api, createApi, seenBy } from './api.ts';
import { createSource } from './source.ts';

let api: Api;
let other: Api;
let agent: Dispatcher;
const closers: (() => Promise<void>)[] = [];
beforeAll(async () => {
  [api, other] = [await createApi(), await createApi()];
});
afterAll(() => [api, other].forEach((one) => void one.close()));

const source = createSource();
/** An agent with these interceptors, the last one outermost. */
function agentOf(...outer: Dispatcher.DispatcherComposeInterceptor[]): Dispatcher {
  const inner = new Agent();
  closers.push(() => inner.close());
  return inner.compose(brokerInterceptor(source, [`${api.url}/some/path`]), ...outer);
}
beforeEach(() => {
  source.tokens = ['first', 'second'];
  api.state.accepted = 'first';
  agent = agentOf();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  for (const list of [source.rejected, api.seen, other.seen]) list.splice(0);
});

type Options = Omit<Dispatcher.RequestOptions, 'origin' | 'path'>;
async function request(options: Partial<Options> = {}, path = '/a', dispatcher = agent) {
  const { statusCode, body } = await dispatcher.request({ origin: api.url, path, method: 'GET', ...options });
  return [statusCode, await body.text()];
}
const post = (body: unknown): Options => ({ method: 'POST', body: body as string });

describe('headers of each kind', () => {
  test.each<readonly [string, Exclude<Dispatcher.RequestOptions['headers'], undefined>]>([
    ['a record', { 'x-a': '1', Authorization: 'Basic x' }],
    ['a list', ['x-a', '1', 'authorization', 'Basic x']],
    ['pairs', [['x-a', '1'] as const, ['authorization', 'Basic x'] as const] as unknown as string[]],
    ['an iterable', new Headers({ 'x-a': '1', authorization: 'Basic x' }) as Iterable<[string, string]>],
    ['none', null],
  ])('%s', async (_name, headers) => {
    let sent: unknown;
    const dispatch: Dispatcher.Dispatch = (options) => {
      sent = options.headers;
      return true;
    };
    brokerInterceptor(source, [api.url])(dispatch)({ origin: api.url, path: '/', method: 'GET', headers }, {});
    await expect.poll(() => sent).toEqual([...(headers ? ['x-a', '1'] : []), 'authorization', 'Bearer first']);
    await request({ headers });
    expect(seenBy(api)).toEqual(['Bearer first']);
  });
});

test('fetch gets the token', async () => {
  expect((await fetch(`${api.url}/a`, { dispatcher: agent, headers: { authorization: 'Basic x' } })).status).toBe(200);
  expect(seenBy(api)).toEqual(['Bearer first']);
});

describe('no token goes', () => {
  const redirect = interceptors.redirect({ maxRedirections: 3 });
  beforeEach(() => {
    api.state.redirect = `${other.url}/a`;
  });

  test('to another origin', async () => {
    await fetch(`${other.url}/a`, { dispatcher: agent });
    expect(seenBy(other)).toEqual([undefined]);
  });

  test.each<readonly [string, () => Promise<unknown>]>([
    ['fetch', () => fetch(`${api.url}/redirect`, { dispatcher: agent })],
    ['an interceptor around this one', () => request({}, '/redirect', agentOf(redirect))],
    [
      'an interceptor within this one',
      () => {
        const inner = new Agent();
        closers.push(() => inner.close());
        return request({}, '/redirect', inner.compose(redirect, brokerInterceptor(source, [api.url])));
      },
    ],
  ])('to another origin by a redirect of %s', async (_name, send) => {
    await send();
    expect(seenBy(api)).toEqual(['Bearer first']);
    expect(seenBy(other)).toEqual([undefined]);
    expect(source.rejected).toEqual([]);
  });
});

describe('401', () => {
  beforeEach(() => {
    api.state.accepted = 'second';
  });
  const form = new FormData();
  form.set('a', 'b');

  test.each<readonly [string, Options, body: unknown]>([
    ['no body', { method: 'GET' }, ''],
    ['a text', post('a=b'), 'a=b'],
    ['bytes', post(Buffer.from('bytes')), 'bytes'],
    ['a form', post(form), expect.stringContaining('name="a"')],
  ])('repeats the request with another token: %s', async (_name, options, body) => {
    expect(await request(options)).toEqual([200, 'answer']);
    expect(api.seen).toEqual(
      ['first', 'second'].map((token) => ({ path: '/a', authorization: `Bearer ${token}`, body })),
    );
    expect(source.rejected).toEqual(['first']);
  });

  test.each<readonly [string, () => Promise<readonly [number, string]>]>([
    ['a stream', () => request(post(Readable.from(['a']))) as Promise<[number, string]>],
    [
      'a body of fetch',
      async () => {
        const response = await fetch(`${api.url}/a`, { dispatcher: agent, method: 'POST', body: 'a' });
        return [response.status, await response.text()];
      },
    ],
  ])('repeats no stream: %s', async (_name, send) => {
    expect(await send()).toEqual([401, 'answer']);
    expect(seenBy(api)).toEqual(['Bearer first']);
    expect(source.rejected).toEqual(['first']);
  });

  test('of fetch without a body is repeated', async () => {
    const response = await fetch(`${api.url}/a`, { dispatcher: agent });
    expect([response.status, await response.text()]).toEqual([200, 'answer']);
  });

  test('repeats once', async () => {
    api.state.accepted = 'third';
    expect(await request()).toEqual([401, 'answer']);
    expect(api.seen).toHaveLength(2);
    expect(source.rejected).toEqual(['first']);
  });

  test.each([
    ['the broker finds the token valid', ['first', 'first']],
    ['there is no other token', ['first']],
  ])('is the answer where %s', async (_name, these) => {
    source.tokens = these;
    expect(await request()).toEqual([401, 'answer']);
    expect(api.seen).toHaveLength(1);
  });

  test('nothing is sent once the caller has gone', async () => {
    const controller = new AbortController();
    const waits = {
      token: async () => {
        if (source.rejected.length === 0) return { token: 'first' };
        controller.abort();
        return { token: 'second' };
      },
      reject: (token: string) => source.reject(token),
    };
    const inner = new Agent();
    closers.push(() => inner.close());
    const dispatcher = inner.compose(brokerInterceptor(waits, [api.url]));
    await expect(request({ signal: controller.signal }, '/a', dispatcher)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(seenBy(api)).toEqual(['Bearer first']);
  });
});

describe('fails where', () => {
  test('there is no token', async () => {
    source.tokens = [];
    await expect(request()).rejects.toThrow('none');
    await expect(fetch(`${api.url}/a`, { dispatcher: agent })).rejects.toMatchObject({ cause: new Error('none') });
    expect(api.seen).toEqual([]);
  });

  test('the caller gives up before there is one', async () => {
    const never = {
      token: ({ signal }: { signal?: AbortSignal | undefined } = {}) => unlessAborted(signal),
      reject() {},
    };
    const inner = new Agent();
    closers.push(() => inner.close());
    const dispatcher = inner.compose(brokerInterceptor(never, [api.url]));
    const controller = new AbortController();
    const asked = request({ signal: controller.signal }, '/a', dispatcher);
    controller.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
  });

  test('the API closes the connection', async () => {
    api.state.redirect = '';
    await expect(request({}, '/hang-up')).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
  });

  test('a pool names no origin', async () => {
    const pool = new Pool(api.url);
    closers.push(() => pool.close());
    const dispatcher = pool.compose(brokerInterceptor(source, [api.url]));
    await expect(dispatcher.request({ path: '/a', method: 'GET' } as Dispatcher.RequestOptions)).rejects.toThrow(
      'use an Agent',
    );
  });
});

/** Never settles but by its signal. */
const unlessAborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));

test('a large answer to a dropped token ends nowhere', async () => {
  api.state.accepted = 'second';
  api.state.padding = 4_000_000;
  const { statusCode, body } = await agent.request({ origin: api.url, path: '/a', method: 'GET' });
  expect([statusCode, (await text(body)).length]).toEqual([200, 'answer'.length + 4_000_000]);
  api.state.padding = 0;
});
