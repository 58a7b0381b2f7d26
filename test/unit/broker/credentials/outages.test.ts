import { beforeEach, describe, expect, test } from 'vitest';
import type { SecretFault } from '../../../../lib/broker/credentials/credentials.ts';
import {
  COSTS,
  createHealth,
  type Health,
  watchSecrets,
  watchTable,
} from '../../../../lib/broker/credentials/health.ts';
import { createOutages, type Outages } from '../../../../lib/broker/credentials/outages.ts';
import type { Notice } from '../../../../lib/broker/store/notices.ts';
import type { CacheKey } from '../../../../lib/broker/token/demand.ts';
import { fingerprint } from '../../../../lib/core/digest.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok } from '../../../../lib/core/result.ts';
import { type EpochMs, instant, plus } from '../../../../lib/core/time.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { answer, cut, type Outcome } from '../../../support/fleet.ts';

const NOW = instant(1_795_438_700_000);
const ISSUER = 'https://a.example';
const REQUEST = { url: `${ISSUER}/oauth/v2/token`, body: '', secrets: [] };
const OTHER = { ...REQUEST, url: 'https://b.example/oauth/v2/token' };

let clock: FakeClock;
let health: Health;
let outages: Outages;
let posted: Notice[];
let sent: number;
let tookMs: number;
let outcome: Outcome | Promise<Outcome>;
let awayUntil: Map<string, EpochMs>;
let readAt: EpochMs | undefined;
beforeEach(() => {
  clock = createFakeClock(NOW);
  health = createHealth(clock);
  [posted, sent, tookMs, outcome, awayUntil, readAt] = [[], 0, 0, cut, new Map(), undefined];
  outages = createOutages({
    clock,
    random: () => 0,
    health,
    bulletin: {
      awayUntil: (issuer) => awayUntil.get(issuer),
      readAt: () => readAt,
      post: async (notice) => {
        posted.push(notice);
        return ok(undefined);
      },
    },
    send: async () => {
      sent += 1;
      if (tookMs > 0) await clock.advance(tookMs);
      return outcome;
    },
  });
});

const send = (request = REQUEST) => outages.send(request);
const good = answer(200, {});
const notAsked = (retryAfterMs: number, detail = 'unreachable: ECONNRESET') =>
  fail({ kind: 'unreachable', detail: `request not sent: ${detail}`, retryAfterMs });

describe('an issuer that does not answer', () => {
  test('is asked again after the first fast failure; after the second it is left alone, for longer each time', async () => {
    expect([await send(), outages.standing(ISSUER), posted]).toEqual([cut, undefined, []]);
    await send();
    expect(outages.standing(ISSUER)).toMatchObject({ detail: 'unreachable: ECONNRESET', until: plus(NOW, 4_000) });
    await clock.advance(1_000);
    expect([await send(), sent]).toEqual([notAsked(3_000), 2]);
    await clock.advance(3_000);
    expect([await send(), sent]).toEqual([cut, 3]);
    expect(outages.standing(ISSUER)?.until).toBe(plus(clock.now(), 8_000));
  });

  test('says so to the others, in whole seconds', async () => {
    await clock.advance(999);
    await send();
    await send();
    expect(posted).toEqual([{ kind: 'away', issuer: fingerprint(ISSUER), until: NOW + 4_000 }]);
  });

  test.each([
    [-5_001, 1],
    [-5_000, 0],
    [0, 0],
  ])('tells nobody who knows: until %i ms after: %i notices', async (differenceMs, count) => {
    await send();
    awayUntil.set(fingerprint(ISSUER), plus(NOW, 4_000 + differenceMs));
    // What was told counts for nothing once this sandbox has found out itself.
    await send();
    expect([sent, posted.length]).toEqual([2, count]);
  });

  test.each([
    [1_499, false],
    [1_500, true],
  ])('and takes %i ms to fail: it is left alone at once: %s', async (ms, isHeldBack) => {
    tookMs = ms;
    await send();
    expect(outages.standing(ISSUER)?.until).toBe(isHeldBack ? plus(clock.now(), 2_000) : undefined);
  });

  test('and asks for time is left alone at once', async () => {
    outcome = answer(503, '', { 'retry-after': '9' });
    await send();
    expect(outages.standing(ISSUER)).toMatchObject({ detail: 'status 503', until: plus(NOW, 9_000) });
  });

  test('is none of another’s business', async () => {
    await send();
    await send();
    outcome = good;
    expect(await send(OTHER)).toBe(good);
    expect(outages.standing(ISSUER)).toBeDefined();
    expect(outages.standing('https://b.example')).toBeUndefined();
  });

  test('is well again with the first answer', async () => {
    await send();
    await send();
    await clock.advance(4_000);
    outcome = answer(400, { error: 'invalid_client' });
    await send();
    expect([outages.standing(ISSUER), health.degraded(ISSUER)]).toEqual([undefined, []]);
    outcome = cut;
    await send();
    expect(outages.standing(ISSUER)).toBeUndefined();
  });

  test.each([
    [14_000, 1],
    [14_001, 0],
  ])('is forgotten %i ms after it was last heard of: held back after another failure: %i', async (ms, isHeldBack) => {
    await send();
    await send();
    await clock.advance(ms);
    await send();
    expect(outages.standing(ISSUER) === undefined ? 0 : 1).toBe(isHeldBack);
  });

  test('is asked by one at a time whether it is back', async () => {
    await send();
    await send();
    await clock.advance(4_000);
    let release = (_outcome: Outcome) => {};
    outcome = new Promise((resolve) => {
      release = resolve;
    });
    const probe = send();
    await clock.advance(500);
    expect(outages.standing(ISSUER)).toEqual({ detail: 'unreachable: ECONNRESET', until: plus(clock.now(), 1_000) });
    expect([await send(), sent]).toEqual([notAsked(1_000), 3]);
    release(good);
    await probe;
    expect(outages.standing(ISSUER)).toBeUndefined();
  });

  test('is asked again, where the one that asked has met a bug', async () => {
    await send();
    await send();
    await clock.advance(4_000);
    outcome = Promise.reject(new TypeError('bug'));
    await expect(send()).rejects.toThrow('bug');
    outcome = good;
    expect(await send()).toBe(good);
  });

  test('requests that were under way together have found one outage', async () => {
    const gates: ((outcome: Outcome) => void)[] = [];
    const begin = () => {
      outcome = new Promise((resolve) => gates.push(resolve));
      return send();
    };
    const asked = [begin(), begin(), begin()];
    await clock.advance(10);
    for (const release of gates) release(cut);
    await Promise.all(asked);
    expect([outages.standing(ISSUER), posted]).toEqual([undefined, []]);
    outcome = cut;
    await send();
    expect(outages.standing(ISSUER)?.until).toBe(plus(clock.now(), 4_000));
  });

  test('a sandbox that stood still has found nothing', async () => {
    tookMs = 3_501;
    expect(await send()).toBe(cut);
    expect([outages.standing(ISSUER), health.degraded(ISSUER)]).toEqual([undefined, []]);
    tookMs = 3_500;
    await send();
    expect(outages.standing(ISSUER)).toBeDefined();
  });

  test('a sandbox that stood still knows an answer all the same', async () => {
    await send();
    await send();
    await clock.advance(4_000);
    tookMs = 3_501;
    outcome = good;
    await send();
    expect(outages.standing(ISSUER)).toBeUndefined();
  });

  test('is said to be away in what is logged', async () => {
    await send();
    expect(health.degraded(ISSUER)).toEqual([{ what: 'zitadel', since: NOW, detail: 'unreachable: ECONNRESET' }]);
    expect(health.degraded('https://b.example')).toEqual([]);
  });
});

describe('what another sandbox has found', () => {
  const told = (ms: number) => {
    readAt ??= NOW;
    awayUntil.set(fingerprint(ISSUER), plus(clock.now(), ms));
  };

  test('holds requests back', async () => {
    told(5_000);
    expect([await send(), sent]).toEqual([notAsked(5_000, 'another sandbox got no answer'), 0]);
    await clock.advance(4_999);
    expect(outages.standing(ISSUER)).toEqual({ detail: 'another sandbox got no answer', until: plus(NOW, 5_000) });
    await clock.advance(1);
    expect(outages.standing(ISSUER)).toBeUndefined();
  });

  test.each([
    [31_000, true],
    [31_001, false],
  ])('until %i ms from now: %s', (ms, isHeldBack) => {
    told(ms);
    expect(outages.standing(ISSUER) !== undefined).toBe(isHeldBack);
  });

  test('counts for nothing, where the issuer has answered here since it was read', async () => {
    outcome = good;
    readAt = plus(NOW, 10);
    await clock.advance(9);
    await send();
    told(5_000);
    expect(outages.standing(ISSUER)).toBeDefined();
    awayUntil.clear();
    await clock.advance(1);
    await send();
    told(5_000);
    expect(outages.standing(ISSUER)).toBeUndefined();
  });

  test('counts for nothing, where this sandbox knows of an outage itself', async () => {
    await send();
    told(5_000);
    expect(outages.standing(ISSUER)).toBeUndefined();
  });
});

describe('how things stand', () => {
  test('all is well at first', () => expect(health.degraded(ISSUER)).toEqual([]));

  test('since when something is away, until it is well', async () => {
    health.report('table', 'X');
    await clock.advance(5_000);
    health.report('table', 'Y');
    expect(health.degraded()).toEqual([{ what: 'table', since: NOW, detail: 'Y' }]);
    health.report('secrets', 'Z');
    expect(health.degraded().map(({ what }) => what)).toEqual(['table', 'secrets']);
    health.report('table', undefined);
    expect(health.degraded()).toEqual([{ what: 'secrets', since: plus(NOW, 5_000), detail: 'Z' }]);
  });

  test('a write that failed counts for a minute; of one thing one part is named', async () => {
    health.report('table', 'X', 'writes');
    health.report('table', 'Y', 'reads');
    expect(health.degraded()).toEqual([{ what: 'table', since: NOW, detail: 'X' }]);
    await clock.advance(59_999);
    expect(health.degraded()[0]?.detail).toBe('X');
    await clock.advance(1);
    expect(health.degraded()[0]?.detail).toBe('Y');
    health.report('table', undefined, 'reads');
    expect(health.degraded()).toEqual([]);
  });

  test('what each costs is said', () => {
    expect(Object.keys(COSTS)).toEqual(['table', 'secrets', 'zitadel']);
    for (const cost of Object.values(COSTS)) expect(cost).toMatch(/\w+ \w+/);
  });

  test('reads and writes of the table are noted apart', async () => {
    const key = 'key' as CacheKey;
    const fault = fail({ kind: 'unavailable', detail: 'X' } as const);
    let isAway = true;
    const table = watchTable(
      {
        aheadMs: () => 0,
        read: async () => (isAway ? fault : ok({})),
        update: async () => (isAway ? fault : ok('refused')),
      },
      health,
    );
    const update = () => table.update(key, { set: {}, remove: [], condition: { kind: 'always' } });
    expect(await table.read(key)).toBe(fault);
    expect(health.degraded()).toMatchObject([{ what: 'table', detail: 'X' }]);
    await clock.advance(60_000);
    expect(health.degraded()).toHaveLength(1);
    isAway = false;
    expect(await table.read(key)).toEqual(ok({}));
    expect(health.degraded()).toEqual([]);
    isAway = true;
    expect(await update()).toBe(fault);
    isAway = false;
    await table.read(key);
    expect(health.degraded()).toHaveLength(1);
    expect(await update()).toEqual(ok('refused'));
    expect(health.degraded()).toEqual([]);
  });

  test.each<[fault: SecretFault | undefined, count: number]>([
    [undefined, 0],
    [{ kind: 'refused', detail: 'X' }, 0],
    [{ kind: 'away', detail: 'X' }, 1],
  ])('a read of a secret that comes to %j', async (fault, count) => {
    const secrets = watchSecrets({ read: async () => (fault === undefined ? ok(redacted('s')) : fail(fault)) }, health);
    expect((await secrets.read('s')).ok).toBe(fault === undefined);
    expect(health.degraded()).toHaveLength(count);
  });
});
