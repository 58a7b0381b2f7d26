import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientSecretBasic, privateKeyJwt } from '../../../lib/oauth/client-authentication.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };
import recorded from '../../recordings/token.json' with { type: 'json' };

test('the vector of ZITADEL', () => {
  expect(clientSecretBasic('78366401571920522@amce', 'veryweaksecret!').authorization).toBe(
    'Basic NzgzNjY0MDE1NzE5MjA1MjIlNDBhbWNlOnZlcnl3ZWFrc2VjcmV0JTIx',
  );
});

test('the recorded account with odd characters: the very header that ZITADEL accepted', () => {
  const { clientId, clientSecret } = accounts.saSecretOdd;
  const exchange = recorded.find(({ name }) => name.includes('odd client id, form-encoded halves'));
  expect(exchange?.response.status).toBe(200);
  const { authorization } = (exchange?.request.headers ?? {}) as { authorization?: string };
  expect(clientSecretBasic(clientId, clientSecret).authorization).toBe(authorization);
});

test('both halves come back, whatever they hold', () => {
  const half = fc.string({ unit: 'grapheme', minLength: 1 });
  fc.assert(
    fc.property(half, half, (clientId, clientSecret) => {
      const { authorization = '', secrets } = clientSecretBasic(clientId, clientSecret);
      const halves = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':');
      expect(halves.map((text) => new URLSearchParams(`x=${text}`).get('x'))).toEqual([clientId, clientSecret]);
      expect(secrets).toContain(clientSecret);
    }),
  );
});

test('private_key_jwt', () => {
  expect(privateKeyJwt('a.b.c')).toEqual({
    parameters: {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'a.b.c',
    },
    secrets: ['a.b.c'],
  });
});
