import { describe, expect, test } from 'vitest';
import { redacted } from '../../lib/core/redacted.ts';
import { instant } from '../../lib/core/time.ts';
import { parseCredential } from '../../lib/zitadel/credential.ts';
import { chooseGrant, GRANTS } from '../../lib/zitadel/grant.ts';
import { buildTokenRequest } from '../../lib/zitadel/token-request.ts';
import accounts from '../recordings/accounts.json' with { type: 'json' };
import recorded from '../recordings/token.json' with { type: 'json' };

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
    ['application_key', false, /earns no token on its own.*, or set grant: client_credentials/],
  ] as const)('%s, with a subject: %s', (kind, hasSubject, expected) => {
    const chosen = chooseGrant({ kind }, { hasSubject });
    expect(chosen.ok ? chosen.value : chosen.error).toEqual(
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    );
  });
});
