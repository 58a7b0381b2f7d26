import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseCredential } from '../../../lib/zitadel/credential.ts';
import { createKeyPair, serviceAccountJson } from '../../../lib/zitadel/key-pair.ts';

const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const like = { kid: 'k', privateKey: rsa };

test.each([
  ['RS256', 'rsa', { modulusLength: 2048 }, 'BEGIN RSA PRIVATE KEY'],
  ['ES256', 'ec', { namedCurve: 'prime256v1' }, 'BEGIN PRIVATE KEY'],
] as const)('a new key for %s is a credential, and its halves belong together', async (alg, type, details, header) => {
  const { publicKey, privateKey } = await createKeyPair({ ...like, alg });
  expect(privateKey.reveal()).toContain(header);
  const given = { userId: 'u', keyId: 'k', privateKey, expirationDate: '2027-02-08T18:40:46.424516Z' };
  const json = serviceAccountJson(given);
  const parsed = parseCredential(json);
  if (!parsed.ok || parsed.value.kind !== 'service_account_key') throw new Error('no key');
  const { userId, expiresAt, key } = parsed.value;
  expect([userId, expiresAt, key.kid, key.alg]).toEqual(['u', Date.parse('2027-02-08T18:40:46.424Z'), 'k', alg]);
  const half = createPublicKey(publicKey);
  expect([half.asymmetricKeyType, half.asymmetricKeyDetails]).toEqual([type, expect.objectContaining(details)]);
  expect(createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' })).toBe(publicKey);
  expect(JSON.stringify([json, privateKey])).not.toContain('PRIVATE');
});

test('a larger RSA key gets a successor of its size', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
  const pair = await createKeyPair({ kid: 'k', alg: 'RS256', privateKey });
  expect(createPublicKey(pair.publicKey).asymmetricKeyDetails?.modulusLength).toBe(3072);
});
