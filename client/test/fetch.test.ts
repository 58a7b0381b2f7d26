import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authorizedFetch } from '../src/authorized-fetch.ts';
import { type Api, createApi, seenBy } from './api.ts';
import { createSource } from './source.ts';

let api: Api;
let other: Api;
beforeAll(async () => {
  [api, other] = [await createApi(), await createApi()];
});
afterAll(() => [api, other].forEach((one) => void one.close()));

const source = createSource();
const { rejected } = source;
let send: ReturnType<typeof authorizedFetch>;
beforeEach(() => {
  source.tokens = ['first', 'second'];
  api.state.accepted = 'first';
  send = authorizedFetch(source, [`${api.url}/some/path`], fetch);
});
afterEach(() => [rejected, api.seen, other.seen].forEach((list) => void list.splice(0)));

test.each<readonly [string, () => [string | URL | Request, RequestInit?]]>([
  ['a text', () => [`${api.url}/a`]],
  ['a URL', () => [new URL(`${api.url}/a`), { headers: { authorization: 'Basic x' } }]],
  ['a Request', () => [new Request(`${api.url}/a`)]],
])('%s gets the token', async (_name, input) => {
  expect((await send(...input())).status).toBe(200);
  expect(seenBy(api)).toEqual(['Bearer first']);
});

test('headers of a Request stay', async () => {
  const echoed = authorizedFetch(source, ['https://a.example'], async (_input, init) =>
    Response.json([...new Headers(init?.headers)]),
  );
  const answer = await echoed(new Request('https://a.example/', { headers: { 'x-a': '1' } }));
  expect(await answer.json()).toEqual([
    ['authorization', 'Bearer first'],
    ['x-a', '1'],
  ]);
});

describe('no token goes', () => {
  test('to another origin', async () => {
    await send(`${other.url}/a`);
    await send(`${api.url.replace('127.0.0.1', 'localhost')}/a`).catch(() => undefined);
    expect(seenBy(other)).toEqual([undefined]);
    expect(rejected).toEqual([]);
  });

  test('to another origin by a redirect', async () => {
    api.state.redirect = `${other.url}/a`;
    await send(`${api.url}/redirect`);
    expect(seenBy(api)).toEqual(['Bearer first']);
    expect(seenBy(other)).toEqual([undefined]);
    expect(rejected).toEqual([]);
  });
});

describe('401', () => {
  beforeEach(() => {
    api.state.accepted = 'second';
  });

  test.each<readonly [string, RequestInit, body: string]>([
    ['no body', {}, ''],
    ['a text', { method: 'POST', body: 'a=b' }, 'a=b'],
    ['bytes', { method: 'POST', body: new TextEncoder().encode('bytes') }, 'bytes'],
    ['a blob', { method: 'POST', body: new Blob(['blob']) }, 'blob'],
    ['a form', { method: 'POST', body: new URLSearchParams({ a: 'b' }) }, 'a=b'],
  ])('repeats the request with another token: %s', async (_name, init, body) => {
    expect((await send(`${api.url}/a`, init)).status).toBe(200);
    expect(api.seen).toEqual(
      ['first', 'second'].map((token) => ({ path: '/a', authorization: `Bearer ${token}`, body })),
    );
    expect(rejected).toEqual(['first']);
  });

  test.each<readonly [string, () => [string | Request, RequestInit?]]>([
    ['a stream', () => [`${api.url}/a`, { method: 'POST', body: new Blob(['a']).stream(), duplex: 'half' }]],
    [
      'an iterable',
      () => [`${api.url}/a`, { method: 'POST', body: Readable.from(['a']) as unknown as string, duplex: 'half' }],
    ],
    ['a Request', () => [new Request(`${api.url}/a`, { method: 'POST', body: 'a' })]],
  ])('repeats no stream: %s', async (_name, input) => {
    const response = await send(...input());
    expect([response.status, await response.text()]).toEqual([401, 'answer']);
    expect(seenBy(api)).toEqual(['Bearer first']);
    expect(rejected).toEqual(['first']);
  });

  test('repeats once', async () => {
    api.state.accepted = 'third';
    expect((await send(`${api.url}/a`)).status).toBe(401);
    expect(api.seen).toHaveLength(2);
  });

  test.each([
    ['the broker finds the token valid', ['first', 'first']],
    ['there is no other token', ['first']],
  ])('is the answer where %s', async (_name, these) => {
    source.tokens = these;
    const response = await send(`${api.url}/a`);
    expect([response.status, await response.text()]).toEqual([401, 'answer']);
    expect(api.seen).toHaveLength(1);
  });
});
