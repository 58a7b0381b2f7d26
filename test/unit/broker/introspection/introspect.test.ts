import { beforeEach, describe, expect, test } from 'vitest';
import type { Introspected } from '../../../../lib/broker/introspection/introspect.ts';
import { MOST_INTROSPECTIONS } from '../../../../lib/broker/introspection/introspect.ts';
import { BULLETIN_KEY } from '../../../../lib/broker/store/bulletin.ts';
import type { BrokerError } from '../../../../lib/core/error.ts';
import { type Redacted, redacted } from '../../../../lib/core/redacted.ts';
import type { Result } from '../../../../lib/core/result.ts';
import { tokenDigest } from '../../../../lib/zitadel/token-identity.ts';
import { accounts, answer, audience, cut, P, Q, refusal, SECRETS } from '../../../support/fleet.ts';
import { begin, fleet, member, notices, obtainOwn } from '../../../support/one-sandbox.ts';

beforeEach(() => begin());

const CACHING = { changes: { introspecting: { introspectionCacheSeconds: 30 } } };

const introspect = (token: Redacted<string>, profile = 'introspecting', by = member) =>
  fleet.run(by.introspect(fleet.profile(profile), token));

const isActive = (result: Result<Introspected, BrokerError>) =>
  result.ok ? result.value.introspection.isActive : result.error.kind;

const issue = async (scopes = [audience(P)]) => redacted(await fleet.issue(scopes));
const own = async (profile = 'introspecting') => (await obtainOwn(profile)).accessToken;
const end = (token: Redacted<string>) =>
  Object.assign(fleet.zitadel.sessions.find(token.reveal()) ?? {}, { isEnded: true });
const endpoints = () => fleet.sent.map(({ endpoint }) => endpoint);

describe('a token', () => {
  test('is active, with all that ZITADEL says', async () => {
    const result = await introspect(await issue());
    expect(result).toMatchObject({
      ok: true,
      value: { source: 'zitadel', introspection: { isActive: true, audience: [P], subject: accounts.saSecret.userId } },
    });
    expect(fleet.sent[0]?.authorization).toMatch(/^Basic /);
  });

  test.each([
    ['a made-up one', async () => redacted('garbage')],
    ['one for others', () => issue([audience(Q)])],
  ])('%s is inactive, and costs one request', async (_name, make) => {
    expect(isActive(await introspect(await make()))).toBe(false);
    expect([endpoints(), notices()]).toEqual([['introspect'], []]);
  });

  test('is not introspected by a profile without introspection', async () => {
    expect(await introspect(redacted('t'), 'orders')).toEqual({
      ok: false,
      error: { kind: 'invalid_request', detail: 'this profile does not introspect' },
    });
  });
});

describe('an active answer is kept', () => {
  test('for as long as the profile says, from one sandbox', async () => {
    begin(CACHING);
    const token = await issue();
    const first = await introspect(token);
    await fleet.clock.advance(29_999);
    const second = await introspect(token);
    expect(second).toEqual({ ok: true, value: { ...(first.ok ? first.value : {}), source: 'memory' } });
    expect(fleet.sent).toHaveLength(1);
    expect(isActive(await introspect(token, 'introspecting', fleet.start()))).toBe(true);
    expect(fleet.sent).toHaveLength(2);
    await fleet.clock.advance(1);
    await introspect(token);
    expect(fleet.sent).toHaveLength(3);
  });

  test('not at all by default', async () => {
    const token = await issue();
    for (const _time of [1, 2]) expect(await introspect(token)).toMatchObject({ value: { source: 'zitadel' } });
  });

  test('no longer than the token lives', async () => {
    begin({ ...CACHING, tokenLifetimeSeconds: 20 });
    const token = await issue();
    await introspect(token);
    await fleet.clock.advance(19_999);
    expect(await introspect(token)).toMatchObject({ value: { source: 'memory' } });
    await fleet.clock.advance(1);
    expect(isActive(await introspect(token))).toBe(false);
  });

  test('not where the answer does not say how long it lives', async () => {
    begin(CACHING);
    fleet.play(() => answer(200, { active: true }));
    for (const _time of [1, 2]) expect(await introspect(redacted('t'))).toMatchObject({ value: { source: 'zitadel' } });
  });

  test('for one profile alone: another application may be told something else', async () => {
    begin({
      changes: {
        ...CACHING.changes,
        other: { secret: 'orders', introspection: 'shipping', introspectionCacheSeconds: 30, scopes: [audience(P)] },
      },
    });
    const token = await issue();
    await introspect(token);
    expect(await introspect(token, 'other')).toMatchObject({ value: { source: 'zitadel' } });
    expect(new Set(fleet.sent.map(({ authorization }) => authorization)).size).toBe(2);
  });

  test('for one token alone, in whatever spelling', async () => {
    begin(CACHING);
    const token = await issue();
    await introspect(token);
    expect(await introspect(redacted(` ${token.reveal()}\n`))).toMatchObject({ value: { source: 'memory' } });
    expect(await introspect(await issue())).toMatchObject({ value: { source: 'zitadel' } });
  });

  test.each([
    ['the token', (token: Redacted<string>) => `token ${tokenDigest(token)} other ${fleet.clock.now() + 60_000}`],
    ['all of the profile', () => `before introspecting ${fleet.clock.now() + 1}`],
  ])('until a notice voids %s', async (_name, notice) => {
    begin(CACHING);
    const token = await issue();
    await introspect(token);
    fleet.table.rows.set(BULLETIN_KEY, { notices: [notice(token)] });
    await member.bulletin.look(1_000);
    await fleet.clock.advance(1);
    expect(await introspect(token)).toMatchObject({ value: { source: 'zitadel' } });
  });

  test('an inactive one is not', async () => {
    begin(CACHING);
    for (const _time of [1, 2])
      expect(await introspect(redacted('garbage'))).toMatchObject({ value: { source: 'zitadel' } });
  });
});

describe('an inactive answer may be a fault of ZITADEL’s', () => {
  /** Says "inactive" for the first `count` introspections. */
  const lie = (count: number) => {
    let lies = 0;
    fleet.play(({ endpoint }) => {
      if (endpoint !== 'introspect' || lies >= count) return undefined;
      lies += 1;
      return answer(200, { active: false });
    });
  };

  test('a token that was active in the last minute gets a second look', async () => {
    const token = await issue();
    await introspect(token);
    lie(1);
    await fleet.clock.advance(59_999);
    expect(isActive(await introspect(token))).toBe(true);
    expect(fleet.sent).toHaveLength(3);
  });

  test('an older one does not', async () => {
    const token = await issue();
    await introspect(token);
    lie(1);
    await fleet.clock.advance(60_000);
    expect(isActive(await introspect(token))).toBe(false);
    expect(fleet.sent).toHaveLength(2);
  });

  test('a token of the broker’s own gets one, however long nobody has asked', async () => {
    const token = await own();
    lie(1);
    expect(isActive(await introspect(token))).toBe(true);
    expect(endpoints()).toEqual(['token', 'introspect', 'introspect']);
  });

  test('the second look may fail', async () => {
    const token = await own();
    let asked = 0;
    fleet.play(() => {
      asked += 1;
      return asked === 1 ? answer(200, { active: false }) : cut;
    });
    expect(isActive(await introspect(token))).toBe('unavailable');
  });
});

describe('a token of the broker’s own that is inactive twice', () => {
  test('is dead, if ZITADEL says so itself: all sandboxes hear of it, and it is not asked about so again', async () => {
    const token = await own();
    const { expiresAt = 0 } = fleet.zitadel.sessions.find(token.reveal()) ?? {};
    end(token);
    expect(isActive(await introspect(token))).toBe(false);
    expect(endpoints()).toEqual(['token', 'introspect', 'introspect', 'userinfo']);
    const until = expiresAt * 1_000 - 1_000 + 60_000;
    expect(notices()).toEqual([`token ${tokenDigest(token)} introspecting ${until}`]);
    expect(isActive(await introspect(token))).toBe(false);
    expect(endpoints().slice(4)).toEqual(['introspect']);
    const other = fleet.start();
    await other.bulletin.look(1_000);
    expect(other.bulletin.isKnownDead(token)).toBe(true);
  });

  test('is alive, if the application cannot see it: nobody hears of it, and it is asked about so a minute later', async () => {
    begin({ changes: { unseen: { secret: 'orders', scopes: [audience(Q)], introspection: 'api' } } });
    const token = await own('unseen');
    const ask = () => introspect(token, 'unseen');
    expect(isActive(await ask())).toBe(false);
    expect(endpoints()).toEqual(['token', 'introspect', 'introspect', 'userinfo']);
    expect(notices()).toEqual([]);
    await fleet.clock.advance(59_999);
    await ask();
    expect(endpoints().slice(4)).toEqual(['introspect']);
    await fleet.clock.advance(1);
    await ask();
    expect(endpoints().slice(5)).toEqual(['introspect', 'introspect', 'userinfo']);
  });

  test('is nobody knows what, if ZITADEL does not say', async () => {
    const token = await own();
    end(token);
    fleet.play(({ endpoint }) => (endpoint === 'userinfo' ? cut : undefined));
    expect(isActive(await introspect(token))).toBe(false);
    expect(notices()).toEqual([]);
  });

  test('is inactive, where nobody knows whose it is', async () => {
    const token = await own();
    end(token);
    fleet.table.fault((way) => (way === 'read' ? { kind: 'unavailable', detail: 'X' } : undefined));
    expect(isActive(await introspect(token))).toBe(false);
    expect(endpoints()).toEqual(['token', 'introspect']);
  });
});

describe('what is no answer is an error', () => {
  test.each<[name: string, answered: ReturnType<typeof answer>, error: Partial<BrokerError>]>([
    ['nothing', cut, { kind: 'unavailable', detail: 'unreachable: ECONNRESET' }],
    [
      'nonsense',
      answer(200, {}),
      { kind: 'unexpected_answer', detail: 'status 200: the body is not an introspection response' },
    ],
    [
      'a refusal of the application',
      refusal('unauthorized_client', 'no'),
      { kind: 'credential_refused', detail: 'introspection, secret apiSecret: status 400: unauthorized_client no' },
    ],
  ])('%s', async (_name, answered, error) => {
    fleet.play(() => answered);
    expect(await introspect(redacted('t'))).toMatchObject({ ok: false, error });
  });

  test('a service-account key cannot introspect', async () => {
    begin({ changes: { introspecting: { introspection: 'reports' } } });
    expect(await introspect(redacted('t'))).toEqual({
      ok: false,
      error: {
        kind: 'credential_unusable',
        detail: "secret reports: a service-account key cannot introspect or revoke; use an application's credential",
      },
    });
  });

  test('without the secret nothing is sent', async () => {
    fleet.secrets.fault({ kind: 'refused', detail: 'X' });
    expect(await introspect(redacted('t'))).toMatchObject({ error: { kind: 'credential_unusable' } });
    expect(fleet.sent).toEqual([]);
  });

  test('a changed secret is tried at once', async () => {
    fleet.secrets.put('apiSecret', JSON.stringify({ clientId: accounts.apiSecret.clientId, clientSecret: 'wrong' }));
    const token = await issue();
    fleet.play(() => {
      fleet.secrets.put('apiSecret', SECRETS.apiSecret);
      return undefined;
    });
    expect(isActive(await introspect(token))).toBe(true);
    expect(fleet.sent).toHaveLength(2);
  });
});

test('50 at once are asked about; more are turned away, and the others are not held up for ever', async () => {
  expect(MOST_INTROSPECTIONS).toBe(50);
  let release = () => {};
  const gate = new Promise<undefined>((resolve) => {
    release = () => resolve(undefined);
  });
  fleet.play(() => gate);
  const asked = Array.from({ length: 50 }, (_, index) =>
    member.introspect(fleet.profile('introspecting'), redacted(`t${index}`)),
  );
  expect(await introspect(redacted('more'))).toEqual({
    ok: false,
    error: {
      kind: 'unavailable',
      dependency: 'zitadel',
      detail: '50 introspections are under way',
      retryAfterMs: 1_000,
    },
  });
  release();
  const results = await fleet.run(Promise.all(asked));
  expect(results.map(isActive)).toEqual(Array(50).fill(false));
  expect(isActive(await introspect(redacted('more')))).toBe(false);
  fleet.play(() => {
    throw new TypeError('bug');
  });
  for (let time = 0; time < 60; time += 1) await expect(introspect(redacted('x'))).rejects.toThrow('bug');
});
