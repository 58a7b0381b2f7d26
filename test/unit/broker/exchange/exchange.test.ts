import { beforeEach, describe, expect, test } from 'vitest';
import type { ObtainedOnBehalf } from '../../../../lib/broker/exchange/exchange.ts';
import { allowExchange } from '../../../../lib/broker/exchange/policy.ts';
import { grantExchangeScopes, grantScopes } from '../../../../lib/broker/profiles/policy.ts';
import type { BrokerError } from '../../../../lib/core/error.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, type Result } from '../../../../lib/core/result.ts';
import { plus } from '../../../../lib/core/time.ts';
import { parseForm } from '../../../../lib/oauth/form.ts';
import { accounts, answer, audience, cut, type Member, P, Q, refusal, SECRETS } from '../../../support/fleet.ts';
import { begin, fleet, member } from '../../../support/one-sandbox.ts';

beforeEach(() => begin());

const TYPE = 'urn:ietf:params:oauth:token-type:';
const [ACCESS_TOKEN, ID_TOKEN, JWT] = [`${TYPE}access_token`, `${TYPE}id_token`, `${TYPE}jwt`];
const USER_ID = 'urn:zitadel:params:oauth:token-type:user_id';
const R = accounts.oidcSecret.clientId;
const OWN_API = audience('zitadel');

interface Wish {
  readonly profile?: string;
  readonly subject?: string;
  readonly type?: string;
  readonly scope?: string;
  readonly audiences?: readonly string[];
  readonly requested?: string;
  readonly actor?: readonly [token: string, type: string];
  readonly rejected?: string;
  readonly by?: Member;
  readonly leftMs?: number;
}

/** What a request of a caller comes to, from its form on. */
async function begun(wish: Wish): Promise<Result<ObtainedOnBehalf, BrokerError>> {
  const { profile: name = 'exchanging', subject = 'subject', type = ACCESS_TOKEN, by = member } = wish;
  const parameters = new URLSearchParams({ subject_token: subject, subject_token_type: type });
  for (const one of wish.audiences ?? []) parameters.append('audience', one);
  if (wish.requested !== undefined) parameters.set('requested_token_type', wish.requested);
  if (wish.actor !== undefined) {
    parameters.set('actor_token', wish.actor[0]);
    parameters.set('actor_token_type', wish.actor[1]);
  }
  const form = parseForm(parameters.toString());
  const profile = fleet.profile(name);
  if (!form.ok || profile.exchange === undefined) throw new Error('the test is wrong');
  const scopes = grantExchangeScopes(profile.exchange, wish.scope);
  if (!scopes.ok) return scopes;
  const exchanged = allowExchange(form.value, profile.exchange);
  if (!exchanged.ok) return exchanged;
  await by.bulletin.look(10_000);
  const demand = { profile, scopes: scopes.value, exchanged: exchanged.value, isExact: wish.scope !== undefined };
  const deadline = plus(fleet.clock.now(), wish.leftMs ?? 15_000);
  return by.onBehalf(demand, deadline, wish.rejected === undefined ? undefined : redacted(wish.rejected));
}

const exchange = (wish: Wish = {}) => fleet.run(begun(wish));

const textOf = (result: Result<ObtainedOnBehalf, BrokerError>): string => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.token.accessToken.reveal();
};

const tokenRequests = () => fleet.sent.filter(({ endpoint }) => endpoint === 'token');
const audienceOfToken = (text: string) => [...(fleet.zitadel.sessions.find(text)?.audience ?? [])].sort();

/** Each `audience` that ZITADEL was sent, exchange by exchange. */
const audiencesSent = () =>
  tokenRequests()
    .filter(({ form }) => form.has('subject_token'))
    .map(({ form }) => form.getAll('audience'));

const list = (...ids: string[]) => ids.sort();

describe("what comes out is bounded by the profile, whatever the caller's token has", () => {
  interface Row {
    readonly has: readonly string[];
    readonly grants: readonly string[];
    readonly audiences?: readonly string[];
    readonly asks?: { readonly scope?: string; readonly audiences?: readonly string[] };
    readonly isRevocable?: boolean;
    /** The audiences that are sent, exchange by exchange. */
    readonly sent: readonly (readonly string[])[];
    /** The audience of the token, and the error of none. */
    readonly out: readonly string[] | BrokerError['kind'];
    readonly scope?: string;
  }
  const [p, q] = [audience(P), audience(Q)];
  const both = list(P, Q);

  test.each<[name: string, row: Row]>([
    ['P, Q | P | nothing', { has: [p, q], grants: [p], sent: [[P]], out: [P], scope: p }],
    ['P, Q | P | P', { has: [p, q], grants: [p], asks: { scope: p }, sent: [[P]], out: [P], scope: p }],
    ['P and ZITADEL’s own API | P | nothing', { has: [p, OWN_API], grants: [p], sent: [[P]], out: [P] }],
    ['P and ZITADEL’s own API | P | P', { has: [p, OWN_API], grants: [p], asks: { scope: p }, sent: [[P]], out: [P] }],
    ['P, Q | P, Q | nothing', { has: [p, q], grants: [p, q], sent: [both], out: both }],
    ['P, Q | P, Q | P', { has: [p, q], grants: [p, q], asks: { scope: p }, sent: [[P]], out: [P], scope: p }],
    ['P | P, Q | nothing: what both have', { has: [p], grants: [p, q], sent: [both, [P]], out: [P], scope: p }],
    ['P | P, Q | P', { has: [p], grants: [p, q], asks: { scope: p }, sent: [[P]], out: [P] }],
    ['P | P, Q | P, Q', { has: [p], grants: [p, q], asks: { scope: `${p} ${q}` }, sent: [both], out: 'invalid_scope' }],
    [
      'P | P and a scope | both',
      { has: [p], grants: [p, 'email'], asks: { scope: `${p} email` }, sent: [[P]], out: 'invalid_scope' },
    ],
    ['P | P and a scope | nothing', { has: [p], grants: [p, 'email'], sent: [[P], [P]], out: [P], scope: p }],
    [
      'P and a scope | P and it | it alone',
      { has: [p, 'email'], grants: [p, 'email'], asks: { scope: 'email' }, sent: [], out: 'invalid_scope' },
    ],
    ['P | P | Q', { has: [p], grants: [p], asks: { scope: q }, sent: [], out: 'invalid_scope' }],
    ['R | P | nothing', { has: [audience(R)], grants: [p], sent: [[P]], out: 'invalid_scope' }],
    ['R | P | P', { has: [audience(R)], grants: [p], asks: { scope: p }, sent: [[P]], out: 'invalid_scope' }],
    ['P, Q | P and the audience Q | nothing', { has: [p, q], grants: [p], audiences: [Q], sent: [[P]], out: [P] }],
    [
      'P, Q | P and the audience Q | Q',
      { has: [p, q], grants: [p], audiences: [Q], asks: { audiences: [Q] }, sent: [both], out: both, scope: p },
    ],
    [
      'P, Q, R | P and Q, R | R, Q, Q',
      {
        has: [p, q, audience(R)],
        grants: [p],
        audiences: [Q, R],
        asks: { audiences: [R, Q, Q] },
        sent: [list(P, Q, R)],
        out: list(P, Q, R),
      },
    ],
    [
      'P, Q | P, a scope and the audience Q | Q: what both have',
      {
        has: [p, q],
        grants: [p, 'email'],
        audiences: [Q],
        asks: { audiences: [Q] },
        sent: [both, both],
        out: both,
        scope: p,
      },
    ],
    [
      'P | P and the audience Q | Q',
      { has: [p], grants: [p], audiences: [Q], asks: { audiences: [Q] }, sent: [both], out: 'invalid_target' },
    ],
    [
      'P, Q | P | the audience Q',
      { has: [p, q], grants: [p], asks: { audiences: [Q] }, sent: [], out: 'invalid_target' },
    ],
    [
      'P, R | P, can revoke | nothing',
      { has: [p, audience(R)], grants: [p], isRevocable: true, sent: [list(P, R)], out: list(P, R), scope: p },
    ],
    [
      'P | P, can revoke | nothing: nobody can revoke it',
      { has: [p], grants: [p], isRevocable: true, sent: [list(P, R), [P]], out: [P], scope: p },
    ],
    [
      'P | P, can revoke | P: so too',
      { has: [p], grants: [p], isRevocable: true, asks: { scope: p }, sent: [list(P, R), [P]], out: [P], scope: p },
    ],
    [
      'P | P, Q, can revoke | P, Q',
      {
        has: [p],
        grants: [p, q],
        isRevocable: true,
        asks: { scope: `${p} ${q}` },
        sent: [list(P, Q, R)],
        out: 'invalid_scope',
      },
    ],
    [
      'P, R | P, Q, can revoke | nothing',
      { has: [p, audience(R)], grants: [p, q], isRevocable: true, sent: [list(P, Q, R), list(P, R)], out: list(P, R) },
    ],
    [
      'P, R | P and Q, can revoke | the audience Q',
      {
        has: [p, audience(R)],
        grants: [p],
        audiences: [Q],
        isRevocable: true,
        asks: { audiences: [Q] },
        sent: [list(P, Q, R)],
        out: 'invalid_target',
      },
    ],
  ])('the token | the profile | the caller: %s', async (_name, row) => {
    const revocation = row.isRevocable ? { revocation: { secret: 'shipping', callers: [] } } : {};
    const exchanging = { scopes: row.grants, exchange: { audiences: row.audiences ?? [] }, ...revocation };
    begin({ changes: { exchanging } });
    const result = await exchange({ subject: await fleet.issue(row.has), ...row.asks });
    expect(audiencesSent()).toEqual(row.sent);
    // Whoever names its scopes gets these or nothing: nobody need ask what the subject has.
    if (row.asks?.scope !== undefined && !row.isRevocable) expect(fleet.sent).toHaveLength(row.sent.length);
    if (typeof row.out === 'string') return expect(result).toMatchObject({ ok: false, error: { kind: row.out } });
    expect(audienceOfToken(textOf(result))).toEqual(row.out);
    if (!result.ok) return;
    const { token } = result.value;
    if (row.scope !== undefined) expect([token.scope, token.granted.join(' ')]).toEqual([row.scope, row.scope]);
    expect(token.isIrrevocable).toBe(row.isRevocable && !row.out.includes(R) ? true : undefined);
  });

  test('a token of another application’s: nothing', async () => {
    const result = await exchange({ subject: await fleet.issue([q]) });
    expect(result).toMatchObject({ ok: false, error: { kind: 'invalid_grant' } });
  });

  interface Own {
    readonly subject: readonly string[];
    readonly scopes?: readonly string[];
    readonly asks?: string;
    readonly isRevocable?: boolean;
    readonly sent: readonly string[] | 'invalid_scope';
    readonly scope?: string | null;
  }
  test.each<[name: string, row: Own]>([
    ['P, Q | P | nothing', { subject: [p, q], scopes: [p], sent: [P], scope: p }],
    ['P, Q | no scopes | nothing', { subject: [p, q], sent: both, scope: null }],
    ['P | P, Q | nothing', { subject: [p], scopes: [p, q], sent: [P], scope: p }],
    ['P, Q | P, Q | P', { subject: [p, q], scopes: [p, q], asks: p, sent: [P], scope: p }],
    [
      'P and a scope | P and it | it',
      { subject: [p, 'email'], scopes: [p, 'email'], asks: 'email', sent: 'invalid_scope' },
    ],
    ['P, Q | P | Q', { subject: [p, q], scopes: [p], asks: q, sent: 'invalid_scope' }],
    [
      'P, can be revoked | P, can be revoked | nothing',
      { subject: [p], scopes: [p], isRevocable: true, sent: list(P, R) },
    ],
  ])('the subject of the profile | the profile | the caller: %s', async (_name, row) => {
    const revocation = row.isRevocable ? { revocation: { secret: 'shipping', callers: [] } } : {};
    const shipping = { scopes: row.scopes ?? [], ...revocation };
    begin({ changes: { orders: { scopes: row.subject, ...revocation }, shipping } });
    const profile = fleet.profile('shipping');
    const scopes = grantScopes(profile, row.asks);
    if (!scopes.ok) return expect(scopes.error.kind).toBe(row.sent);
    const obtained = await fleet.run(
      member.tokens.obtain({ profile, scopes: scopes.value }, plus(fleet.clock.now(), 15_000)),
    );
    expect(audiencesSent()).toEqual([row.sent]);
    if (!obtained.ok) throw new Error(obtained.error.kind);
    expect(audienceOfToken(obtained.value.token.accessToken.reveal())).toEqual(row.sent);
    if (row.scope !== undefined) expect(tokenRequests().at(-1)?.form.get('scope')).toBe(row.scope);
  });
});

describe('an exchanged token is kept', () => {
  const issue = () => fleet.issue([audience(P)]);

  test('for 5 minutes', async () => {
    const subject = await issue();
    const first = await exchange({ subject });
    expect(first).toMatchObject({ ok: true, value: { source: 'issued' } });
    await fleet.clock.advance(299_999);
    const second = await exchange({ subject });
    expect(second).toMatchObject({ ok: true, value: { source: 'memory' } });
    expect(textOf(second)).toBe(textOf(first));
    await fleet.clock.advance(1);
    expect(textOf(await exchange({ subject }))).not.toBe(textOf(first));
    expect([tokenRequests().length, member.issued.take()]).toEqual([2, 2]);
  });

  test('until 5 s before its end, where that comes first', async () => {
    begin({ tokenLifetimeSeconds: 61 });
    const subject = await issue();
    const text = textOf(await exchange({ subject }));
    await fleet.clock.advance(54_999);
    expect(textOf(await exchange({ subject }))).toBe(text);
    await fleet.clock.advance(1);
    // The subject ends with it.
    expect(textOf(await exchange({ subject }))).not.toBe(text);
  });

  test('no longer than `maxAgeSeconds` says', async () => {
    begin({ changes: { exchanging: { maxAgeSeconds: 100 } } });
    const subject = await issue();
    const first = await exchange({ subject });
    expect(first.ok && first.value.token.expiresAt - first.value.token.obtainedAt).toBe(100_000);
    await fleet.clock.advance(94_999);
    expect(textOf(await exchange({ subject }))).toBe(textOf(first));
    await fleet.clock.advance(1);
    expect(textOf(await exchange({ subject }))).not.toBe(textOf(first));
  });

  describe('for one wish alone', () => {
    const open = {
      exchange: {
        subjectTokenTypes: ['access_token', 'id_token', 'jwt', 'user_id'],
        requestedTokenTypes: ['access_token', 'jwt', 'id_token'],
        audiences: [Q],
        impersonation: true,
      },
    };
    let subject: string;
    beforeEach(async () => {
      begin({
        changes: {
          exchanging: { ...open, scopes: [audience(P), audience(Q)] },
          other: { secret: 'shipping', scopes: [audience(P)], ...open },
        },
      });
      fleet.zitadel.impersonators = new Set([accounts.saSecret.userId]);
      subject = await fleet.issue([audience(P), audience(Q)]);
      // Every exchange is answered, each with a token of its own, whatever it is for.
      let count = 0;
      fleet.play(({ form }) => {
        count += 1;
        return answer(200, {
          access_token: `token-${count}`,
          token_type: 'Bearer',
          expires_in: 3_600,
          issued_token_type: form.get('requested_token_type'),
        });
      });
    });

    const actor = (token: string, type = ACCESS_TOKEN) => ({ actor: [token, type] as const });
    test.each<[name: string, one: Wish, other: Wish]>([
      ['the subject', {}, { subject: 'another' }],
      ['the type of the subject', actor('a'), { ...actor('a'), type: JWT }],
      ['the actor', actor('a'), actor('b')],
      ['that there is an actor', {}, actor('a')],
      ['the type of the actor', actor('a'), actor('a', ID_TOKEN)],
      ['the requested type', {}, { requested: JWT }],
      ['another requested type', { requested: ID_TOKEN }, { requested: JWT }],
      ['an audience', {}, { audiences: [Q] }],
      ['the scopes', {}, { scope: audience(P) }],
      ['that the scopes were named', {}, { scope: `${audience(P)} ${audience(Q)}` }],
      ['the profile', {}, { profile: 'other' }],
    ])('%s', async (_name, one, other) => {
      const [first, second] = [await exchange({ subject, ...one }), await exchange({ subject, ...other })];
      expect(textOf(second)).not.toBe(textOf(first));
      expect(textOf(await exchange({ subject, ...one }))).toBe(textOf(first));
      expect(textOf(await exchange({ subject, ...other }))).toBe(textOf(second));
      expect(tokenRequests()).toHaveLength(2);
    });

    test.each<[name: string, one: Wish, other: Wish]>([
      ['the type that is given by default', {}, { requested: ACCESS_TOKEN }],
      ['the same audience twice', { audiences: [Q] }, { audiences: [Q, Q] }],
    ])('which may be written otherwise: %s', async (_name, one, other) => {
      expect(textOf(await exchange({ subject, ...one }))).toBe(textOf(await exchange({ subject, ...other })));
    });
  });

  test('in one sandbox, and noted in the table for twice as long', async () => {
    const subject = await issue();
    const text = textOf(await exchange({ subject }));
    expect(fleet.table.updates).toHaveLength(1);
    const find = (ms: number) => fleet.clock.advance(ms).then(() => member.holdings.find(redacted(text)));
    expect(await find(0)).toEqual({
      ok: true,
      value: { profile: 'exchanging', until: plus(fleet.clock.now(), 600_000) },
    });
    expect(await find(599_999)).toMatchObject({ value: { profile: 'exchanging' } });
    expect(await find(1)).toEqual({ ok: true, value: undefined });
    expect(textOf(await exchange({ subject, by: fleet.start() }))).not.toBe(text);
  });

  test('and 100 who want it at once cause one exchange', async () => {
    const subject = await issue();
    const results = await fleet.run(Promise.all(Array.from({ length: 100 }, () => begun({ subject }))));
    expect(new Set(results.map(textOf)).size).toBe(1);
    expect(results.map((result) => result.ok && result.value.source)).toEqual(['issued', ...Array(99).fill('memory')]);
    expect([tokenRequests().length, member.issued.take()]).toEqual([1, 1]);
  });

  test('not once its subject has been revoked', async () => {
    begin({ changes: { revocable: {} } });
    const own = await fleet.run(
      member.tokens.obtain(
        { profile: fleet.profile('revocable'), scopes: fleet.profile('revocable').scopes },
        plus(fleet.clock.now(), 15_000),
      ),
    );
    if (!own.ok) throw new Error(own.error.kind);
    const subject = own.value.token.accessToken;
    const other = fleet.start();
    const copies = [
      await exchange({ subject: subject.reveal() }),
      await exchange({ subject: subject.reveal(), by: other }),
    ];
    expect(copies.map(({ ok }) => ok)).toEqual([true, true]);
    expect((await fleet.run(member.revoke(fleet.profile('revocable'), subject))).ok).toBe(true);
    expect(await exchange({ subject: subject.reveal() })).toMatchObject({
      ok: false,
      error: { kind: 'invalid_grant' },
    });
    await fleet.clock.advance(50_000);
    expect(await exchange({ subject: ` ${subject.reveal()}\n`, by: other })).toMatchObject({
      ok: false,
      error: { kind: 'invalid_grant' },
    });
    expect(await exchange({ subject: subject.reveal(), by: other })).toMatchObject({
      ok: false,
      error: { kind: 'invalid_grant' },
    });
  });

  test('not once it is known to be dead itself', async () => {
    const subject = await issue();
    const text = textOf(await exchange({ subject }));
    await member.bulletin.post({ kind: 'before', profile: 'exchanging', at: fleet.clock.now() });
    expect(textOf(await exchange({ subject }))).toBe(text);
    await fleet.clock.advance(1);
    await member.bulletin.post({ kind: 'before', profile: 'exchanging', at: fleet.clock.now() });
    expect(textOf(await exchange({ subject }))).not.toBe(text);
  });
});

describe('an exchanged token that is sent back as refused', () => {
  const WITH = { exchanging: { introspection: 'api' } };
  const notices = () => [...fleet.table.rows.values()].flatMap(({ notices = [] }) => notices);

  test('is replaced where nobody can be asked, once a minute', async () => {
    const subject = await fleet.issue([audience(P)]);
    const first = textOf(await exchange({ subject }));
    const second = await exchange({ subject, rejected: first });
    expect(second).toMatchObject({ ok: true, value: { source: 'issued', rejected: 'replaced' } });
    expect(textOf(second)).not.toBe(first);
    expect(notices()).toEqual([
      expect.stringMatching(new RegExp(`^token \\S+ exchanging ${fleet.clock.now() + 600_000}$`)),
    ]);
    const third = await exchange({ subject, rejected: textOf(second) });
    expect(third).toMatchObject({ ok: true, value: { source: 'memory', rejected: 'not_checked' } });
    expect(textOf(third)).toBe(textOf(second));
  });

  test('is not the current one', async () => {
    const subject = await fleet.issue([audience(P)]);
    await exchange({ subject });
    expect(await exchange({ subject, rejected: 'other' })).toMatchObject({
      value: { source: 'memory', rejected: 'not_current' },
    });
    expect(tokenRequests()).toHaveLength(1);
    expect(await exchange({ subject: await fleet.issue([audience(P)]), rejected: 'other' })).toSatisfy(
      (result: Result<object, unknown>) => result.ok && !('rejected' in result.value),
    );
  });

  test('is good, by ZITADEL’s word', async () => {
    begin({ changes: WITH });
    const subject = await fleet.issue([audience(P)]);
    const first = textOf(await exchange({ subject }));
    const second = await exchange({ subject, rejected: first });
    expect(second).toMatchObject({ value: { source: 'memory', rejected: 'active' } });
    expect([textOf(second), notices()]).toEqual([first, []]);
  });

  test('is dead, by ZITADEL’s word', async () => {
    begin({ changes: WITH });
    const subject = await fleet.issue([audience(P)]);
    const first = textOf(await exchange({ subject }));
    Object.assign(fleet.zitadel.sessions.find(first) ?? {}, { isEnded: true });
    const second = await exchange({ subject, rejected: first });
    expect(second).toMatchObject({ value: { source: 'issued', rejected: 'replaced' } });
  });

  test('stays, where ZITADEL does not say', async () => {
    begin({ changes: WITH });
    const subject = await fleet.issue([audience(P)]);
    const first = textOf(await exchange({ subject }));
    fleet.play(({ endpoint }) => (endpoint === 'introspect' ? cut : undefined));
    const second = await exchange({ subject, rejected: first });
    expect(second).toMatchObject({ value: { source: 'memory', rejected: 'not_checked' } });
    expect(textOf(second)).toBe(first);
  });
});

describe('what ZITADEL refuses', () => {
  test.each<[name: string, error: string, description: string, kind: string, detail: string]>([
    [
      'the subject',
      'invalid_request',
      'subject_token invalid',
      'invalid_grant',
      'the subject token, or the actor token, is not accepted',
    ],
    [
      'the type',
      'invalid_request',
      'Errors.TokenExchange.Token.TypeNotSupported',
      'invalid_request',
      'this type of token does not support this exchange',
    ],
    [
      'impersonation',
      'invalid_request',
      'Errors.TokenExchange.Impersonation.PolicyDisabled',
      'impersonation_refused',
      "status 400: invalid_request Errors.TokenExchange.Impersonation.PolicyDisabled; to allow it, switch impersonation on in ZITADEL's security settings and give the actor an impersonator role",
    ],
    [
      'the account',
      'invalid_request',
      'Errors.User.NotActive',
      'invalid_grant',
      'the authorization server does not accept the subject',
    ],
    ['the grant', 'invalid_grant', 'no', 'invalid_grant', 'the authorization server does not accept the subject'],
    [
      'something else',
      'invalid_request',
      'no',
      'invalid_request',
      'the authorization server does not accept this exchange',
    ],
    ['nothing known', 'x', 'no', 'unexpected_answer', 'status 400: x no'],
    [
      'the client',
      'invalid_client',
      'no',
      'credential_refused',
      'profile exchanging, secret shipping: status 400: invalid_client no',
    ],
    [
      'the client’s rights',
      'unauthorized_client',
      'no',
      'credential_refused',
      'profile exchanging, secret shipping: status 400: unauthorized_client no',
    ],
    ['for a while', 'server_error', 'no', 'unavailable', 'status 400: server_error no'],
  ])('%s', async (_name, error, description, kind, detail) => {
    fleet.play(() => refusal(error, description));
    expect(await exchange()).toMatchObject({ ok: false, error: { kind, detail } });
    const count = fleet.sent.length;
    expect(await exchange()).toMatchObject({ ok: false, error: { kind, detail } });
    expect(fleet.sent.length).toBe(count);
  });

  test('an actor with an access token: the subject is not asked about', async () => {
    begin({ changes: { exchanging: { exchange: { impersonation: true } } } });
    fleet.play(() => refusal('invalid_scope'));
    expect(await exchange({ actor: ['a', ACCESS_TOKEN] })).toMatchObject({
      error: { kind: 'invalid_scope', detail: 'the subject token lacks the requested scopes or audience' },
    });
    expect(fleet.sent.map(({ endpoint }) => endpoint)).toEqual(['token']);
  });

  test('a subject that is no access token is not asked about', async () => {
    begin({ changes: { exchanging: { exchange: { impersonation: true, subjectTokenTypes: ['user_id'] } } } });
    fleet.play(() => refusal('invalid_scope'));
    expect(await exchange({ type: USER_ID, actor: ['a', ACCESS_TOKEN] })).toMatchObject({
      error: { kind: 'invalid_scope' },
    });
    expect(fleet.sent).toHaveLength(1);
  });

  test('a subject that is dead: invalid_grant', async () => {
    fleet.play(({ endpoint }) => (endpoint === 'token' ? refusal('invalid_scope') : answer(200, { active: false })));
    expect(await exchange()).toMatchObject({
      error: { kind: 'invalid_grant', detail: 'the subject token is not accepted' },
    });
  });

  test('what both have is refused as well', async () => {
    begin({ changes: { exchanging: { scopes: [audience(P), 'email'] } } });
    fleet.play(({ endpoint }) =>
      endpoint === 'token' ? refusal('invalid_target') : answer(200, { active: true, aud: [P], scope: audience(P) }),
    );
    expect(await exchange()).toMatchObject({
      error: { kind: 'invalid_target', detail: 'the subject token lacks the requested scopes or audience' },
    });
    expect(audiencesSent()).toEqual([[P], [P]]);
  });

  test.each([
    ['no audience', { active: true, scope: audience(P) }],
    ['another audience', { active: true, scope: audience(P), aud: [Q] }],
  ])('a subject of which ZITADEL tells %s has too little', async (_name, told) => {
    fleet.play(({ endpoint }) => (endpoint === 'token' ? refusal('invalid_scope') : answer(200, told)));
    expect(await exchange()).toMatchObject({ error: { kind: 'invalid_scope' } });
    expect(audiencesSent()).toHaveLength(1);
  });

  test('a subject that cannot be asked about', async () => {
    fleet.play(({ endpoint }) => (endpoint === 'token' ? refusal('invalid_scope') : cut));
    expect(await exchange()).toMatchObject({ error: { kind: 'unavailable', detail: 'unreachable: ECONNRESET' } });
  });

  test.each([
    [3_500, true],
    [3_510, false],
  ])('a subject that was asked about for %i ms leaves time for another exchange: %s', async (tookMs, isEnough) => {
    begin({ changes: { exchanging: { scopes: [audience(P), audience(Q)] } } });
    const subject = await fleet.issue([audience(P)]);
    fleet.play(async () => {
      await new Promise<void>((resolve) => void fleet.clock.after(tookMs, resolve));
      return undefined;
    });
    const result = await exchange({ subject, leftMs: 30_000 });
    expect(result).toMatchObject(isEnough ? { ok: true } : { ok: false, error: { kind: 'out_of_time' } });
  });

  test('a failure is remembered for a while, and longer each time', async () => {
    fleet.play(() => refusal('server_error', 'no'));
    expect(await exchange()).toMatchObject({
      error: { kind: 'unavailable', dependency: 'zitadel', retryAfterMs: 2_000 },
    });
    await fleet.clock.advance(1_999);
    expect(await exchange()).toMatchObject({ error: { retryAfterMs: 1 } });
    await fleet.clock.advance(1);
    expect(await exchange()).toMatchObject({ error: { retryAfterMs: 4_000 } });
    expect(fleet.sent).toHaveLength(2);
  });

  test('a refused credential is tried again as soon as its secret has changed', async () => {
    fleet.secrets.put('shipping', JSON.stringify({ clientId: R, clientSecret: 'wrong' }));
    const subject = await fleet.issue([audience(P)]);
    expect(await exchange({ subject })).toMatchObject({ error: { kind: 'credential_refused' } });
    const requests = fleet.sent.length;
    await fleet.clock.advance(5_000);
    expect(await exchange({ subject })).toMatchObject({ error: { kind: 'credential_refused', retryAfterMs: 2_000 } });
    expect(fleet.sent.length).toBe(requests);
    fleet.secrets.put('shipping', SECRETS.shipping);
    await fleet.clock.advance(1_500);
    expect((await exchange({ subject })).ok).toBe(true);
  });

  test('another failure is not looked into', async () => {
    fleet.play(() => cut);
    await exchange();
    const reads = fleet.secrets.reads();
    await fleet.clock.advance(1_900);
    expect(await exchange()).toMatchObject({ error: { kind: 'unavailable' } });
    expect(fleet.secrets.reads()).toBe(reads);
  });

  test('without a secret: nothing is sent', async () => {
    fleet.secrets.fault({ kind: 'refused', detail: 'X' });
    expect(await exchange()).toMatchObject({
      error: { kind: 'credential_unusable', detail: 'secret shipping: cannot be read: X' },
    });
    expect(fleet.sent).toEqual([]);
  });
});

describe('an answer that is no exchanged token', () => {
  const good = { access_token: 'token', token_type: 'Bearer', expires_in: 3_600, issued_token_type: ACCESS_TOKEN };
  const jwt = (aud: unknown) =>
    `${Buffer.from('{"alg":"x"}').toString('base64url')}.${Buffer.from(JSON.stringify({ aud })).toString('base64url')}.sig`;

  test.each<[name: string, answered: object, expected: object]>([
    ['a good one', good, { ok: true }],
    ['a type that is written otherwise', { ...good, token_type: 'BEARER' }, { ok: true }],
    [
      'no issued_token_type',
      { ...good, issued_token_type: undefined },
      { error: { kind: 'unexpected_answer', detail: 'status 200: issued_token_type is missing' } },
    ],
    ['another type', { ...good, token_type: 'mac' }, { error: { kind: 'unexpected_answer' } }],
    [
      'a life of no use',
      { ...good, expires_in: 4 },
      {
        error: {
          kind: 'unexpected_answer',
          detail: 'the token lives 4 s, of which the request took 0 ms; less than 5 s is too short',
        },
      },
    ],
    ['a JWT for whom it was asked', { ...good, access_token: jwt([P]) }, { ok: true }],
    [
      'a JWT for others',
      { ...good, access_token: jwt([P, Q]) },
      {
        error: {
          kind: 'unexpected_answer',
          detail: 'profile exchanging: the exchanged token has a wider audience than requested',
        },
      },
    ],
    [
      'a JWT for the application, too',
      { ...good, access_token: jwt([P, R]) },
      { error: { kind: 'unexpected_answer' } },
    ],
    [
      'an id token for the application, too',
      { ...good, access_token: jwt([P, R]), issued_token_type: ID_TOKEN, token_type: 'N_A' },
      { ok: true },
    ],
    [
      'an id token for others',
      { ...good, access_token: jwt([P, R, Q]), issued_token_type: ID_TOKEN, token_type: 'N_A' },
      { error: { kind: 'unexpected_answer' } },
    ],
  ])('%s', async (_name, answered, expected) => {
    fleet.play(() => answer(200, answered));
    expect(await exchange()).toMatchObject(expected);
  });

  test.each([
    [
      'a wider audience',
      [P, Q],
      {
        error: {
          kind: 'unexpected_answer',
          detail: 'profile exchanging: the exchanged token has a wider audience than requested',
        },
      },
    ],
    ['just the audience', [P], { ok: true }],
  ])('an opaque token with %s, where the profile introspects', async (_name, aud, expected) => {
    begin({ changes: { exchanging: { introspection: 'api' } } });
    fleet.play(({ endpoint }) => answer(200, endpoint === 'token' ? good : { active: true, aud }));
    expect(await exchange()).toMatchObject(expected);
    expect(fleet.sent.map(({ endpoint }) => endpoint)).toEqual(['token', 'introspect']);
  });

  test('an opaque id token is not introspected', async () => {
    begin({ changes: { exchanging: { introspection: 'api' } } });
    fleet.play(() => answer(200, { ...good, issued_token_type: ID_TOKEN }));
    expect((await exchange()).ok).toBe(true);
    expect(fleet.sent).toHaveLength(1);
  });

  test('what the server says is handed on, and what was asked for is known', async () => {
    fleet.play(() => answer(200, { ...good, scope: 'said', issued_token_type: JWT }));
    const result = await exchange();
    expect(result).toMatchObject({
      value: { token: { scope: 'said', granted: [audience(P)], tokenType: 'Bearer', issuedTokenType: JWT } },
    });
  });
});

test('an application with a key proves itself by an assertion of its own for each request', async () => {
  begin({ changes: { exchanging: { secret: 'billing' } } });
  const one = await exchange({ subject: await fleet.issue([audience(P)]) });
  const other = await exchange({ subject: await fleet.issue([audience(P)]) });
  expect([one.ok, other.ok]).toEqual([true, true]);
  const claims = fleet.sent.map(({ form }) => {
    const [, payload = ''] = (form.get('client_assertion') ?? '').split('.');
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  });
  expect(claims).toMatchObject([{ iss: accounts.oidcKey.clientId }, { iss: accounts.oidcKey.clientId }]);
  expect(claims[0].jti).not.toBe(claims[1].jti);
});

describe('the time of the caller', () => {
  test.each([
    [1_499, 0, false],
    [1_500, 1, true],
  ])('with %i ms left, %i requests are sent', async (leftMs, requests, isOk) => {
    const subject = await fleet.issue([audience(P)]);
    expect((await exchange({ subject, leftMs })).ok).toBe(isOk);
    expect(tokenRequests()).toHaveLength(requests);
    if (!isOk)
      expect(await exchange({ subject, leftMs })).toEqual(
        fail({ kind: 'out_of_time', detail: 'no time left to obtain a token', retryAfterMs: 1_000 }),
      );
  });

  test('half a second is kept for the answer; the exchange goes on', async () => {
    const subject = await fleet.issue([audience(P)]);
    let release = () => {};
    fleet.play(
      () =>
        new Promise((resolve) => {
          release = () => resolve(undefined);
        }),
    );
    const [result, tookMs] = await fleet.time(begun({ subject, leftMs: 2_000 }));
    expect([result.ok, tookMs]).toEqual([false, 1_500]);
    release();
    fleet.play(undefined);
    await fleet.clock.advance(0);
    expect(await exchange({ subject })).toMatchObject({ value: { source: 'memory' } });
    expect(tokenRequests()).toHaveLength(1);
  });
});
