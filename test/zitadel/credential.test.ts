import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { redacted } from '../../lib/core/redacted.ts';
import { instant } from '../../lib/core/time.ts';
import { expiredField, parseCredential } from '../../lib/zitadel/credential.ts';
import accounts from '../recordings/accounts.json' with { type: 'json' };

const parse = (secret: unknown) =>
  parseCredential(redacted(typeof secret === 'string' ? secret : JSON.stringify(secret)));
const saKey = accounts.saKey.key;
const { oidcKey } = accounts;
const pem = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ type: 'pkcs1', format: 'pem' });
const pkcs8 = (key: string) => createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });

describe('recognises', () => {
  test.each([
    ['client id and secret', { clientId: 'a', clientSecret: 'b' }, { kind: 'client_secret', clientId: 'a' }],
    ['… in snake case', { client_id: 'a', client_secret: 'b' }, { kind: 'client_secret', clientId: 'a' }],
    [
      '… with what else the console gives',
      { ...accounts.saSecret },
      { kind: 'client_secret', clientId: accounts.saSecret.clientId },
    ],
    [
      'a service-account key',
      saKey,
      { kind: 'service_account_key', userId: saKey.userId, key: { kid: saKey.keyId, alg: 'RS256' } },
    ],
    [
      'an application key',
      oidcKey,
      { kind: 'application_key', clientId: oidcKey.clientId, key: { kid: oidcKey.keyId, alg: 'RS256' } },
    ],
    ['a key in PKCS#8', { ...saKey, key: pkcs8(saKey.key) }, { kind: 'service_account_key', key: { alg: 'RS256' } }],
    ['a P-256 key', { ...saKey, key: p256 }, { kind: 'service_account_key', key: { alg: 'ES256' } }],
    [
      'a key that never expires',
      { ...saKey, expirationDate: '9999-12-31T23:59:59Z' },
      { expiresAt: 253_402_300_799_000 },
    ],
  ])('%s', (_name, secret, expected) => {
    expect(parse(secret)).toMatchObject({ ok: true, value: expected });
  });
});

describe('says which field cannot serve', () => {
  test.each([
    ['no JSON', 'canary-canary', 'secret', /is no JSON object/],
    ['an array', [saKey], 'secret', /is no JSON object/],
    ['an empty object', {}, 'clientId', /is missing/],
    ['no secret', { clientId: 'a' }, 'clientSecret', /is missing/],
    ['an empty secret', { clientId: 'a', clientSecret: '' }, 'clientSecret', /must be a text/],
    ['a number', { clientId: 5, clientSecret: 'canary-canary' }, 'clientId', /must be a text/],
    ['another type', { ...saKey, type: 'human' }, 'type', /must be "serviceaccount" or "application"/],
    ['a key without its type', { ...saKey, type: undefined }, 'type', /must be/],
    ['no key id', { ...saKey, keyId: undefined }, 'keyId', /is missing/],
    ['no key', { ...saKey, key: undefined }, 'key', /is missing/],
    ['no user id', { ...saKey, userId: undefined }, 'userId', /is missing/],
    ['no client id', { ...oidcKey, clientId: undefined }, 'clientId', /is missing/],
    ['a PEM that is none', { ...saKey, key: 'canary-canary' }, 'key', /is no unencrypted private key/],
    [
      'a public key',
      { ...saKey, key: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' },
      'key',
      /is no unencrypted private key/,
    ],
    ['1024 bit', { ...saKey, key: pem(1024) }, 'key', /RSA key of 1024 bit; at least 2048/],
    ['Ed25519', { ...saKey, key: ed25519 }, 'key', /neither an RSA nor a P-256 key/],
    ['a date that is none', { ...saKey, expirationDate: 'canary-canary' }, 'expirationDate', /no RFC 3339 date/],
  ])('%s', (_name, secret, field, problem) => {
    const result = parse(secret);
    expect(result).toEqual({ ok: false, error: { field, problem: expect.stringMatching(problem) } });
    expect(JSON.stringify(result)).not.toContain('canary');
  });
});

test('a key past its date', () => {
  const key = parse({ ...saKey, expirationDate: '2026-11-23T12:00:00Z' });
  const at = Date.parse('2026-11-23T12:00:00Z');
  if (!key.ok) throw new Error('no key');
  expect(expiredField(key.value, instant(at - 1))).toBeUndefined();
  expect(expiredField(key.value, instant(at))).toEqual({
    field: 'expirationDate',
    problem: 'has passed (2026-11-23T12:00:00.000Z): add a new key',
  });
});
