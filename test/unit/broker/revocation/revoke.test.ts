import { beforeEach, describe, expect, test } from 'vitest';
import { type Redacted, redacted } from '../../../../lib/core/redacted.ts';
import { tokenDigest } from '../../../../lib/zitadel/token-identity.ts';
import { accounts, answer, audience, cut, P, refusal, SECRETS } from '../../../support/fleet.ts';
import { begin, fleet, member, notices, obtainOwn } from '../../../support/one-sandbox.ts';

beforeEach(() => begin());

const R = accounts.oidcSecret.clientId;
const DAY = 86_400_000;

const revoke = (token: Redacted<string>, profile = 'revocable', by = member) =>
  fleet.run(by.revoke(fleet.profile(profile), token));
const own = (profile = 'revocable', by = member) => obtainOwn(profile, by);
const isDead = (token: Redacted<string>) => fleet.zitadel.sessions.find(token.reveal())?.isEnded;
const issue = async () => redacted(await fleet.issue([audience(P), audience(R)]));
const success = { ok: true, value: undefined };

describe('a token of the profile', () => {
  test('is dead at ZITADEL, and every sandbox hears of it until a minute after its end', async () => {
    const { accessToken, expiresAt } = await own();
    expect(await revoke(accessToken)).toEqual(success);
    expect(isDead(accessToken)).toBe(true);
    expect(notices()).toEqual([`token ${tokenDigest(accessToken)} revocable ${expiresAt + 60_000}`]);
    expect((await own()).accessToken.reveal()).not.toBe(accessToken.reveal());
  });

  test('takes what was exchanged for it along', async () => {
    const revocation = { secret: 'shipping', callers: [] };
    begin({ changes: { shipping: { subject: 'revocable', revocation } } });
    const subject = await own();
    const copy = await own('shipping');
    expect(copy.madeFrom).toEqual([tokenDigest(subject.accessToken)]);
    expect((await own('shipping')).accessToken).toBe(copy.accessToken);
    await revoke(subject.accessToken);
    const newer = await own('shipping');
    expect(newer.accessToken.reveal()).not.toBe(copy.accessToken.reveal());
    expect(newer.madeFrom).not.toEqual(copy.madeFrom);
    // Not from the table either.
    expect((await own('shipping', fleet.start())).accessToken.reveal()).toBe(newer.accessToken.reveal());
  });

  test('may be one that the broker does not hold: the notice stands until a minute after its end', async () => {
    const token = await issue();
    expect(await revoke(token)).toEqual(success);
    expect(notices()).toEqual([`token ${tokenDigest(token)} revocable ${fleet.clock.now() + DAY / 2 + 60_000}`]);
  });

  test('may be one whose end ZITADEL does not tell: the notice stands for as long as any token lives', async () => {
    const token = await issue();
    fleet.play(({ endpoint }) =>
      endpoint === 'introspect' ? answer(200, { active: true, client_id: accounts.saSecret.clientId }) : undefined,
    );
    expect(await revoke(token)).toEqual(success);
    expect(notices()).toEqual([`token ${tokenDigest(token)} revocable ${fleet.clock.now() + 30 * DAY + 60_000}`]);
    await fleet.clock.advance(29 * DAY);
    const other = fleet.start();
    await other.bulletin.look(1_000);
    expect(other.bulletin.isKnownDead(token)).toBe(true);
  });

  test('may be dead already: whoever holds it hears of it', async () => {
    const { accessToken } = await own();
    Object.assign(fleet.zitadel.sessions.find(accessToken.reveal()) ?? {}, { isEnded: true });
    expect(await revoke(accessToken)).toEqual(success);
    expect(notices()).toHaveLength(1);
  });

  test('the notice names the profile that holds it', async () => {
    begin({
      changes: { twin: { secret: 'orders', scopes: [audience(P)], revocation: { secret: 'shipping', callers: [] } } },
    });
    const { accessToken } = await own('twin');
    expect(await revoke(accessToken)).toEqual(success);
    expect(notices()).toEqual([expect.stringContaining(' twin ')]);
  });
});

test('a made-up token leaves nothing behind', async () => {
  expect(await revoke(redacted('garbage'))).toEqual(success);
  expect([notices(), fleet.table.updates]).toEqual([[], []]);
});

describe('a token of another account', () => {
  const foreign = {
    ok: false,
    error: {
      kind: 'unsupported_token_type',
      detail: expect.stringMatching(/^this profile cannot revoke this token: .* since it has revocation$/),
    },
  };

  test.each([
    ['another login name', { client_id: 'somebody' }],
    ['no login name', { sub: accounts.saSecret.userId }],
  ])('is not revoked: %s', async (_name, claims) => {
    const token = await issue();
    fleet.play(({ endpoint }) => (endpoint === 'introspect' ? answer(200, { active: true, ...claims }) : undefined));
    expect(await revoke(token)).toEqual(foreign);
    expect(fleet.sent.map(({ endpoint }) => endpoint)).toEqual(['introspect']);
  });

  test('a login name counts in any letter case', async () => {
    const token = await issue();
    const client_id = accounts.saSecret.clientId.toUpperCase();
    fleet.play(({ endpoint }) => (endpoint === 'introspect' ? answer(200, { active: true, client_id }) : undefined));
    expect(await revoke(token)).toEqual(success);
  });

  test.each([
    ['the account', { sub: accounts.saKey.key.userId }, success],
    ['another account', { sub: accounts.saSecret.userId, client_id: accounts.saKey.key.userId }, foreign],
  ])('an account with a key is known by its user id: %s', async (_name, claims, expected) => {
    begin({ changes: { revocable: { secret: 'reports' } } });
    const token = await issue();
    fleet.play(({ endpoint }) => (endpoint === 'introspect' ? answer(200, { active: true, ...claims }) : undefined));
    expect(await revoke(token)).toEqual(expected);
  });

  test('is one that ZITADEL does not revoke for this application', async () => {
    const token = redacted(await fleet.issue([audience(P)]));
    expect(await revoke(token)).toEqual(foreign);
    expect([isDead(token), notices()]).toEqual([false, []]);
  });
});

describe('without ZITADEL’s word there is no success', () => {
  const at = (name: string, outcome: ReturnType<typeof answer>) =>
    fleet.play(({ endpoint }) => (endpoint === name ? outcome : undefined));

  test.each([
    ['introspect', cut, { kind: 'unavailable', detail: 'unreachable: ECONNRESET' }],
    ['revoke', cut, { kind: 'unavailable', detail: 'unreachable: ECONNRESET' }],
    ['revoke', answer(418, 'tea'), { kind: 'unexpected_answer', detail: 'status 418' }],
    [
      'revoke',
      refusal('invalid_client', 'no'),
      {
        kind: 'credential_refused',
        detail: 'revocation of profile revocable, secret shipping: status 400: invalid_client no',
      },
    ],
  ])('%s: %j', async (endpoint, outcome, error) => {
    const { accessToken } = await own();
    at(endpoint, outcome);
    expect(await revoke(accessToken)).toMatchObject({ ok: false, error });
    expect(notices()).toEqual([]);
  });

  test('nor where the table does not take the notice', async () => {
    const { accessToken } = await own();
    fleet.table.fault((way) => (way === 'update' ? { kind: 'unavailable', detail: 'X' } : undefined));
    expect(await revoke(accessToken)).toEqual({
      ok: false,
      error: {
        kind: 'unavailable',
        dependency: 'dynamodb',
        detail: 'revoked, but the other sandboxes could not be notified: X',
        retryAfterMs: 1_000,
      },
    });
    expect(isDead(accessToken)).toBe(true);
  });

  test('with the table away, a token that is alive is revoked all the same', async () => {
    const token = await issue();
    fleet.table.fault((way) => (way === 'read' ? { kind: 'unavailable', detail: 'X' } : undefined));
    expect(await revoke(token)).toEqual(success);
    expect(notices()).toHaveLength(1);
  });

  test.each([
    ['own', 'orders', { kind: 'credential_unusable', detail: 'secret orders: clientSecret is missing' }],
    ['application’s', 'shipping', { kind: 'credential_unusable', detail: 'secret shipping: clientSecret is missing' }],
  ])('nor without the %s secret', async (_name, secret, error) => {
    const token = await issue();
    fleet.secrets.put(secret, '{"clientId":"x"}');
    expect(await revoke(token)).toMatchObject({ ok: false, error });
    expect(isDead(token)).toBe(false);
  });

  test('a changed secret of the application is tried at once', async () => {
    const token = await issue();
    fleet.secrets.put('shipping', JSON.stringify({ clientId: R, clientSecret: 'wrong' }));
    fleet.play(({ endpoint }) => {
      if (endpoint !== 'revoke') return answer(200, { active: true, client_id: accounts.saSecret.clientId });
      fleet.secrets.put('shipping', SECRETS.shipping);
      return undefined;
    });
    expect(await revoke(token)).toEqual(success);
    expect(isDead(token)).toBe(true);
  });
});

test('a profile without revocation does not revoke', async () => {
  expect(await revoke(redacted('t'), 'orders')).toEqual({
    ok: false,
    error: { kind: 'unsupported_token_type', detail: 'this profile does not revoke tokens' },
  });
  expect(fleet.sent).toEqual([]);
});
