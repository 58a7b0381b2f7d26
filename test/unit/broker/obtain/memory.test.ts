import { beforeEach, describe, expect, test } from 'vitest';
import type { Rejected } from '../../../../lib/broker/introspection/doubts.ts';
import type { Obtained } from '../../../../lib/broker/obtain/renewal.ts';
import { BULLETIN_KEY } from '../../../../lib/broker/store/bulletin.ts';
import type { Row, TableFault } from '../../../../lib/broker/store/table.ts';
import { cacheKey } from '../../../../lib/broker/token/demand.ts';
import type { BrokerError } from '../../../../lib/core/error.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { ok, type Result } from '../../../../lib/core/result.ts';
import { plus } from '../../../../lib/core/time.ts';
import { tokenDigest } from '../../../../lib/zitadel/token-identity.ts';
import {
  accounts,
  answer,
  audience,
  cut,
  type Member,
  P,
  Q,
  refusal,
  rowOf,
  SECRETS,
  START,
} from '../../../support/fleet.ts';
import { begin, fleet, member, notices } from '../../../support/one-sandbox.ts';

beforeEach(() => begin());

/** ZITADEL counts the seconds that are left when it answers. */
const LIFE = 43_199_000;
const DUE = Math.floor(LIFE * 0.75);
const LAST_MINUTE = LIFE - 59_999;
const HOUR = 3_600_000;
const R = accounts.oidcSecret.clientId;

type Answer = Result<Obtained & { readonly rejected?: Rejected }, BrokerError>;

interface Ask {
  readonly profile?: string;
  readonly scopes?: readonly string[];
  readonly by?: Member;
  readonly leftMs?: number;
  readonly rejected?: string;
}

const begun = ({
  profile: name = 'orders',
  scopes,
  by = member,
  leftMs = 15_000,
  rejected,
}: Ask = {}): Promise<Answer> => {
  const profile = fleet.profile(name);
  const demand = { profile, scopes: scopes ?? profile.scopes };
  const deadline = plus(fleet.clock.now(), leftMs);
  return by.tokens.obtain(demand, deadline, rejected === undefined ? undefined : redacted(rejected));
};
const obtain = (ask: Ask = {}) => fleet.run(begun(ask));
const timed = (ask: Ask = {}) => fleet.time(begun(ask));

function good(result: Answer) {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  const { token, source, failure } = result.value;
  return { text: token.accessToken.reveal(), source, failure: failure?.error.kind, token };
}
const textOf = (result: Answer) => good(result).text;
const sourceOf = (result: Answer) => (result.ok ? result.value.source : result.error.kind);

const requests = () => fleet.sent.filter(({ endpoint }) => endpoint === 'token').length;
const row = (name = 'orders') => rowOf(fleet, fleet.profile(name));
const keyOf = (name = 'orders') => cacheKey({ profile: fleet.profile(name), scopes: fleet.profile(name).scopes });
const put = (changes: Row, name = 'orders') => fleet.table.rows.set(keyOf(name), { ...row(name), ...changes });

/** Lets every answer of ZITADEL's take so long. */
const slow = (ms: number) =>
  fleet.play(async () => {
    await new Promise<void>((resolve) => void fleet.clock.after(ms, resolve));
    return undefined;
  });
/** Takes requests, and answers none before it is told to. */
function hold(): () => void {
  let release = () => {};
  const gate = new Promise<undefined>((resolve) => {
    release = () => resolve(undefined);
  });
  fleet.play(() => gate);
  return () => {
    fleet.play(undefined);
    release();
  };
}
const away = (detail = 'X'): TableFault => ({ kind: 'unavailable', detail });
const unknown = (detail = 'X'): TableFault => ({ kind: 'unknown', detail });

describe('who waits for a token', () => {
  test('is counted once it took 50 ms, whether it asked for the token or another did', async () => {
    slow(49);
    await obtain();
    expect(member.waits.take()).toBe(0);
    slow(50);
    const scopes = [audience(P)];
    await fleet.run(Promise.all([begun({ scopes }), begun({ scopes })]));
    expect(member.waits.take()).toBe(2);
  });

  test('is not counted while there is a token to hand out', async () => {
    await obtain();
    await fleet.clock.advance(DUE);
    slow(2_000);
    await obtain();
    expect(member.waits.take()).toBe(0);
  });
});

test('the key of each token request is noted, also where ZITADEL refuses it', async () => {
  await obtain();
  expect(member.keyIds.take()).toEqual([]);
  begin();
  fleet.secrets.put('orders', SECRETS.reports);
  fleet.play(() => refusal('invalid_grant', 'invalid assertion'));
  await obtain();
  expect(member.keyIds.take()).toEqual([accounts.saKey.key.keyId]);
  await obtain();
  expect(member.keyIds.take()).toEqual([]);
});

describe('a token', () => {
  test('is obtained once, then found in memory, and by others in the table', async () => {
    const first = good(await obtain());
    expect(first).toMatchObject({
      source: 'issued',
      token: { obtainedAt: START, expiresAt: plus(START, LIFE), refreshAt: plus(START, DUE) },
    });
    const reads = fleet.table.reads();
    expect(good(await obtain())).toEqual({ ...first, source: 'memory' });
    expect(fleet.table.reads()).toBe(reads);
    const other = fleet.start();
    expect(good(await obtain({ by: other }))).toMatchObject({ text: first.text, source: 'store' });
    expect(good(await obtain({ by: other })).source).toBe('memory');
    expect([requests(), member.issued.take(), other.issued.take()]).toEqual([1, 1, 0]);
  });

  test('is noted as held until its end, and its row has no lease', async () => {
    const { token } = good(await obtain());
    expect(await member.holdings.find(token.accessToken)).toEqual(ok({ profile: 'orders', until: plus(START, LIFE) }));
    expect(row()).toEqual({
      generation: 2,
      sealed: expect.any(String),
      credential: expect.any(String),
      expiresAt: plus(START, LIFE),
      ttl: Math.floor((START + LIFE) / 1_000) + 86_400,
    });
    expect(
      await member.tokens.expiry({ profile: fleet.profile('orders'), scopes: fleet.profile('orders').scopes }),
    ).toBe(plus(START, LIFE));
  });

  test.each([
    ['ahead', HOUR / 2],
    ['behind', -HOUR / 2],
  ])('is stored in the time of the table, where the clock of who obtained it is %s', async (_name, aheadMs) => {
    fleet.table.setAhead(aheadMs);
    const { token } = good(await obtain());
    expect(token).toMatchObject({ obtainedAt: START, expiresAt: plus(START, LIFE) });
    expect(row()?.expiresAt).toBe(plus(START, LIFE - aheadMs));
    expect(row()?.ttl).toBe(Math.floor((START + LIFE - aheadMs) / 1_000) + 86_400);
    // The same sandbox, and one like it, see it in their own time.
    const twin = good(await obtain({ by: fleet.start() })).token;
    expect(twin).toMatchObject({ obtainedAt: START, expiresAt: plus(START, LIFE) });
    fleet.table.setAhead(0);
    const demand = { profile: fleet.profile('orders'), scopes: fleet.profile('orders').scopes };
    expect(await fleet.start().tokens.expiry(demand)).toBe(plus(START, LIFE - aheadMs));
  });

  test.each([
    ['a holder that can be no profile', { holder: 'or ders' }],
    ['an end that is no instant', { heldUntil: 1e15 + 0.5 }],
  ])('is held by nobody, where the row has %s', async (_name, spoilt) => {
    const { token } = good(await obtain());
    for (const [key, held] of fleet.table.rows)
      if ('holder' in held) fleet.table.rows.set(key, { ...held, ...spoilt } as Row);
    expect(await member.holdings.find(token.accessToken)).toEqual(ok(undefined));
  });

  test('has no end that anybody knows, where there is none or the table is away', async () => {
    const demand = { profile: fleet.profile('orders'), scopes: fleet.profile('orders').scopes };
    expect(await member.tokens.expiry(demand)).toBeUndefined();
    fleet.table.fault(() => away());
    expect(await member.tokens.expiry(demand)).toBeUndefined();
  });

  test('is one for all who want it at once, in one sandbox or two', async () => {
    slow(200);
    const other = fleet.start();
    const asked = Array.from({ length: 20 }, (_, index) => begun({ by: index < 10 ? member : other }));
    const results = (await fleet.run(Promise.all(asked))).map(good);
    expect(new Set(results.map(({ text }) => text)).size).toBe(1);
    expect(results.map(({ source }) => source)).toEqual([
      'issued',
      ...Array(9).fill('memory'),
      ...Array(10).fill('store'),
    ]);
    expect(requests()).toBe(1);
  });

  test('of some of the scopes is another', async () => {
    const [all, part] = [good(await obtain()), good(await obtain({ scopes: [audience(P)] }))];
    expect(part.text).not.toBe(all.text);
    expect(fleet.sent.at(-1)?.form.get('scope')).toBe(audience(P));
  });

  test.each([
    [19, ['issued', 'issued', 'issued']],
    [20, ['issued', 'memory', 'store']],
  ])('that lives for %i s comes from %j', async (tokenLifetimeSeconds, sources) => {
    begin({ tokenLifetimeSeconds });
    const results = [await obtain(), await obtain(), await obtain({ by: fleet.start() })];
    expect(results.map(sourceOf)).toEqual(sources);
    expect(row()?.owner).toBeUndefined();
    expect(row()?.failure).toBeUndefined();
  });

  test('of too short a life is none', async () => {
    begin({ tokenLifetimeSeconds: 5 });
    expect(await obtain()).toMatchObject({ error: { kind: 'unexpected_answer' } });
  });

  test('is not older than `maxAgeSeconds`', async () => {
    begin({ changes: { orders: { maxAgeSeconds: 100 } } });
    const { text, token } = good(await obtain());
    expect(token.expiresAt).toBe(plus(START, 100_000));
    await fleet.clock.advance(95_001);
    expect(textOf(await obtain())).not.toBe(text);
  });

  test('goes when a notice voids it', async () => {
    const { text, token } = good(await obtain());
    await member.bulletin.post({ kind: 'before', profile: 'orders', at: plus(START, 1) });
    await fleet.clock.advance(1);
    const second = good(await obtain());
    expect([second.source, second.text === text]).toEqual(['issued', false]);
    await member.bulletin.post({
      kind: 'token',
      digest: tokenDigest(redacted(second.text)),
      profile: 'x',
      until: token.expiresAt,
    });
    fleet.play(() => cut);
    expect(await obtain()).toMatchObject({ error: { kind: 'unavailable' } });
  });
});

describe('a token that is due', () => {
  test('is renewed, and the caller gets the new one, if that takes no longer than 100 ms', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(DUE - 1);
    expect(sourceOf(await obtain())).toBe('memory');
    await fleet.clock.advance(1);
    slow(90);
    const [second, tookMs] = await timed();
    expect([sourceOf(second), textOf(second) === text, tookMs]).toEqual(['issued', false, 90]);
  });

  test('is handed out after 100 ms, while it is renewed; others do not wait', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(DUE);
    slow(500);
    const [second, tookMs] = await timed();
    expect([textOf(second), sourceOf(second), tookMs]).toEqual([text, 'memory', 100]);
    const [third, nothing] = await timed();
    expect([textOf(third), nothing, requests()]).toEqual([text, 0, 2]);
    await fleet.clock.advance(400);
    expect(textOf(await obtain())).not.toBe(text);
    expect([requests(), member.issued.take()]).toEqual([2, 2]);
  });

  test('waits, where another sandbox renews it: the table is looked at once in a second', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(DUE);
    put({ owner: 'other', leaseUntil: plus(fleet.clock.now(), 5_000) });
    await obtain();
    const reads = fleet.table.reads();
    await fleet.clock.advance(999);
    expect(textOf(await obtain())).toBe(text);
    expect(fleet.table.reads()).toBe(reads);
    await fleet.clock.advance(1);
    await obtain();
    expect(fleet.table.reads()).toBe(reads + 1);
    expect(requests()).toBe(1);
  });

  test.each([
    [1_499, 1],
    [1_500, 2],
  ])('with %i ms left: %i requests in all', async (leftMs, count) => {
    await obtain();
    await fleet.clock.advance(DUE);
    await obtain({ leftMs });
    expect(requests()).toBe(count);
  });

  test('is found in the table, where another sandbox has renewed it', async () => {
    const other = fleet.start();
    await obtain();
    await obtain({ by: other });
    await fleet.clock.advance(DUE);
    const renewed = textOf(await obtain());
    expect(good(await obtain({ by: other }))).toMatchObject({ text: renewed, source: 'store' });
    expect(requests()).toBe(2);
  });

  test('stays, where its renewal fails, and is marked', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(DUE);
    fleet.play(() => cut);
    expect(good(await obtain())).toMatchObject({ text, source: 'store', failure: 'unavailable' });
    expect(good(await obtain())).toMatchObject({ text, source: 'memory', failure: 'unavailable' });
    expect(requests()).toBe(2);
    fleet.play(undefined);
    await fleet.clock.advance(2_000);
    expect(textOf(await obtain())).not.toBe(text);
  });
});

describe('in the last minute of a token', () => {
  test('callers wait for the new one', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(LAST_MINUTE);
    slow(700);
    const [result, tookMs] = await timed();
    expect([textOf(result) === text, tookMs]).toEqual([false, 700]);
  });

  test('callers get the old one where that fails, and wait for no attempt that follows soon', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(LAST_MINUTE);
    fleet.play(() => answer(418, ''));
    expect(good(await obtain())).toMatchObject({ text, failure: 'unexpected_answer' });
    await fleet.clock.advance(1_999);
    expect(good(await obtain())).toMatchObject({ text, source: 'memory', failure: 'unexpected_answer' });
    expect(requests()).toBe(2);
    await fleet.clock.advance(1);
    const release = hold();
    const [result, tookMs] = await timed();
    expect([good(result), tookMs]).toMatchObject([{ text, source: 'memory', failure: 'unexpected_answer' }, 100]);
    expect(requests()).toBe(3);
    release();
  });

  test('callers wait again, where the failure is long over', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(LAST_MINUTE);
    fleet.play(() => answer(418, ''));
    await obtain();
    await fleet.clock.advance(7_000);
    slow(700);
    const [result, tookMs] = await timed();
    expect([textOf(result) === text, tookMs]).toEqual([false, 700]);
  });

  test('with no time left callers get the old one', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(LAST_MINUTE);
    expect(good(await obtain({ leftMs: 1_499 }))).toMatchObject({ text, source: 'memory', failure: undefined });
    expect(requests()).toBe(1);
    await fleet.clock.advance(54_999);
    expect(textOf(await obtain({ leftMs: 1_499 }))).toBe(text);
    await fleet.clock.advance(1);
    expect(sourceOf(await obtain({ leftMs: 1_499 }))).toBe('out_of_time');
  });
});

describe('where no token is known', () => {
  const outOfTime = {
    ok: false,
    error: { kind: 'out_of_time', detail: 'no time left to obtain a token', retryAfterMs: 1_000 },
  };

  test.each([
    [1_499, 'out_of_time', 0],
    [1_500, 'issued', 1],
  ])('with %i ms left: %s', async (leftMs, expected, count) => {
    expect(sourceOf(await obtain({ leftMs }))).toBe(expected);
    expect(requests()).toBe(count);
  });

  test('half a second is kept for the answer, and what was begun goes on', async () => {
    const release = hold();
    expect(await timed({ leftMs: 3_000 })).toEqual([outOfTime, 2_500]);
    release();
    await fleet.clock.advance(0);
    expect(sourceOf(await obtain())).toBe('memory');
    expect(requests()).toBe(1);
  });

  test('a failure is remembered by all, for longer each time', async () => {
    fleet.play(() => answer(418, 'no tea'));
    const failed = (retryAfterMs: number) => ({
      error: { kind: 'unexpected_answer', detail: 'status 418', retryAfterMs },
    });
    expect(await obtain()).toMatchObject(failed(2_000));
    expect(row()).toMatchObject({ failure: 'unexpected_answer', failures: 1, failedUntil: plus(START, 2_000) });
    expect(row()?.owner).toBeUndefined();
    await fleet.clock.advance(1_990);
    expect(await obtain()).toMatchObject(failed(10));
    const other = fleet.start();
    expect(await obtain({ by: other })).toMatchObject({
      error: {
        kind: 'unexpected_answer',
        detail: 'another sandbox has just failed; its log says why',
        retryAfterMs: 10,
      },
    });
    expect(requests()).toBe(1);
    await fleet.clock.advance(10);
    expect(await obtain({ by: other })).toMatchObject(failed(4_000));
    expect(row()).toMatchObject({ failures: 2 });
    expect(requests()).toBe(2);
    fleet.play(undefined);
    await fleet.clock.advance(4_000);
    expect(sourceOf(await obtain())).toBe('issued');
    expect(row()?.failures).toBeUndefined();
  });

  test('a refused credential is left alone for 30 s, whoever asks, until its secret changes', async () => {
    fleet.secrets.put('orders', JSON.stringify({ clientId: accounts.saSecret.clientId, clientSecret: 'wrong' }));
    const detail = 'profile orders, secret orders: status 400: invalid_request Errors.User.Machine.Secret.Invalid';
    expect(await obtain()).toMatchObject({ error: { kind: 'credential_refused', detail, retryAfterMs: 2_000 } });
    expect(row()).toMatchObject({ failedUntil: plus(START, 30_000), failedCredential: expect.any(String) });
    await fleet.clock.advance(29_000);
    const other = fleet.start();
    expect(sourceOf(await obtain({ by: other }))).toBe('credential_refused');
    expect(sourceOf(await obtain())).toBe('credential_refused');
    expect(requests()).toBe(1);
    fleet.secrets.put('orders', SECRETS.orders);
    await fleet.clock.advance(1_500);
    expect(sourceOf(await obtain())).toBe('issued');
    expect(sourceOf(await obtain({ by: other }))).toBe('store');
  });

  test('a secret that cannot serve is read again as often', async () => {
    fleet.secrets.put('orders', '{}');
    expect(await obtain()).toMatchObject({ error: { kind: 'credential_unusable', retryAfterMs: 2_000 } });
    await fleet.clock.advance(1_000);
    const reads = fleet.secrets.reads();
    expect(sourceOf(await obtain())).toBe('credential_unusable');
    fleet.secrets.put('orders', SECRETS.orders);
    await fleet.clock.advance(500);
    expect(sourceOf(await obtain())).toBe('issued');
    expect(fleet.secrets.reads()).toBe(reads + 2);
    expect(fleet.sent).toHaveLength(1);
  });

  test('a secret that takes long to read again is not waited for', async () => {
    fleet.secrets.put('orders', '{}');
    await obtain();
    Object.assign(fleet.secrets, { read: () => new Promise(() => undefined) });
    expect(await timed({ leftMs: 600 })).toMatchObject([{ error: { kind: 'credential_unusable' } }, 300]);
    expect(await timed()).toMatchObject([{ error: { kind: 'credential_unusable' } }, 500]);
  });

  test('an account that is locked is asked for again sooner than a credential that is wrong', async () => {
    fleet.play(() => refusal('invalid_request', 'Errors.User.NotActive'));
    expect(sourceOf(await obtain())).toBe('credential_refused');
    expect(row()?.failedUntil).toBe(plus(START, 2_000));
    fleet.play(undefined);
    await fleet.clock.advance(2_000);
    expect(sourceOf(await obtain())).toBe('issued');
  });

  test('an error that may be the key’s is a refusal the second time', async () => {
    begin({ changes: { keyed: { secret: 'reports', scopes: [audience(P)] } } });
    fleet.play(() => refusal('server_error', 'Errors.Internal', 500));
    const detail = 'profile keyed, secret reports: status 500: server_error Errors.Internal';
    expect(await obtain({ profile: 'keyed' })).toMatchObject({
      error: { kind: 'unavailable', dependency: 'zitadel', detail },
    });
    await fleet.clock.advance(30_000);
    expect(await obtain({ profile: 'keyed' })).toMatchObject({
      error: {
        kind: 'credential_refused',
        detail: `${detail} (twice: the credential counts as refused)`,
      },
    });
    await fleet.clock.advance(30_000);
    fleet.play(undefined);
    expect(sourceOf(await obtain({ profile: 'keyed' }))).toBe('issued');
  });

  test('another failure is not cured by a secret', async () => {
    fleet.play(() => answer(418, ''));
    await obtain();
    const reads = fleet.secrets.reads();
    fleet.secrets.put('orders', '{}');
    await fleet.clock.advance(1_900);
    expect(sourceOf(await obtain())).toBe('unexpected_answer');
    expect(fleet.secrets.reads()).toBe(reads);
  });
});

describe('another sandbox holds the lease', () => {
  test('callers wait for what it brings', async () => {
    put({ generation: 1, owner: 'other', leaseUntil: plus(START, 5_000) });
    const asked = begun();
    await fleet.clock.advance(300);
    fleet.table.rows.delete(keyOf());
    const text = textOf(await obtain({ by: fleet.start() }));
    await fleet.clock.advance(500);
    expect(good(await asked)).toMatchObject({ text, source: 'store' });
    expect(requests()).toBe(1);
  });

  test('and dies: the lease goes to the next, a second after its end', async () => {
    put({ generation: 1, owner: 'other', leaseUntil: plus(START, 5_000) });
    const [result, tookMs] = await timed();
    expect(sourceOf(result)).toBe('issued');
    expect(tookMs).toBeGreaterThan(6_000);
    expect(tookMs).toBeLessThanOrEqual(7_020);
  });

  test('by a clock that is wrong: nobody waits', async () => {
    put({ generation: 1, owner: 'other', leaseUntil: plus(START, 6_001) });
    expect(await timed()).toMatchObject([{ ok: true, value: { source: 'issued' } }, 0]);
  });

  test('and others after it: after 10 s callers have waited enough', async () => {
    const { read } = fleet.table;
    Object.assign(fleet.table, {
      read: async (key: Parameters<typeof read>[0]) =>
        key === BULLETIN_KEY
          ? read(key)
          : ok({ generation: 1, owner: 'x', leaseUntil: plus(fleet.clock.now(), 5_000) }),
    });
    const [result, tookMs] = await timed();
    expect(result).toMatchObject({
      error: {
        kind: 'unavailable',
        dependency: 'zitadel',
        detail: 'another sandbox is obtaining the token and did not finish in time',
        retryAfterMs: 2_000,
      },
    });
    expect(tookMs).toBeGreaterThanOrEqual(9_500);
    expect(tookMs).toBeLessThanOrEqual(10_000);
    expect(requests()).toBe(0);
  });

  test('took it a moment before: its token serves', async () => {
    const { update } = fleet.table;
    let text = '';
    let isFirst = true;
    const other = fleet.start();
    Object.assign(fleet.table, {
      update: async (...args: Parameters<typeof update>) => {
        if (isFirst) {
          isFirst = false;
          text = textOf(await begun({ by: other }));
        }
        return update(...args);
      },
    });
    expect(good(await obtain())).toMatchObject({ text, source: 'store' });
    expect(requests()).toBe(1);
  });
});

describe('the table is away', () => {
  test('a token is obtained without it, and kept', async () => {
    fleet.table.fault(() => away());
    expect(sourceOf(await obtain())).toBe('issued');
    expect(sourceOf(await obtain())).toBe('memory');
    expect(sourceOf(await obtain({ by: fleet.start() }))).toBe('issued');
    expect(fleet.table.updates).toEqual([]);
  });

  test('for writes alone: so too', async () => {
    fleet.table.fault((way) => (way === 'update' ? away() : undefined));
    expect(sourceOf(await obtain())).toBe('issued');
    expect(requests()).toBe(1);
  });

  test('no more than one attempt in 10 s', async () => {
    fleet.table.fault(() => away('Throttling'));
    fleet.play(() => answer(418, ''));
    expect(await obtain()).toMatchObject({ error: { kind: 'unexpected_answer' } });
    await fleet.clock.advance(4_000);
    expect(await obtain()).toMatchObject({
      error: { kind: 'unavailable', dependency: 'dynamodb', detail: 'Throttling', retryAfterMs: 6_000 },
    });
    expect(requests()).toBe(1);
    await fleet.clock.advance(6_000);
    expect(await obtain()).toMatchObject({ error: { kind: 'unexpected_answer' } });
    expect(requests()).toBe(2);
  });

  test('no request at all, where ZITADEL is known to be away', async () => {
    fleet.table.fault(() => away());
    fleet.play(() => cut);
    await obtain();
    await fleet.clock.advance(10_000);
    await obtain();
    const count = requests();
    await fleet.clock.advance(1_000);
    expect(await obtain({ by: member, profile: 'introspecting' })).toMatchObject({
      error: { kind: 'unavailable', dependency: 'zitadel', detail: 'unreachable: ECONNRESET' },
    });
    expect(requests()).toBe(count);
  });

  test('a second try fits in', async () => {
    fleet.table.fault(() => away());
    let refusals = 0;
    fleet.secrets.put('orders', JSON.stringify({ clientId: accounts.saSecret.clientId, clientSecret: 'wrong' }));
    fleet.play(() => {
      refusals += 1;
      fleet.secrets.put('orders', SECRETS.orders);
      return undefined;
    });
    expect(sourceOf(await obtain())).toBe('issued');
    expect(refusals).toBe(2);
  });
});

describe('a write whose reply is lost', () => {
  test('was made all the same: the lease is there, and the token is stored', async () => {
    fleet.table.fault((way, key) => (way === 'update' && key === keyOf() ? unknown() : undefined));
    const result = good(await obtain());
    expect(result.source).toBe('issued');
    fleet.table.fault(undefined);
    expect(good(await obtain({ by: fleet.start() }))).toMatchObject({ text: result.text, source: 'store' });
    expect(requests()).toBe(1);
  });

  /** The first `count` writes to the row are not made. */
  const lose = (count: number, fault: (index: number) => TableFault) => {
    const { update } = fleet.table;
    let writes = 0;
    Object.assign(fleet.table, {
      update: async (...args: Parameters<typeof update>) => {
        if (args[0] !== keyOf()) return update(...args);
        writes += 1;
        return writes <= count ? { ok: false, error: fault(writes) } : update(...args);
      },
    });
    return () => writes;
  };

  test('once: it is tried again', async () => {
    const writes = lose(1, () => unknown());
    expect(sourceOf(await obtain())).toBe('issued');
    expect([writes(), requests()]).toEqual([3, 1]);
    expect(row()?.sealed).toBeDefined();
  });

  test('twice: the table is as good as away', async () => {
    const writes = lose(9, () => unknown());
    expect(sourceOf(await obtain())).toBe('issued');
    expect([writes(), requests()]).toEqual([2, 1]);
    expect(row()?.sealed).toBeUndefined();
  });

  test('that stores the token: it is made again, and if that fails too, others do not find the token', async () => {
    const { update } = fleet.table;
    let isLost = 1;
    Object.assign(fleet.table, {
      update: async (...args: Parameters<typeof update>) => {
        if (args[0] !== keyOf() || args[1].set.sealed === undefined || isLost === 0) return update(...args);
        isLost -= 1;
        return { ok: false, error: unknown('Y') };
      },
    });
    const stored = (result: Answer) => (result.ok ? result.value.stored : expect.unreachable());
    expect(await stored(await obtain())).toBeUndefined();
    expect(row()?.sealed).toBeDefined();
    begin();
    const { update: again } = fleet.table;
    Object.assign(fleet.table, {
      update: async (...args: Parameters<typeof update>) =>
        args[1].set.sealed === undefined ? again(...args) : { ok: false, error: unknown('Y') },
    });
    expect(await stored(await obtain())).toEqual(unknown('Y'));
  });

  test('a refusal of a row that has not changed says nothing: after the second the token is obtained without it', async () => {
    Object.assign(fleet.table, { update: async () => ok('refused' as const) });
    expect(sourceOf(await obtain())).toBe('issued');
    expect(requests()).toBe(1);
  });
});

describe('a row', () => {
  test('of another credential: the secret is read again, and the row opened with it', async () => {
    await obtain();
    fleet.secrets.put('orders', JSON.stringify({ ...JSON.parse(SECRETS.orders), clientSecret: 'new' }));
    const user = [...fleet.zitadel.accounts.users.values()].find(
      ({ username }) => username === accounts.saSecret.clientId,
    );
    user?.secret.write('new', fleet.clock.now());
    fleet.table.rows.delete(keyOf());
    const text = textOf(await obtain({ by: fleet.start() }));
    await fleet.clock.advance(DUE - 1_000);
    // Still renewed with the secret of before: it does not open what it finds.
    put({});
    const key = keyOf();
    const { rows } = fleet.table;
    const stored = rows.get(key);
    await fleet.clock.advance(1_000);
    rows.set(key, { ...stored });
    const reads = fleet.secrets.reads();
    expect(textOf(await obtain())).not.toBe('');
    expect(fleet.secrets.reads()).toBeGreaterThan(reads);
    expect(text).not.toBe('');
  });

  test('of another credential that is not this secret’s: the token is obtained anew', async () => {
    await obtain();
    put({ credential: 'other' });
    const other = fleet.start();
    expect(sourceOf(await obtain({ by: other }))).toBe('issued');
    // Once to begin with, and once again to see whether the secret has changed.
    expect(fleet.secrets.reads()).toBe(3);
  });

  test('of another credential, and the secret cannot be read again', async () => {
    await obtain();
    put({ credential: 'other' });
    let reads = 0;
    const { read } = fleet.secrets;
    Object.assign(fleet.secrets, {
      read: (name: string) => {
        reads += 1;
        return reads === 1 ? read(name) : Promise.resolve({ ok: false, error: { kind: 'refused', detail: 'X' } });
      },
    });
    expect(await obtain({ by: fleet.start() })).toMatchObject({ error: { kind: 'credential_unusable' } });
  });

  test.each<[name: string, change: () => Row]>([
    ['that does not open', () => ({ sealed: 'x' })],
    ['that is malformed', () => ({ malformed: true, sealed: 'x' })],
    ['whose token is void', () => ({})],
  ])('%s counts for nothing', async (name, change) => {
    const { text } = good(await obtain());
    if (name.includes('malformed')) fleet.table.rows.set(keyOf(), { malformed: true });
    else put(change());
    const other = fleet.start();
    if (name.includes('void')) {
      await member.bulletin.post({
        kind: 'token',
        digest: tokenDigest(redacted(text)),
        profile: 'x',
        until: plus(START, HOUR),
      });
    }
    const result = good(await obtain({ by: other }));
    expect([result.source, result.text === text]).toEqual(['issued', false]);
  });
});

describe('the schedule', () => {
  const renew = (aheadMs: number, leftMs = 15_000, name = 'orders') => {
    const profile = fleet.profile(name);
    return member.tokens.renew({ profile, scopes: profile.scopes }, plus(fleet.clock.now(), leftMs), aheadMs);
  };

  test('renews what falls due before its next run', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(DUE - 60_001);
    expect(good(await fleet.run(renew(60_000)))).toMatchObject({ text, source: 'store' });
    await fleet.clock.advance(1);
    const renewed = good(await fleet.run(renew(60_000)));
    expect([renewed.source, renewed.text === text]).toEqual(['issued', false]);
    expect(textOf(await obtain())).toBe(renewed.text);
  });

  test('fails where there is no time, or none left', async () => {
    const outOfTime = { ok: false, error: expect.objectContaining({ kind: 'out_of_time' }) };
    expect(await renew(0, 0)).toEqual(outOfTime);
    expect(requests()).toBe(0);
    hold();
    expect(await fleet.time(renew(0, 1_000))).toEqual([outOfTime, 1_000]);
  });

  test('fails as ZITADEL does', async () => {
    fleet.play(() => answer(418, ''));
    expect(await fleet.run(renew(0))).toMatchObject({ error: { kind: 'unexpected_answer', retryAfterMs: 2_000 } });
  });

  test('obtains nothing that others would not find', async () => {
    fleet.table.fault((way) => (way === 'read' ? away() : undefined));
    expect(await fleet.run(renew(0))).toMatchObject({
      error: { kind: 'unavailable', dependency: 'dynamodb', detail: 'X' },
    });
    expect(requests()).toBe(0);
    begin();
    const { update } = fleet.table;
    Object.assign(fleet.table, {
      update: async (...args: Parameters<typeof update>) =>
        args[1].set.sealed === undefined ? update(...args) : { ok: false, error: away('Y') },
    });
    expect(await fleet.run(renew(0))).toEqual({
      ok: false,
      error: {
        kind: 'unavailable',
        dependency: 'dynamodb',
        detail: 'the token could not be stored: Y',
        retryAfterMs: 0,
      },
    });
  });
});

describe('a token that is sent back as refused', () => {
  test('is replaced where nobody can be asked, and all hear of it', async () => {
    const { text, token } = good(await obtain());
    const other = fleet.start();
    await obtain({ by: other });
    const second = await obtain({ rejected: text });
    expect(second).toMatchObject({ value: { source: 'issued', rejected: 'replaced' } });
    expect(textOf(second)).not.toBe(text);
    expect(notices()).toEqual([`token ${tokenDigest(redacted(text))} orders ${token.expiresAt + 60_000}`]);
    expect(textOf(await obtain())).toBe(textOf(second));
    // Whoever comes with it later gets the one that has replaced it.
    expect(await obtain({ rejected: text })).toMatchObject({ value: { rejected: 'not_current', source: 'memory' } });
    const late = await obtain({ by: other, rejected: text });
    expect(late).toMatchObject({ value: { rejected: 'not_current', source: 'store' } });
    expect(textOf(late)).toBe(textOf(second));
    expect(requests()).toBe(2);
  });

  test('is not the current one', async () => {
    expect(await obtain({ rejected: 'old' })).toMatchObject({ value: { source: 'issued', rejected: 'not_current' } });
    expect(await obtain({ rejected: 'old' })).toMatchObject({ value: { source: 'memory', rejected: 'not_current' } });
    expect([requests(), notices()]).toEqual([1, []]);
  });

  test('is looked into once a minute, in the whole fleet', async () => {
    const first = textOf(await obtain());
    const second = textOf(await obtain({ rejected: first }));
    expect(await obtain({ rejected: second })).toMatchObject({ value: { rejected: 'not_checked' } });
    const other = fleet.start();
    expect(textOf(await obtain({ by: other }))).toBe(second);
    await fleet.clock.advance(59_999);
    expect(await obtain({ by: other, rejected: second })).toMatchObject({ value: { rejected: 'not_checked' } });
    await fleet.clock.advance(1);
    expect(await obtain({ rejected: second })).toMatchObject({ value: { rejected: 'replaced' } });
    expect(requests()).toBe(3);
  });

  test('is good, by ZITADEL’s word', async () => {
    const text = textOf(await obtain({ profile: 'introspecting' }));
    const second = await obtain({ profile: 'introspecting', rejected: text });
    expect(second).toMatchObject({ value: { source: 'memory', rejected: 'active' } });
    expect([textOf(second), notices()]).toEqual([text, []]);
  });

  test('stays, where ZITADEL does not say', async () => {
    const text = textOf(await obtain({ profile: 'introspecting' }));
    fleet.play(() => cut);
    expect(await obtain({ profile: 'introspecting', rejected: text })).toMatchObject({
      value: { source: 'memory', rejected: 'not_checked' },
    });
  });

  test('is dead, by ZITADEL’s word: nobody gets it, whether there is another or not', async () => {
    const { text, token } = good(await obtain({ profile: 'introspecting' }));
    fleet.play(({ endpoint }) => (endpoint === 'introspect' ? answer(200, { active: false }) : answer(418, '')));
    expect(await obtain({ profile: 'introspecting', rejected: text })).toMatchObject({
      error: { kind: 'unexpected_answer', retryAfterMs: 2_000 },
    });
    expect(notices()).toContain(`token ${tokenDigest(redacted(text))} introspecting ${token.expiresAt + 60_000}`);
    expect(sourceOf(await obtain({ profile: 'introspecting' }))).toBe('unexpected_answer');
  });

  test('stays, where there is no other and nobody can tell', async () => {
    const { text } = good(await obtain());
    fleet.play(() => answer(418, ''));
    expect(await obtain({ rejected: text })).toMatchObject({ error: { kind: 'unexpected_answer' } });
    expect(good(await obtain())).toMatchObject({ text, source: 'memory' });
    expect(notices()).toEqual([]);
  });

  test('stays, where there is no time for another', async () => {
    const { text } = good(await obtain());
    expect(await obtain({ rejected: text, leftMs: 1_499 })).toMatchObject({ value: { rejected: 'not_checked' } });
    hold();
    expect(await timed({ rejected: text, leftMs: 2_000 })).toMatchObject([{ error: { kind: 'out_of_time' } }, 1_500]);
    expect(textOf(await obtain())).toBe(text);
    expect(notices()).toEqual([]);
  });

  test('is replaced after a renewal that is under way', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(DUE);
    slow(500);
    expect(textOf(await obtain())).toBe(text);
    const result = await obtain({ rejected: text });
    expect(result).toMatchObject({ value: { rejected: 'replaced' } });
    expect(textOf(result)).not.toBe(text);
    expect(requests()).toBe(2);
  });

  test('is not what takes its place, although a failed renewal that was under way returns it', async () => {
    const { text } = good(await obtain());
    await fleet.clock.advance(DUE);
    fleet.play(async () => {
      await new Promise<void>((resolve) => void fleet.clock.after(200, resolve));
      return answer(418, '');
    });
    const answered = await obtain({ rejected: text, leftMs: 1_650 });
    expect(answered).toMatchObject({ ok: false });
    expect(good(await obtain())).toMatchObject({ text, source: 'memory' });
    expect(notices()).toEqual([]);
  });

  test('with the table away each sandbox counts for itself', async () => {
    const { text } = good(await obtain());
    fleet.table.fault(() => away());
    expect(await obtain({ rejected: text })).toMatchObject({ value: { source: 'issued', rejected: 'replaced' } });
  });
});

describe('a token that is exchanged for that of a subject', () => {
  const shipping = (ask: Ask = {}) => obtain({ profile: 'shipping', ...ask });
  const exchanges = () => fleet.sent.filter(({ form }) => form.has('subject_token'));

  test('comes after the subject’s, and names it', async () => {
    const { token } = good(await shipping());
    const subject = good(await obtain());
    expect(subject.source).toBe('memory');
    expect(exchanges()[0]?.form.get('subject_token')).toBe(subject.text);
    expect(token.madeFrom).toEqual([tokenDigest(redacted(subject.text))]);
    expect([requests(), member.issued.take()]).toEqual([2, 2]);
    const stored = good(await shipping({ by: fleet.start() }));
    expect([stored.source, stored.token.madeFrom]).toEqual(['store', token.madeFrom]);
  });

  test('names all that it comes from', async () => {
    begin({ changes: { third: { secret: 'shipping', subject: 'shipping', scopes: [audience(P)] } } });
    const { token } = good(await obtain({ profile: 'third' }));
    const texts = [await shipping(), await obtain()].map((result) => tokenDigest(redacted(textOf(result))));
    expect(token.madeFrom).toEqual(texts);
    expect(token.madeAt).toEqual([await shipping(), await obtain()].map((result) => good(result).token.obtainedAt));
  });

  test('goes with the subject’s', async () => {
    const { text } = good(await shipping());
    const subject = good(await obtain());
    await member.bulletin.post({
      kind: 'token',
      digest: tokenDigest(redacted(subject.text)),
      profile: 'orders',
      until: plus(START, HOUR),
    });
    const newer = good(await shipping());
    expect([newer.source, newer.text === text]).toEqual(['issued', false]);
    expect(exchanges().at(-1)?.form.get('subject_token')).not.toBe(subject.text);
  });

  const dead = refusal('invalid_request', 'subject_token invalid');
  /** ZITADEL refuses subjects' tokens; `userinfo`: what it says when it is asked whether they are alive. */
  const refuses = (count: number, userinfo = 401) => {
    let refused = 0;
    fleet.play(({ endpoint, form }) => {
      if (endpoint === 'userinfo') return answer(userinfo, {});
      if (!form.has('subject_token') || refused >= count) return undefined;
      refused += 1;
      return dead;
    });
  };

  test('is tried once more with a new one of the subject’s, where ZITADEL refuses that', async () => {
    const subject = textOf(await obtain());
    refuses(1);
    expect(sourceOf(await shipping())).toBe('issued');
    const sent = exchanges().map(({ form }) => form.get('subject_token'));
    expect([sent.length, sent[0], sent[1] === subject]).toEqual([2, subject, false]);
    expect(textOf(await obtain())).toBe(sent[1]);
    expect(notices()).toEqual([expect.stringContaining(tokenDigest(redacted(subject)))]);
  });

  test('and once again, where the stored one is refused as well', async () => {
    refuses(2);
    expect(sourceOf(await shipping())).toBe('issued');
    expect(exchanges()).toHaveLength(3);
    begin();
    refuses(3);
    expect(sourceOf(await shipping())).toBe('credential_refused');
    expect(exchanges()).toHaveLength(3);
  });

  test('is not, where ZITADEL takes the token itself: it is not for this application', async () => {
    refuses(9, 200);
    expect(sourceOf(await shipping())).toBe('credential_refused');
    expect([exchanges().length, requests(), notices()]).toEqual([1, 2, []]);
  });

  test('is not, more than once a minute, where nobody can say', async () => {
    refuses(9, 418);
    const refused = {
      error: {
        kind: 'credential_refused',
        detail: "profile shipping, the subject's token: status 400: invalid_request subject_token invalid",
      },
    };
    expect(await shipping()).toMatchObject(refused);
    expect([exchanges().length, requests()]).toEqual([2, 4]);
    await fleet.clock.advance(30_000);
    expect(await shipping()).toMatchObject(refused);
    expect([exchanges().length, requests()]).toEqual([3, 5]);
  });

  test('waits for the subject’s failure, and no longer', async () => {
    fleet.play(({ form }) => (form.has('subject_token') ? undefined : answer(418, '')));
    expect(await shipping()).toMatchObject({ error: { kind: 'unexpected_answer' } });
    await fleet.clock.advance(1_000);
    expect(sourceOf(await shipping())).toBe('unexpected_answer');
    expect(requests()).toBe(1);
    fleet.play(undefined);
    await fleet.clock.advance(1_000);
    expect(sourceOf(await obtain())).toBe('issued');
    expect(sourceOf(await shipping())).toBe('issued');
  });

  test('is for an audience, or is not asked for', async () => {
    begin({ changes: { shipping: { scopes: [audience(P), 'profile'] } } });
    expect(await shipping({ scopes: ['profile'] })).toMatchObject({
      error: {
        kind: 'credential_unusable',
        detail:
          'profile shipping: its scopes name no audience, so the exchanged token would have every audience of its subject',
      },
    });
    expect(exchanges()).toEqual([]);
  });

  const jwt = (aud: unknown) =>
    `${Buffer.from('{"alg":"x"}').toString('base64url')}.${Buffer.from(JSON.stringify({ aud })).toString('base64url')}.sig`;
  test.each([
    ['for others as well', [P, Q], 'unexpected_answer'],
    ['for those asked for', [P], 'issued'],
  ])('is looked at: %s', async (_name, aud, expected) => {
    fleet.play(({ form }) =>
      form.has('subject_token')
        ? answer(200, { access_token: jwt(aud), token_type: 'Bearer', expires_in: 3_600 })
        : undefined,
    );
    expect(sourceOf(await shipping())).toBe(expected);
  });

  test.each<[name: string, outcome: ReturnType<typeof answer>, error: Partial<BrokerError>]>([
    [
      'its scopes',
      refusal('invalid_scope', 'no'),
      { kind: 'credential_refused', detail: 'profile shipping, its scopes: status 400: invalid_scope no' },
    ],
    [
      'its type',
      refusal('x', 'Errors.TokenExchange.Token.TypeNotSupported'),
      {
        kind: 'credential_refused',
        detail: 'profile shipping: status 400: x Errors.TokenExchange.Token.TypeNotSupported',
      },
    ],
    [
      'the actor',
      refusal('x', 'membership not found'),
      { kind: 'credential_refused', detail: 'profile shipping: status 400: x membership not found' },
    ],
    [
      'the client',
      refusal('invalid_client', 'no'),
      { kind: 'credential_refused', detail: 'profile shipping, secret shipping: status 400: invalid_client no' },
    ],
    ['everything', refusal('server_error', 'no'), { kind: 'unavailable', detail: 'status 400: server_error no' }],
  ])('is refused for %s', async (_name, outcome, error) => {
    fleet.play(({ form }) => (form.has('subject_token') ? outcome : undefined));
    expect(await shipping()).toMatchObject({ ok: false, error });
    // The subject's token is not to blame.
    expect(requests()).toBe(2);
  });

  test('needs a credential that can exchange', async () => {
    fleet.secrets.put('shipping', SECRETS.reports);
    expect(await shipping()).toMatchObject({
      error: {
        kind: 'credential_unusable',
        detail: expect.stringMatching(/^profile shipping, secret shipping: a service-account key cannot exchange/),
      },
    });
    expect([fleet.sent, fleet.table.updates]).toEqual([[], []]);
  });

  test('needs one that can exchange still, where the secret has changed', async () => {
    fleet.play(({ form }) => {
      if (!form.has('subject_token')) return undefined;
      fleet.secrets.put('shipping', SECRETS.reports);
      return refusal('invalid_client', 'no');
    });
    expect(await shipping()).toMatchObject({
      error: { kind: 'credential_unusable', detail: expect.stringMatching(/a service-account key cannot exchange/) },
    });
  });

  describe('and cannot be read', () => {
    const WITH = { changes: { shipping: { introspection: 'api' } } };
    test.each([
      ['is introspected', [P], 'issued'],
      ['is introspected, and is for others as well', [P, Q], 'unexpected_answer'],
    ])('%s', async (_name, aud, expected) => {
      begin(WITH);
      fleet.play(({ endpoint }) => (endpoint === 'introspect' ? answer(200, { active: true, aud }) : undefined));
      expect(sourceOf(await shipping())).toBe(expected);
      expect(fleet.sent.map(({ endpoint }) => endpoint)).toEqual(['token', 'token', 'introspect']);
    });

    test('is believed, where ZITADEL does not say', async () => {
      begin(WITH);
      fleet.play(({ endpoint }) => (endpoint === 'introspect' ? answer(418, '') : undefined));
      expect(sourceOf(await shipping())).toBe('issued');
    });

    test('is introspected as well, where a token of the subject had been refused', async () => {
      begin(WITH);
      refuses(1);
      expect(sourceOf(await shipping())).toBe('issued');
      expect(fleet.sent.map(({ endpoint }) => endpoint)).toEqual([
        'token',
        'token',
        'userinfo',
        'token',
        'token',
        'introspect',
      ]);
    });
  });

  test('that can be read is not introspected', async () => {
    begin({ changes: { shipping: { introspection: 'api' } } });
    fleet.play(({ form }) =>
      form.has('subject_token')
        ? answer(200, { access_token: jwt([P]), token_type: 'Bearer', expires_in: 3_600 })
        : undefined,
    );
    expect(sourceOf(await shipping())).toBe('issued');
    expect(fleet.sent).toHaveLength(2);
  });

  test('has the scope that ZITADEL says', async () => {
    expect(good(await shipping()).token.scope).toBe(audience(P));
    const { token } = good(await obtain());
    expect(['scope' in token, 'madeFrom' in token, 'isIrrevocable' in token]).toEqual([false, false, false]);
  });

  test('is for an audience, although one revokes', async () => {
    const revocation = { secret: 'shipping', callers: [] };
    begin({
      changes: { orders: { revocation }, shipping: { scopes: [audience(P), 'profile'], revocation } },
    });
    expect(sourceOf(await shipping({ scopes: ['profile'] }))).toBe('credential_unusable');
    expect(exchanges()).toEqual([]);
  });
});

describe('a token that can be revoked', () => {
  const revocation = { secret: 'shipping', callers: [] };
  const scopesSent = () => fleet.sent.map(({ form }) => form.get('scope')?.split(' '));

  test('is asked for with the audience of the application that revokes', async () => {
    const { token } = good(await obtain({ profile: 'revocable' }));
    expect(scopesSent()).toEqual([[audience(P), audience(R)]]);
    expect('isIrrevocable' in token).toBe(false);
  });

  test('needs no secret, where the profile has the client id', async () => {
    begin({ changes: { revocable: { revocation: { ...revocation, clientId: 'the-client' } } } });
    await obtain({ profile: 'revocable' });
    expect(scopesSent()).toEqual([[audience(P), audience('the-client')]]);
    expect(fleet.secrets.reads()).toBe(1);
  });

  test('is obtained all the same without the secret, and cannot be revoked', async () => {
    fleet.secrets.put('shipping', '{}');
    const { token } = good(await obtain({ profile: 'revocable' }));
    expect(scopesSent()).toEqual([[audience(P)]]);
    expect(token.isIrrevocable).toBe(true);
    expect(good(await obtain({ profile: 'revocable', by: fleet.start() })).token.isIrrevocable).toBe(true);
  });

  test('is none of one that cannot be', async () => {
    const changes = { orders: { scopes: [audience(P)], revocation }, shipping: { revocation, scopes: [] } };
    begin({ changes });
    const revocable = good(await obtain({ profile: 'shipping' })).token;
    expect(fleet.sent.at(-1)?.form.getAll('audience').sort()).toEqual([P, R].sort());
    expect(revocable.isIrrevocable).toBeUndefined();
    begin({ changes });
    let isFirst = true;
    const { read } = fleet.secrets;
    Object.assign(fleet.secrets, {
      read: (name: string) => {
        if (name !== 'shipping' || !isFirst) return read(name);
        return Promise.resolve({ ok: false, error: { kind: 'refused', detail: 'X' } });
      },
    });
    expect(good(await obtain()).token.isIrrevocable).toBe(true);
    isFirst = false;
    expect(good(await obtain({ profile: 'shipping' })).token.isIrrevocable).toBe(true);
    expect(fleet.sent.at(-1)?.form.getAll('audience')).toEqual([P]);
  });
});
