import { afterEach, expect, test } from 'vitest';
import { stranger } from '../support/principals.ts';
import { type Ask, createRig, type Rig } from '../support/rig.ts';

const both = ['orders-service', 'somebody-else'].map((role) => `arn:aws:iam::123456789012:role/${role}`);

let rig: Rig;
afterEach(() => rig.close());

const start = async (env: Record<string, string>) => {
  rig = await createRig({ env, changes: { orders: { callers: both }, introspecting: { callers: both } } });
};
const statuses = async (times: number, request: Ask = {}) => {
  const replies: number[] = [];
  for (let sent = 0; sent < times; sent += 1) replies.push((await rig.pass(rig.ask(request))).status);
  return replies;
};
const some = (count: number, status: number) => Array.from({ length: count }, () => status);
const outside = () => rig.zitadel.calls() + rig.secretsManager.calls() + rig.table.calls();

test('a role that loops is refused without any work; the others notice nothing', async () => {
  await start({ CALLER_RATE: '2' });
  // What the first request costs is not part of this.
  await rig.pass(rig.ask({ principal: stranger }));
  const calls = outside();
  const replies = await statuses(14);
  expect(replies).toEqual([...some(10, 200), ...some(4, 429)]);
  const refused = await rig.pass(rig.ask({ profile: 'nobodys' }));
  expect([refused.status, refused.json, refused.headers['retry-after']]).toEqual([
    429,
    {
      error: 'temporarily_unavailable',
      error_description: 'this caller sends too many requests; keep tokens, and try again later',
      request_id: expect.any(String),
    },
    '1',
  ]);
  expect(rig.log().at(-1)).toMatchObject({
    level: 'warn',
    caller: '123456789012:orders-service',
    status: 429,
    error: { kind: 'caller_throttled', detail: 'the caller exceeds callerRate: 2 requests per second' },
    CallerThrottled: 1,
  });
  expect(outside()).toBe(calls);
  expect(await statuses(5, { principal: stranger })).toEqual(some(5, 200));
  await rig.clock.advance(1_000);
  expect(await statuses(3)).toEqual([200, 200, 429]);
});

test.each(['introspect', 'revoke'] as const)('%s has the same limit', async (endpoint) => {
  await start({ CALLER_RATE: '0.1' });
  const request = { endpoint, profile: 'introspecting', form: 'x=1' };
  const replies = await statuses(11, request);
  expect(replies.at(-1)).toBe(429);
  expect(replies.slice(0, 10)).not.toContain(429);
  expect((await rig.pass(rig.ask(request))).headers['retry-after']).toBe('10');
});

test('without the parameter there is no limit', async () => {
  await start({ CALLER_RATE: '' });
  expect(await statuses(40)).toEqual(some(40, 200));
});
