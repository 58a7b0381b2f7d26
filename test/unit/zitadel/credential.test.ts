import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { redacted } from '../../../lib/core/redacted.ts';
import { instant } from '../../../lib/core/time.ts';
import { expiredField, parseCredential } from '../../../lib/zitadel/credential.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };

const parse = (secret: unknown) =>
  parseCredential(redacted(typeof secret === 'string' ? secret : JSON.stringify(secret)));
const saKey = accounts.saKey.key;
const { oidcKey } = accounts;
const pem = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ type: 'pkcs1', format: 'pem' });
const pkcs8 = (key: string) => createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
const x25519 = generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
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
      'a key in snake case',
      { type: 'serviceaccount', user_id: 'u', key_id: 'k', key: saKey.key },
      { kind: 'service_account_key', userId: 'u', key: { kid: 'k' } },
    ],
    [
      'an application key in snake case',
      { type: 'application', client_id: 'c', key_id: 'k', key: saKey.key },
      { kind: 'application_key', clientId: 'c', key: { kid: 'k' } },
    ],
    ['a key without a date', { ...saKey, expirationDate: null }, { kind: 'service_account_key' }],
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
    ['no JSON', 'canary-canary', 'secret', /is not a JSON object/],
    ['an array', [saKey], 'secret', /is not a JSON object/],
    ['an empty object', {}, 'clientId', /is missing/],
    ['no secret', { clientId: 'a' }, 'clientSecret', /is missing/],
    ['an empty secret', { clientId: 'a', clientSecret: '' }, 'clientSecret', /must be a non-empty string/],
    ['a number', { clientId: 5, clientSecret: 'canary-canary' }, 'clientId', /must be a non-empty string/],
    ['another type', { ...saKey, type: 'human' }, 'type', /must be "serviceaccount" or "application"/],
    ['a key without its type', { ...saKey, type: undefined }, 'type', /must be/],
    ['no key id', { ...saKey, keyId: undefined }, 'keyId', /is missing/],
    ['no key', { ...saKey, key: undefined }, 'key', /is missing/],
    ['no user id', { ...saKey, userId: undefined }, 'userId', /is missing/],
    ['no client id', { ...oidcKey, clientId: undefined }, 'clientId', /is missing/],
    ['a PEM that is none', { ...saKey, key: 'canary-canary' }, 'key', /must be an unencrypted private key/],
    [
      'a public key',
      { ...saKey, key: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' },
      'key',
      /must be an unencrypted private key/,
    ],
    ['1024 bit', { ...saKey, key: pem(1024) }, 'key', /RSA key of 1024 bit; at least 2048/],
    ['Ed25519', { ...saKey, key: ed25519 }, 'key', /neither an RSA nor a P-256 key/],
    ['P-384', { ...saKey, key: p384 }, 'key', /neither an RSA nor a P-256 key/],
    ['X25519', { ...saKey, key: x25519 }, 'key', /neither an RSA nor a P-256 key/],
    ['a key, and no word of its type', { clientId: 'a', clientSecret: 'b', key: 'c' }, 'type', /must be/],
    ['a key id, and no word of its type', { clientId: 'a', clientSecret: 'b', keyId: 'c' }, 'type', /must be/],
    ['a type, and no key', { clientId: 'a', clientSecret: 'b', type: 'web' }, 'type', /must be/],
    ['a date in numbers', { ...saKey, expirationDate: 1_795_438_700_000 }, 'expirationDate', /not an RFC 3339 date/],
    ['a date that is none', { ...saKey, expirationDate: 'canary-canary' }, 'expirationDate', /not an RFC 3339 date/],
  ])('%s', (_name, secret, field, problem) => {
    const result = parse(secret);
    expect(result).toEqual({ ok: false, error: { field, problem: expect.stringMatching(problem) } });
    expect(JSON.stringify(result)).not.toContain('canary');
  });
});

test('what has no date is never past it', () => {
  for (const secret of [
    { clientId: 'a', clientSecret: 'b' },
    { ...saKey, expirationDate: undefined },
  ]) {
    const credential = parse(secret);
    if (!credential.ok) throw new Error('no credential');
    expect(expiredField(credential.value, instant(Number.MAX_SAFE_INTEGER))).toBeUndefined();
  }
});

test('a name for a credential is made of its kind as well', () => {
  const credential = parse({ clientId: 'a', clientSecret: 'b' });
  expect(credential.ok && credential.value.material.reveal()).toBe('["client_secret","a","b"]');
});

test.each([
  ['another owner', { userId: '1' }],
  ['another key id', { keyId: '1' }],
  ['another key', { key: pem(2048) }],
  ['another date', { expirationDate: '2031-01-01T00:00:00Z' }],
  ['another kind', { type: 'application', clientId: saKey.userId }],
])('%s makes it another credential; the form of its key does not', (_name, change) => {
  const material = (secret: object) => {
    const credential = parse(secret);
    return credential.ok && credential.value.material.reveal();
  };
  expect(material({ ...saKey, ...change })).not.toBe(material(saKey));
  expect(material({ ...saKey, key: pkcs8(saKey.key) })).toBe(material(saKey));
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
