import { afterEach, describe, expect, test } from 'vitest';
import { stranger } from '../support/principals.ts';
import { accounts, createRig, PROJECT_AUDIENCE, type Rig, type RigOptions } from '../support/rig.ts';

let rig: Rig;
const start = async (options?: RigOptions) => {
  rig = await createRig(options);
};
afterEach(() => rig.close());

const GRANT = 'grant_type=client_credentials';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const encode = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString();

const tokenOf = async (profile: string, form = GRANT) =>
  String((await rig.pass(rig.ask({ profile, form }))).json.access_token);
const introspect = async (token: string, profile = 'introspecting') =>
  (await rig.pass(rig.ask({ profile, endpoint: 'introspect', form: encode({ token }) }))).json.active;
const revoke = (token: string, profile = 'revocable') =>
  rig.pass(rig.ask({ profile, endpoint: 'revoke', form: encode({ token }) }));

describe('a token that dies before its time is not handed out any more', () => {
  test('its account was locked and unlocked: introspection tells all sandboxes', async () => {
    await start();
    const dead = await tokenOf('orders');
    rig.zitadel.setUserState(accounts.saSecret.userId, 'locked');
    rig.zitadel.setUserState(accounts.saSecret.userId, 'active');
    expect(await introspect(dead)).toBe(false);
    await rig.clock.advance(60_000);
    expect(await tokenOf('orders')).not.toBe(dead);
    rig.restart();
    expect(await tokenOf('orders')).not.toBe(dead);
  });

  test('an application that does not see it proves nothing', async () => {
    await start({ changes: { odd: { scopes: ['profile'] } } });
    const unseen = await tokenOf('odd');
    expect(await introspect(unseen)).toBe(false);
    await rig.clock.advance(60_000);
    expect(await tokenOf('odd')).toBe(unseen);
  });

  test('a caller sends it back: replaced in the same request, once a minute, and a newer one never', async () => {
    await start();
    const first = await tokenOf('orders');
    const second = await tokenOf('orders', `${GRANT}&${encode({ rejected_token: first })}`);
    expect(second).not.toBe(first);
    // The older one again, and the current one within the minute: nobody asks ZITADEL for it.
    const issued = rig.zitadel.issued();
    expect(await tokenOf('orders', `${GRANT}&${encode({ rejected_token: first })}`)).toBe(second);
    expect(await tokenOf('orders', `${GRANT}&${encode({ rejected_token: second })}`)).toBe(second);
    expect(rig.zitadel.issued()).toBe(issued);
    rig.restart();
    expect(await tokenOf('orders')).toBe(second);
  });

  test('one that is good by introspection stays', async () => {
    await start({ changes: { orders: { introspection: 'api' } } });
    const token = await tokenOf('orders');
    expect(await tokenOf('orders', `${GRANT}&${encode({ rejected_token: token })}`)).toBe(token);
    expect(rig.log().at(-1)).toMatchObject({ rejected: 'active' });
  });

  test.each([
    ['as it is', (token: string) => token],
    ['with white space in it', (token: string) => `\n ${token.slice(0, 9)} ${token.slice(9)}\n`],
  ])('revoked %s through another profile, it is out of the one that exchanged it', async (_name, spell) => {
    await start({
      changes: {
        shipping: {
          subject: 'revocable',
          revocation: { secret: 'shipping', callers: ['arn:aws:iam::123456789012:role/orders-service'] },
        },
      },
    });
    const token = await tokenOf('shipping');
    expect((await revoke(spell(token), 'shipping')).status).toBe(200);
    await rig.clock.advance(60_000);
    expect(await tokenOf('shipping')).not.toBe(token);
  });
});

describe('revocation', () => {
  test('a profile revokes the tokens of its own account only', async () => {
    const callers = ['arn:aws:iam::123456789012:role/somebody-else'];
    await start({ changes: { reports: { callers, revocation: { secret: 'shipping', callers } } } });
    const token = await tokenOf('revocable');
    const form = encode({ token });
    const reply = await rig.pass(rig.ask({ profile: 'reports', principal: stranger, endpoint: 'revoke', form }));
    expect([reply.status, reply.json.error]).toEqual([400, 'unsupported_token_type']);
    expect(await introspect(token, 'revocable')).toBe(true);
  });

  test('made-up tokens leave no rows', async () => {
    await start();
    for (let count = 0; count < 5; count += 1) expect((await revoke(`garbage-${count}`)).status).toBe(200);
    await tokenOf('revocable');
    const notices = rig.lines.join('\n');
    expect(notices).not.toContain('garbage');
    rig.restart();
    await tokenOf('revocable');
    expect(rig.zitadel.issued()).toBe(1);
  });
});

describe('an exchange bounds what comes out', () => {
  const subjectFor = async (scope: string) => {
    const { clientId, clientSecret } = accounts.saSecret;
    const answer = await fetch(`${rig.zitadel.url}/oauth/v2/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`)}`,
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
    });
    return String(((await answer.json()) as Record<string, unknown>).access_token);
  };
  const audienceOf = async (token: string) =>
    (await rig.pass(rig.ask({ profile: 'introspecting', endpoint: 'introspect', form: encode({ token }) }))).json.aud;
  const otherAudience = `urn:zitadel:iam:org:project:id:${accounts.otherProject}:aud`;
  const api = 'urn:zitadel:iam:org:project:id:zitadel:aud';

  test.each([
    ["ZITADEL's own API", `${PROJECT_AUDIENCE} ${api}`, [PROJECT_AUDIENCE], undefined, [accounts.project]],
    ['another project', `${PROJECT_AUDIENCE} ${otherAudience}`, [PROJECT_AUDIENCE], undefined, [accounts.project]],
    ['what both have', PROJECT_AUDIENCE, [PROJECT_AUDIENCE, otherAudience], undefined, [accounts.project]],
    ['more than the subject has', PROJECT_AUDIENCE, [PROJECT_AUDIENCE, otherAudience], otherAudience, 'invalid_scope'],
    [
      'a scope without an audience',
      `${PROJECT_AUDIENCE} profile`,
      [PROJECT_AUDIENCE, 'profile'],
      'profile',
      'invalid_scope',
    ],
  ])('%s', async (_name, subject, scopes, scope, expected) => {
    await start({ changes: { exchanging: { scopes } } });
    const form = encode({
      grant_type: EXCHANGE,
      subject_token: await subjectFor(subject),
      subject_token_type: ACCESS_TOKEN,
      ...(scope === undefined ? {} : { scope }),
    });
    const { json } = await rig.pass(rig.ask({ profile: 'exchanging', form }));
    if (typeof expected === 'string') expect(json.error).toBe(expected);
    else expect(await audienceOf(String(json.access_token))).toEqual(expected);
  });

  test('of a subject profile that has more, only what the profile grants', async () => {
    await start({ changes: { orders: { scopes: [PROJECT_AUDIENCE, otherAudience] } } });
    expect(await audienceOf(await tokenOf('shipping'))).toEqual([accounts.project]);
  });
});
