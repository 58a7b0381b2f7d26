import { expect, test } from 'vitest';
import { createFeed } from '../../infra/local/page/feed.ts';
import { fingerprint } from '../../lib/core/digest.ts';
import { HOUR_MS, instant } from '../../lib/core/time.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const START = instant(1_795_438_700_000);

/** A feed of a ZITADEL that answers with these bodies in turn. */
const createFeedOf = (...bodies: string[]) =>
  createFeed({
    clock: createFakeClock(START),
    send: async () => ({ ok: true, value: { status: 200, headers: {}, body: bodies.shift() ?? '' } }),
  });

const line = (fields: object) => JSON.stringify({ route: 'token', profile: 'orders', status: 200, ...fields });

test.each<[string, string[], object]>([
  ['nothing yet', [], { memory: 0, store: 0, issued: 0, failed: 0 }],
  [
    'each source',
    ['memory', 'memory', 'store', 'issued'].map((source) => line({ source })),
    { memory: 2, store: 1, issued: 1, last: 'issued' },
  ],
  [
    'a failure keeps the token',
    [line({ source: 'issued', token: 'a' }), line({ status: 503 })],
    { issued: 1, failed: 1, last: 'failed', token: 'a' },
  ],
  ['another profile', [line({ profile: 'reports', source: 'memory' })], { memory: 0 }],
  ['another route', [line({ route: 'introspect', source: 'memory' })], { memory: 0 }],
  ['an unknown source', [line({ source: 'constructor' })], { memory: 0, failed: 0 }],
  [
    "the gateway's own lines",
    ['API Gateway answered 403 to POST /orders/oauth/v2/token.', 'null', '[]'],
    { failed: 0 },
  ],
])('answers: %s', (_name, lines, expected) => {
  const feed = createFeedOf();
  for (const text of lines) feed.write(text);
  expect(feed.answersOf('orders')).toMatchObject(expected);
});

test('it passes on each line, and keeps the last hundred', () => {
  const feed = createFeedOf();
  const followed: string[] = [];
  feed.write('before');
  feed.follow((text) => followed.push(text));
  const lines = Array.from({ length: 101 }, (_, at) => `line ${at}`);
  for (const text of lines) feed.write(text);
  expect(followed).toEqual(lines);
  expect(feed.lines()).toEqual(lines.slice(1));
});

test('it notes the life of each token that ZITADEL issues, by its fingerprint', async () => {
  const request = { url: 'https://zitadel.example/oauth/v2/token', secrets: [] };
  const feed = createFeedOf(
    '{"access_token":"abc","expires_in":43200}',
    '{"active":true}',
    'not JSON',
    '{"access_token":1}',
  );
  for (let sent = 0; sent < 4; sent += 1) expect(await feed.send(request)).toMatchObject({ ok: true });
  expect(feed.birthOf(fingerprint('abc'))).toEqual({ obtainedAt: START, lifeMs: 12 * HOUR_MS });
  expect(feed.birthOf('abc')).toBeUndefined();
});
