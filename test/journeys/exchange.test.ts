import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { accounts, createRig, PROJECT_AUDIENCE, type Rig, type RigOptions } from '../support/rig.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const USER_ID = 'urn:zitadel:params:oauth:token-type:user_id';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const restartWith = async (options: RigOptions) => {
  await rig.close();
  rig = await createRig(options);
};

const getToken = async (): Promise<string> => String((await rig.pass(rig.ask())).json.access_token);

const form = (parameters: Record<string, string>) =>
  new URLSearchParams({ grant_type: GRANT, ...parameters }).toString();

const exchange = (parameters: Record<string, string>, profile = 'exchanging') =>
  rig.pass(rig.ask({ profile, form: form(parameters) }));

describe("a caller's token is exchanged", () => {
  test('for one that belongs to the application, and kept for 5 minutes', async () => {
    const subject = await getToken();
    const parameters = { subject_token: subject, subject_token_type: ACCESS_TOKEN };
    const first = await exchange(parameters);
    expect(first.json).toEqual({
      access_token: expect.any(String),
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      scope: PROJECT_AUDIENCE,
    });
    expect(first.json.access_token).not.toBe(subject);
    expect(first.headers['cache-control']).toBe('no-store');
    const calls = rig.zitadel.calls();
    await rig.clock.advance(299_000);
    const second = await exchange(parameters);
    expect(second.json).toMatchObject({
      access_token: first.json.access_token,
      expires_in: Number(first.json.expires_in) - 299,
    });
    expect(rig.zitadel.calls()).toBe(calls);
    await rig.clock.advance(2_000);
    expect((await exchange(parameters)).json.access_token).not.toBe(first.json.access_token);
    expect(rig.zitadel.calls()).toBe(calls + 1);
  });

  test('never through the table: what one caller brings stays in one sandbox, but for the digest of what comes out', async () => {
    const subject = await getToken();
    const writes = rig.table.calls();
    await exchange({ subject_token: subject, subject_token_type: ACCESS_TOKEN });
    expect(rig.table.calls()).toBe(writes + 1);
  });

  test('100 at once are one exchange', async () => {
    const subject = await getToken();
    const calls = rig.zitadel.calls();
    const request = { profile: 'exchanging', form: form({ subject_token: subject, subject_token_type: ACCESS_TOKEN }) };
    const replies = await rig.pass(Promise.all(Array.from({ length: 100 }, () => rig.ask(request))));
    expect(new Set(replies.map(({ json }) => json.access_token)).size).toBe(1);
    expect(rig.zitadel.calls()).toBe(calls + 1);
  });

  test('two subjects never share a token', async () => {
    const one = await getToken();
    const other = String((await rig.pass(rig.ask({ profile: 'reports' }))).json.access_token);
    const tokens = [];
    for (const subject of [one, other])
      tokens.push((await exchange({ subject_token: subject, subject_token_type: ACCESS_TOKEN })).json.access_token);
    expect(tokens[0]).not.toBe(tokens[1]);
  });

  test.each([
    [JWT, 'Bearer', 3],
    [ID_TOKEN, 'N_A', 3],
  ])('for a %s, where the profile allows it', async (requested, tokenType, parts) => {
    await restartWith({
      changes: { exchanging: { exchange: { requestedTokenTypes: ['access_token', 'jwt', 'id_token'] } } },
    });
    const reply = await exchange({
      subject_token: await getToken(),
      subject_token_type: ACCESS_TOKEN,
      requested_token_type: requested,
    });
    expect(reply.json).toMatchObject({ issued_token_type: requested, token_type: tokenType });
    expect(String(reply.json.access_token).split('.')).toHaveLength(parts);
  });
});

describe('what the profile does not allow', () => {
  const good = { subject_token: 'subject', subject_token_type: ACCESS_TOKEN };
  test.each<[string, Record<string, string>, string, string]>([
    ['no exchange at all', good, 'unsupported_grant_type', 'orders'],
    ['no subject', { subject_token_type: ACCESS_TOKEN }, 'invalid_request', 'exchanging'],
    ['no type of the subject', { subject_token: 'subject' }, 'invalid_request', 'exchanging'],
    ['another type of subject', { ...good, subject_token_type: USER_ID }, 'invalid_request', 'exchanging'],
    ['another type of token', { ...good, requested_token_type: JWT }, 'invalid_request', 'exchanging'],
    ['an actor', { ...good, actor_token: 'actor', actor_token_type: ACCESS_TOKEN }, 'invalid_request', 'exchanging'],
    ['an actor without its type', { ...good, actor_token: 'actor' }, 'invalid_request', 'exchanging'],
    ['another audience', { ...good, audience: accounts.otherProject }, 'invalid_target', 'exchanging'],
    ['a resource', { ...good, resource: 'https://api.example' }, 'invalid_target', 'exchanging'],
    ['another scope', { ...good, scope: 'email' }, 'invalid_scope', 'exchanging'],
    ['another client', { ...good, client_id: 'orders' }, 'invalid_request', 'exchanging'],
  ])('%s', async (_name, parameters, error, profile) => {
    const reply = await exchange(parameters, profile);
    expect(reply.status).toBe(400);
    expect(reply.json.error).toBe(error);
    expect(rig.zitadel.calls()).toBe(0);
  });

  test('a token of its own, from a profile that only exchanges', async () => {
    const reply = await rig.ask({ profile: 'exchanging' });
    expect(reply.json).toMatchObject({ error: 'unsupported_grant_type' });
  });
});

describe('what ZITADEL refuses', () => {
  test('a subject that is no token: 400 invalid_grant, and not asked again at once', async () => {
    const parameters = { subject_token: 'garbage', subject_token_type: ACCESS_TOKEN };
    const reply = await exchange(parameters);
    expect(reply.status).toBe(400);
    expect(reply.json.error).toBe('invalid_grant');
    expect(reply.text).not.toContain('garbage');
    expect((await exchange(parameters)).status).toBe(400);
    expect(rig.zitadel.calls()).toBe(1);
  });

  test('a scope that the subject does not have: 400 invalid_scope', async () => {
    await restartWith({ changes: { exchanging: { scopes: [PROJECT_AUDIENCE, 'email'] } } });
    const reply = await exchange({ subject_token: await getToken(), subject_token_type: ACCESS_TOKEN, scope: 'email' });
    expect(reply.json.error).toBe('invalid_scope');
  });

  test('an audience that the subject does not have: 400 invalid_target', async () => {
    await restartWith({ changes: { exchanging: { exchange: { audiences: [accounts.otherProject] } } } });
    const reply = await exchange({
      subject_token: await getToken(),
      subject_token_type: ACCESS_TOKEN,
      audience: accounts.otherProject,
    });
    expect(reply.json.error).toBe('invalid_target');
  });

  const { project, otherProject, org } = accounts;
  const application = accounts.oidcSecret.clientId;
  test.each([
    ['several', [otherProject, application], [project, otherProject, application]],
    ['one twice, and one that is empty', [otherProject, '', otherProject], [project, otherProject]],
    ['one that the profile does not list', [otherProject, org], 'invalid_target'],
  ])('audiences that the caller names, in as many parameters (RFC 8693 §2.1): %s', async (_name, named, expected) => {
    const scopes = [project, otherProject, application].map((id) => `urn:zitadel:iam:org:project:id:${id}:aud`);
    const exchange = { audiences: [otherProject, application] };
    await restartWith({ changes: { orders: { scopes }, exchanging: { exchange } } });
    const body = new URLSearchParams(form({ subject_token: await getToken(), subject_token_type: ACCESS_TOKEN }));
    for (const audience of named) body.append('audience', audience);
    const { json } = await rig.pass(rig.ask({ profile: 'exchanging', form: body.toString() }));
    if (typeof expected === 'string') return expect(json.error).toBe(expected);
    const token = new URLSearchParams({ token: String(json.access_token) }).toString();
    const seen = await rig.pass(rig.ask({ profile: 'introspecting', endpoint: 'introspect', form: token }));
    expect([...(seen.json.aud as string[])].sort()).toEqual([...expected].sort());
  });

  test('impersonation that is switched off: 403, and the log says what to do', async () => {
    await restartWith({
      changes: { exchanging: { exchange: { subjectTokenTypes: ['user_id'], impersonation: true } } },
    });
    const actor = await getToken();
    const reply = await exchange({
      subject_token: accounts.saVictim.userId,
      subject_token_type: USER_ID,
      actor_token: actor,
      actor_token_type: ACCESS_TOKEN,
    });
    expect(reply.status).toBe(403);
    expect(reply.json.error).toBe('unauthorized_client');
    expect(rig.log().at(-1)).toMatchObject({
      error: {
        kind: 'impersonation_refused',
        detail: expect.stringMatching(/PolicyDisabled; to allow it, switch impersonation on/),
      },
    });
  });

  test('the application: 502, as for any credential', async () => {
    rig.secretsManager.put(
      'shipping',
      JSON.stringify({ clientId: accounts.oidcSecret.clientId, clientSecret: 'wrong' }),
    );
    const reply = await exchange({ subject_token: await getToken(), subject_token_type: ACCESS_TOKEN });
    expect(reply.status).toBe(502);
    expect(rig.log().at(-1)).toMatchObject({
      error: { kind: 'credential_refused', detail: expect.stringContaining('invalid secret') },
    });
  });

  test('everything, being away: 503 with Retry-After', async () => {
    rig.zitadel.intercept((req) => Boolean(req.destroy()));
    const reply = await exchange({ subject_token: 't', subject_token_type: ACCESS_TOKEN });
    expect(reply.status).toBe(503);
    expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(2);
  });
});
