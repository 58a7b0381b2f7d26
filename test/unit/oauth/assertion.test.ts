import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { expect, test } from 'vitest';
import { instant } from '../../../lib/core/time.ts';
import { type SigningKey, signAssertion } from '../../../lib/oauth/assertion.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };

const NOW = instant(1_795_438_700_900);
const pkcs1 = createPrivateKey(accounts.saKey.key.key);
const pkcs8 = createPrivateKey(pkcs1.export({ type: 'pkcs8', format: 'pem' }));
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

test.each([
  ['RSA in PKCS#1', { kid: '1', alg: 'RS256', privateKey: pkcs1 }],
  ['RSA in PKCS#8', { kid: '1', alg: 'RS256', privateKey: pkcs8 }],
  ['P-256', { kid: '1', alg: 'ES256', privateKey: p256 }],
] satisfies [string, SigningKey][])('an assertion signed with %s', async (_name, key) => {
  const assertion = await signAssertion(key, {
    subject: '4008',
    audience: 'https://example.zitadel.cloud',
    jti: 'one',
    now: NOW,
  });
  const { protectedHeader, payload } = await jwtVerify(assertion, createPublicKey(key.privateKey), {
    currentDate: new Date(NOW),
  });
  expect(protectedHeader).toEqual({ alg: key.alg, kid: '1', typ: 'JWT' });
  expect(payload).toEqual({
    iss: '4008',
    sub: '4008',
    aud: 'https://example.zitadel.cloud',
    iat: 1_795_438_690,
    exp: 1_795_438_760,
    jti: 'one',
  });
});
