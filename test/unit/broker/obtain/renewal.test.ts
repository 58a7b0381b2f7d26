import { beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MS } from '../../../../lib/broker/store/lease.ts';
import type { Row } from '../../../../lib/broker/store/table.ts';
import { cacheKey } from '../../../../lib/broker/token/demand.ts';
import { plus } from '../../../../lib/core/time.ts';
import { ISSUER, type Member, rowOf } from '../../../support/fleet.ts';
import { begin, fleet, member } from '../../../support/one-sandbox.ts';

beforeEach(() => begin());

const demand = (name: string) => ({ profile: fleet.profile(name), scopes: fleet.profile(name).scopes });
const obtain = (by: Member = member, name = 'orders') =>
  by.tokens.obtain(demand(name), plus(fleet.clock.now(), 15_000));
const row = () => rowOf(fleet, fleet.profile('orders'));
const requests = () => fleet.sent.filter(({ endpoint }) => endpoint === 'token').length;

/** A door that things wait at until it is opened. */
function createDoor() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Has the writes that store a token on their way until the door is opened; `isLost`: none arrives. */
function holdStores({ isLost = false } = {}) {
  const door = createDoor();
  const { update } = fleet.table;
  Object.assign(fleet.table, {
    update: async (...[key, change, onSent]: Parameters<typeof update>) => {
      if (change.set.sealed === undefined) return update(key, change, onSent);
      onSent?.();
      await door.opened;
      return isLost ? { ok: false, error: { kind: 'unknown', detail: 'TimeoutError' } } : update(key, change);
    },
  });
  return door.open;
}

describe('a token that was issued', () => {
  test('is handed out as soon as the write that stores it is on its way; other sandboxes wait for that', async () => {
    const open = holdStores();
    expect(await fleet.run(obtain())).toMatchObject({ value: { source: 'issued' } });
    const other = obtain(fleet.start());
    await fleet.clock.advance(1_000);
    expect([row()?.sealed, requests()]).toEqual([undefined, 1]);
    open();
    expect(await fleet.run(other)).toMatchObject({ value: { source: 'store' } });
    expect(requests()).toBe(1);
  });

  test('and whose write is lost costs the others the rest of the lease, and one more request', async () => {
    holdStores({ isLost: true })();
    await fleet.run(obtain());
    const [other, tookMs] = await fleet.time(obtain(fleet.start()));
    expect(other).toMatchObject({ value: { source: 'issued' } });
    expect(tookMs).toBeGreaterThan(LEASE_MS);
    expect(requests()).toBe(2);
  });

  test('is renewed ahead only once it is stored', async () => {
    const open = holdStores();
    let isOver = false;
    const renewed = member.tokens.renew(demand('orders'), plus(fleet.clock.now(), 15_000), 0).finally(() => {
      isOver = true;
    });
    await fleet.clock.advance(1_000);
    expect([isOver, requests()]).toEqual([false, 1]);
    open();
    expect(await fleet.run(renewed)).toMatchObject({ ok: true });
    begin();
    holdStores({ isLost: true })();
    const lost = member.tokens.renew(demand('orders'), plus(fleet.clock.now(), 15_000), 0);
    expect(await fleet.run(lost)).toMatchObject({ error: { kind: 'unavailable', dependency: 'dynamodb' } });
  });
});

describe('while the secret is being read', () => {
  const key = () => cacheKey(demand('orders'));
  const writes = () => fleet.table.updates.filter((update) => update.key === key()).length;
  /** Has the next readings of secrets take until the door is opened. */
  function holdSecrets() {
    const door = createDoor();
    const { read } = fleet.secrets;
    Object.assign(fleet.secrets, {
      read: async (name: string) => {
        await door.opened;
        return read(name);
      },
    });
    return door.open;
  }

  test('the lease of a row without a token is acquired, and a connection to its issuer opened', async () => {
    const opened: string[] = [];
    Object.assign(fleet.send, { connect: (url: string) => opened.push(url) });
    const open = holdSecrets();
    const obtained = obtain(fleet.start());
    await fleet.clock.advance(0);
    expect([row()?.owner !== undefined, writes(), requests(), opened]).toEqual([true, 1, 0, [ISSUER]]);
    open();
    expect(await fleet.run(obtained)).toMatchObject({ value: { source: 'issued' } });
    expect([writes(), requests()]).toEqual([2, 1]);
  });

  test('and cannot be, the lease is given back at once', async () => {
    fleet.secrets.fault({ kind: 'refused', detail: 'X' });
    const open = holdSecrets();
    const obtained = obtain();
    await fleet.clock.advance(0);
    expect(row()?.owner).toBeDefined();
    open();
    expect(await fleet.run(obtained)).toMatchObject({ error: { kind: 'credential_unusable' } });
    expect(row()?.owner).toBeUndefined();
  });

  test('for longer than the lease allows, a new one is acquired', async () => {
    const open = holdSecrets();
    const obtained = obtain();
    await fleet.clock.advance(2_000);
    open();
    expect(await fleet.run(obtained)).toMatchObject({ value: { source: 'issued' } });
    expect(requests()).toBe(1);
  });

  test('two sandboxes obtain one token', async () => {
    const open = holdSecrets();
    const both = [obtain(), obtain(fleet.start())];
    await fleet.clock.advance(0);
    open();
    const [one, other] = await fleet.run(Promise.all(both));
    expect([one, other].map((result) => result?.ok && result.value.source).sort()).toEqual(['issued', 'store']);
    expect(requests()).toBe(1);
  });

  test.each<[string, () => Row, string?]>([
    ['has a token', () => ({ sealed: 'x', expiresAt: plus(fleet.clock.now(), 1) })],
    ['has a token without an end', () => ({ sealed: 'x' })],
    ['is leased', () => ({ owner: 'x', leaseUntil: plus(fleet.clock.now(), 1_000) })],
    ['has a failure', () => ({ failure: 'unavailable', failures: 1, failedUntil: plus(fleet.clock.now(), 1_000) })],
    ['is malformed', () => ({ malformed: true })],
    ['is for a token that another is exchanged for', () => ({}), 'shipping'],
  ])('the lease of a row is left alone that %s', async (_name, make, name) => {
    fleet.table.rows.set(cacheKey(demand(name ?? 'orders')), make());
    holdSecrets();
    void obtain(member, name);
    await fleet.clock.advance(0);
    expect(fleet.table.updates).toEqual([]);
  });

  test.each<[string, () => Row]>([
    ['a token that is over', () => ({ sealed: 'x', expiresAt: fleet.clock.now() })],
    ['a lease that is over', () => ({ owner: 'x', leaseUntil: plus(fleet.clock.now(), -10_000) })],
    ['a failure that is over', () => ({ failure: 'unavailable', failures: 1, failedUntil: fleet.clock.now() })],
  ])('the lease of a row is acquired that has %s', async (_name, make) => {
    fleet.table.rows.set(key(), make());
    holdSecrets();
    void obtain();
    await fleet.clock.advance(0);
    expect(writes()).toBe(1);
  });
});
