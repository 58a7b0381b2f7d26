import { describe, expect, test } from 'vitest';
import { redacted } from '../../../lib/core/redacted.ts';
import { instant } from '../../../lib/core/time.ts';
import { parseCredential } from '../../../lib/zitadel/credential.ts';
import { chooseGrant, GRANTS } from '../../../lib/zitadel/grant.ts';
import { buildExchangeRequest, buildTokenRequest, USER_ID } from '../../../lib/zitadel/token-request.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };
import recorded from '../../recordings/token.json' with { type: 'json' };

const ISSUER = 'http://localhost:8080';
const AUDIENCE = `urn:zitadel:iam:org:project:id:${accounts.project}:aud`;
const deps = { now: instant(1_795_438_700_000), jti: () => 'one' };

function credential(secret: unknown) {
  const parsed = parseCredential(redacted(JSON.stringify(secret)));
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return parsed.value;
}

/** The parameters of a recorded request that ZITADEL answered with a token. */
function accepted(name: string): Record<string, string> {
  const exchange = recorded.find((one) => one.name === name);
  expect(exchange?.response.status).toBe(200);
  return Object.fromEntries(new URLSearchParams(exchange?.request.body));
}

const LIVE = ['assertion', 'client_assertion', 'subject_token'];
const shown = (parameters: Record<string, string>) =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, LIVE.includes(name) ? '…' : value]));

const subjectToken = redacted('subject-token');

describe('the same request as the one that ZITADEL accepted', () => {
  test.each([
    [
      'token: client_credentials, service-account-secret',
      { credential: credential(accounts.saSecret), grant: 'client_credentials', scopes: [AUDIENCE] },
    ],
    [
      'token: jwt-bearer, service-account-key',
      { credential: credential(accounts.saKey.key), grant: 'jwt-bearer', scopes: [AUDIENCE] },
    ],
    [
      'token: token-exchange, oidc-app-secret',
      { credential: credential(accounts.oidcSecret), grant: 'token-exchange', scopes: [], subjectToken },
    ],
    [
      'token: token-exchange, oidc-app-key',
      { credential: credential(accounts.oidcKey), grant: 'token-exchange', scopes: [], subjectToken },
    ],
  ] as const)('%s', async (name, request) => {
    const built = await buildTokenRequest({ issuer: ISSUER, ...request }, deps);
    expect(built.url).toBe(`${ISSUER}/oauth/v2/token`);
    expect(shown(Object.fromEntries(new URLSearchParams(built.body)))).toEqual(shown(accepted(name)));
    const header = recorded.find((one) => one.name === name)?.request.headers as { authorization?: string };
    expect(built.authorization).toBe(header.authorization);
    for (const parameter of LIVE) {
      const value = new URLSearchParams(built.body).get(parameter);
      if (value !== null) expect(built.secrets).toContain(value);
    }
  });
});

test('an empty scope is sent, since ZITADEL refuses a request without; an exchange leaves it out', async () => {
  const body = async (grant: 'client_credentials' | 'token-exchange') => {
    const request = { issuer: ISSUER, credential: credential(accounts.oidcSecret), grant, scopes: [], subjectToken };
    return new URLSearchParams((await buildTokenRequest(request, deps)).body).get('scope');
  };
  expect(await body('client_credentials')).toBe('');
  expect(await body('token-exchange')).toBeNull();
});

describe('what is exchanged', () => {
  const asked = { issuer: ISSUER, credential: credential(accounts.oidcSecret), scopes: [] as string[] };
  const exchanged = { subjectToken, subjectTokenType: 'type', audiences: [] as string[] };
  const form = async (request: object, parameters: object) => {
    const { body, secrets } = await buildExchangeRequest(
      { ...asked, ...request },
      { ...exchanged, ...parameters },
      deps,
    );
    return { parameters: [...new URLSearchParams(body)], secrets };
  };
  const base = [
    ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ['subject_token', 'subject-token'],
    ['subject_token_type', 'type'],
  ];
  const actor = { token: redacted('actor-token'), tokenType: 'actor-type' };

  test.each<[name: string, request: object, parameters: object, sent: string[][]]>([
    ['nothing but a token', {}, {}, []],
    ['scopes', { scopes: ['a', 'b'] }, {}, [['scope', 'a b']]],
    [
      'audiences',
      {},
      { audiences: ['a', 'b'] },
      [
        ['audience', 'a'],
        ['audience', 'b'],
      ],
    ],
    ['a type', {}, { requestedTokenType: 'wanted' }, [['requested_token_type', 'wanted']]],
    [
      'an actor',
      {},
      { actor },
      [
        ['actor_token', 'actor-token'],
        ['actor_token_type', 'actor-type'],
      ],
    ],
  ])('%s', async (_name, request, parameters, sent) => {
    const built = await form(request, parameters);
    expect(built.parameters).toEqual([...base, ...sent]);
  });

  test('tokens must not be logged; the id of a user may', async () => {
    const client = (await form({}, { subjectTokenType: USER_ID })).secrets;
    expect(client).toHaveLength(3);
    expect(client).not.toContain('subject-token');
    expect((await form({}, {})).secrets).toEqual([...client, 'subject-token']);
    expect((await form({}, { actor })).secrets).toEqual([...client, 'subject-token', 'actor-token']);
  });

  test.each<[audiences: string[] | undefined]>([[undefined], [['a', 'b']]])(
    'a token of the broker’s own, for the audiences %j',
    async (audiences) => {
      const grant = 'token-exchange' as const;
      const request = { ...asked, grant, scopes: ['a', 'b'], subjectToken, ...(audiences && { audiences }) };
      const sent = new URLSearchParams((await buildTokenRequest(request, deps)).body);
      expect([sent.getAll('audience'), sent.get('scope')]).toEqual([audiences ?? [], 'a b']);
      expect(sent.get('subject_token_type')).toBe('urn:ietf:params:oauth:token-type:access_token');
    },
  );

  test('with nothing to exchange, or by another grant, nothing is exchanged', async () => {
    const grants = ['token-exchange', 'client_credentials'] as const;
    for (const [index, grant] of grants.entries()) {
      const request = { ...asked, grant, ...(index === 0 ? {} : { subjectToken }) };
      const sent = new URLSearchParams((await buildTokenRequest(request, deps)).body);
      expect([sent.get('grant_type'), sent.has('subject_token')]).toEqual(['client_credentials', false]);
    }
  });

  test.each([
    [accounts.saKey.key, accounts.saKey.key.userId],
    [accounts.oidcKey, accounts.oidcKey.clientId],
  ])('an assertion names the client', async (secret, subject) => {
    const request = {
      issuer: ISSUER,
      credential: credential(secret),
      grant: 'client_credentials' as const,
      scopes: ['a'],
    };
    const sent = new URLSearchParams((await buildTokenRequest(request, deps)).body);
    const [, payload = ''] = (sent.get('client_assertion') ?? '').split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ iss: subject, sub: subject });
    expect(sent.get('assertion')).toBeNull();
  });

  test('the bearer grant is for a service-account key alone', async () => {
    const request = { ...asked, grant: 'jwt-bearer' as const };
    const sent = new URLSearchParams((await buildTokenRequest(request, deps)).body);
    expect(sent.get('grant_type')).toBe('client_credentials');
  });
});

describe('which grant a credential uses', () => {
  const possible: Record<string, string[]> = {
    client_secret: ['client_credentials', 'token-exchange'],
    service_account_key: ['jwt-bearer'],
    application_key: ['client_credentials', 'token-exchange'],
  };
  const kinds = ['client_secret', 'service_account_key', 'application_key'] as const;
  test.each(kinds.flatMap((kind) => GRANTS.map((grant) => [kind, grant] as const)))(
    '%s, asked for %s',
    (kind, grant) => {
      const chosen = chooseGrant({ kind }, { grant, hasSubject: false });
      expect(chosen.ok ? chosen.value : 'none').toBe(possible[kind]?.includes(grant) ? grant : 'none');
    },
  );

  test.each([
    ['client_secret', 'jwt-bearer', 'a client id and secret', 'client_credentials or token-exchange'],
    ['service_account_key', 'token-exchange', 'a service-account key', 'jwt-bearer'],
    ['application_key', 'jwt-bearer', 'an application key', 'token-exchange or client_credentials'],
  ] as const)('%s, asked for %s, says what it can', (kind, grant, name, possible) => {
    expect(chooseGrant({ kind }, { grant, hasSubject: false })).toEqual({
      ok: false,
      error: `${name} cannot be used with grant: ${grant}; it can with ${possible}`,
    });
  });

  test.each([
    ['client_secret', false, 'client_credentials'],
    ['client_secret', true, 'token-exchange'],
    ['service_account_key', false, 'jwt-bearer'],
    ['service_account_key', true, /cannot exchange/],
    ['application_key', true, 'token-exchange'],
    ['application_key', false, /obtains no token on its own.*, or set grant: client_credentials/],
  ] as const)('%s, with a subject: %s', (kind, hasSubject, expected) => {
    const chosen = chooseGrant({ kind }, { hasSubject });
    expect(chosen.ok ? chosen.value : chosen.error).toEqual(
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    );
  });
});
