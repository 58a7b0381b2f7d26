import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { redacted } from '../../../lib/core/redacted.ts';
import { decodeText } from '../../../lib/core/text.ts';
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
    ['an array', [saKey], 'secret', /is a JSON array; store the key JSON/],
    ['an empty object', {}, 'secret', /is an empty JSON object; store/],
    ['no secret', { clientId: 'a' }, 'clientSecret', /is missing/],
    ['an empty secret', { clientId: 'a', clientSecret: '' }, 'clientSecret', /must be a non-empty string/],
    ['a number', { clientId: 5, clientSecret: 'canary-canary' }, 'clientId', /must be a non-empty string/],
    [
      'a key without its type and owner',
      { ...saKey, type: undefined, userId: undefined },
      'type',
      /must be "serviceaccount"/,
    ],
    ['a key with two owners and another type', { ...saKey, type: 'human', clientId: 'a' }, 'type', /must be/],
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
    ['a date in numbers', { ...saKey, expirationDate: 1_795_438_700_000 }, 'expirationDate', /not an RFC 3339 date/],
    ['a date that is none', { ...saKey, expirationDate: 'canary-canary' }, 'expirationDate', /not an RFC 3339 date/],
  ])('%s', (_name, secret, field, problem) => {
    const result = parse(secret);
    expect(result).toEqual({ ok: false, error: { field, problem: expect.stringMatching(problem) } });
    expect(JSON.stringify(result)).not.toContain('canary');
  });
});

const utf16 = (text: string, isBig: boolean, hasMark: boolean): Buffer => {
  const bytes = Buffer.from(`${hasMark ? '\ufeff' : ''}${text}`, 'utf16le');
  return isBig ? bytes.swap16() : bytes;
};
const base64 = (text: string) => Buffer.from(text).toString('base64');
const lines = (text: string) => text.trim().split('\n');
const withPem = (change: (pem: string) => string) => JSON.stringify({ ...saKey, key: change(saKey.key) });
const KEY = JSON.stringify(saKey);
const PAIR = JSON.stringify({ clientId: 'orders', clientSecret: 's3cr3t' });

/** What carriers make of a key JSON, or of a client id and secret. */
const DEFORMED: readonly (readonly [name: string, text: string])[] = [
  ['spaces for line breaks', withPem((pem) => lines(pem).join(' '))],
  ['no line breaks', withPem((pem) => lines(pem).join(''))],
  ['\\n as two characters', withPem((pem) => lines(pem).join('\\n'))],
  ['\\n escaped twice', withPem((pem) => lines(pem).join('\\\\n'))],
  ['\\r\\n as four characters', withPem((pem) => lines(pem).join('\\r\\n'))],
  ['indented lines', withPem((pem) => lines(pem).join('\n    '))],
  ['tabs', withPem((pem) => lines(pem).join('\t'))],
  ['CRLF', withPem((pem) => lines(pem).join('\r\n'))],
  ['CR', withPem((pem) => lines(pem).join('\r'))],
  ['text around it', withPem((pem) => `Bag Attributes\n${pem}\n\n`)],
  ['quotes around it', withPem((pem) => `"${lines(pem).join('\\n')}"`)],
  ['no-break spaces', withPem((pem) => lines(pem).join('\u00a0'))],
  ['base64 around it', withPem((pem) => base64(pem))],
  ['raw line breaks in the JSON', KEY.replaceAll('\\n', '\n')],
  ['a byte order mark', `\ufeff${KEY}`],
  ['white space around it', `\n\t ${KEY} \r\n\0`],
  ['JSON in a JSON string', JSON.stringify(KEY)],
  ['JSON in a JSON string, twice', JSON.stringify(JSON.stringify(KEY))],
  ['base64', base64(KEY)],
  ['base64 in lines', base64(KEY).replace(/.{76}/g, '$&\n')],
  ['base64url', Buffer.from(KEY).toString('base64url')],
  ['base64 of UTF-16', utf16(KEY, false, false).toString('base64')],
  ['base64 in a JSON string', JSON.stringify(base64(KEY))],
  ['single quotes', `'${KEY}'`],
  ['double quotes', `"${KEY}"`],
  ['escaped quotes', JSON.stringify(KEY).slice(1, -1)],
  ['UTF-16 read byte by byte', utf16(KEY, false, false).toString('latin1')],
  ['one member with the key JSON', JSON.stringify({ 'zitadel-key.json': KEY })],
  ['one member with the key as JSON', JSON.stringify({ value: saKey })],
  ['one member with base64', JSON.stringify({ key: base64(KEY) })],
  ['two members deep', JSON.stringify({ data: { file: KEY } })],
  [
    "ZITADEL's answer to AddKey",
    JSON.stringify({ keyId: saKey.keyId, keyDetails: base64(KEY), details: { sequence: '1' } }),
  ],
  ["ZITADEL's answer of its newer API", JSON.stringify({ keyId: saKey.keyId, keyContent: base64(KEY) })],
  ['upper case', JSON.stringify({ TYPE: saKey.type, KEY_ID: saKey.keyId, KEY: saKey.key, USER_ID: saKey.userId })],
  [
    'names of an environment',
    JSON.stringify({
      ZITADEL_TYPE: saKey.type,
      ZITADEL_KEY_ID: saKey.keyId,
      ZITADEL_PRIVATE_KEY: saKey.key,
      ZITADEL_USER_ID: saKey.userId,
    }),
  ],
  [
    'private_key',
    JSON.stringify({ type: saKey.type, key_id: saKey.keyId, private_key: saKey.key, user_id: saKey.userId }),
  ],
  ['a private key beside another key', JSON.stringify({ ...saKey, privateKey: saKey.key, key: 'x' })],
  ['no type', JSON.stringify({ ...saKey, type: undefined })],
  ['another spelling of the type', JSON.stringify({ ...saKey, type: 'service_account' })],
  ['a type that says nothing', JSON.stringify({ ...saKey, type: 'zitadel' })],
  ['the same twice', JSON.stringify({ ...saKey, copy: KEY })],
  ['members of its own', JSON.stringify({ ...saKey, issuer: 'https://zitadel.example', engine: 'postgres' })],
];

describe('takes a key JSON', () => {
  test.each(DEFORMED)('with %s', (_name, text) => {
    const plain = parse(saKey);
    const found = parse(text);
    expect(found).toMatchObject({ ok: true, value: { kind: 'service_account_key', userId: saKey.userId } });
    if (!found.ok || !plain.ok || found.value.kind !== 'service_account_key') throw new Error('no key');
    // Only where the date is not stored is it another credential.
    if (found.value.expiresAt !== undefined) expect(found.value.material.reveal()).toBe(plain.value.material.reveal());
  });

  test.each([
    ['UTF-8', Buffer.from(KEY)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${KEY}`)],
    ['UTF-16 LE', utf16(KEY, false, true)],
    ['UTF-16 LE without a byte order mark', utf16(KEY, false, false)],
    ['UTF-16 BE', utf16(KEY, true, true)],
    ['UTF-16 BE without a byte order mark', utf16(KEY, true, false)],
  ])('of bytes in %s', (_name, bytes) => {
    expect(parse(decodeText(bytes))).toMatchObject({ ok: true, value: { kind: 'service_account_key' } });
  });
});

describe('takes a client id and its secret', () => {
  const named = (id: string, secret: string) => JSON.stringify({ [id]: 'orders', [secret]: 's3cr3t' });
  test.each([
    ...[
      'client_id client_secret',
      'CLIENT_ID CLIENT_SECRET',
      'client-id client-secret',
      'clientID clientSECRET',
      'ClientId ClientSecret',
      'Client Id Client Secret',
      'ZITADEL_CLIENT_ID ZITADEL_CLIENT_SECRET',
    ].map((names) => {
      const words = names.split(' ');
      const half = words.length / 2;
      return [names, named(words.slice(0, half).join(' '), words.slice(half).join(' '))];
    }),
    ['a type', JSON.stringify({ ...JSON.parse(PAIR), type: 'oauth' })],
    ['a key', JSON.stringify({ ...JSON.parse(PAIR), key: 'x', keyId: '1', issuer: 'https://zitadel.example' })],
    [
      'members of a database',
      JSON.stringify({ ...JSON.parse(PAIR), engine: 'postgres', host: 'db', username: 'u', password: 'p' }),
    ],
    ['one member', JSON.stringify({ orders: PAIR })],
    ['null beside it', JSON.stringify({ ...JSON.parse(PAIR), type: null, key: null })],
    ['both spellings, alike', JSON.stringify({ ...JSON.parse(PAIR), client_id: 'orders' })],
  ])('with %s', (_name, text) => {
    const plain = parse(PAIR);
    const found = parse(text as string);
    expect(found.ok && plain.ok && found.value.material.reveal() === plain.value.material.reveal()).toBe(true);
  });
});

test.each([
  ['a line break', { clientId: 'orders', clientSecret: 's3cr3t\n' }, ['clientSecret']],
  ['spaces', { client_id: ' orders ', client_secret: '\ts3cr3t' }, ['client_id', 'client_secret']],
  [
    'characters of no width',
    { clientId: '\u200borders\ufeff', clientSecret: '\u00a0s3cr3t\u2060' },
    ['clientId', 'clientSecret'],
  ],
  ['a NUL', { clientId: 'orders', clientSecret: 's3cr3t\0' }, ['clientSecret']],
  ['nothing', { clientId: 'orders', clientSecret: 's3 cr3t' }, []],
])('ignores %s at the ends of values, and says of which', (_name, secret, trimmed) => {
  const found = parse(secret);
  if (!found.ok || found.value.kind !== 'client_secret') throw new Error('no client secret');
  expect(found.value).toMatchObject({ clientId: 'orders', trimmed });
  expect(found.value.clientSecret.reveal()).toMatch(/^s3 ?cr3t$/);
});

test.each([
  ['key id and user id', { ...saKey, keyId: `${saKey.keyId}\n`, userId: ` ${saKey.userId}` }, ['keyId', 'userId']],
  ['client id', { ...oidcKey, clientId: `${oidcKey.clientId} ` }, ['clientId']],
])('ignores what is invisible at the ends of %s of a key', (_name, secret, trimmed) => {
  expect(parse(secret)).toMatchObject({ ok: true, value: { trimmed: expect.arrayContaining(trimmed) } });
});

describe('refuses what is not unambiguous, and says what it found', () => {
  test.each([
    [
      'a bare secret',
      'Canary0canary0canary0',
      'secret',
      'is a plain text of 21 characters; store the key JSON as downloaded from ZITADEL, or {"clientId":…,"clientSecret":…}',
    ],
    ['nothing', ' \n', 'secret', /^is empty; store/],
    [
      'a bare PEM',
      saKey.key,
      'secret',
      /^is a PEM text of \d+ characters alone, without the id of its key and its owner; store/,
    ],
    [
      'JSON that is cut off',
      KEY.slice(0, 400),
      'secret',
      /^is not valid JSON, although it begins with \{ \(400 characters\)/,
    ],
    ['a number', '12345678', 'secret', /^is a JSON number/],
    ['null', 'null', 'secret', /^is a JSON null/],
    [
      'members of something else',
      { engine: 'postgres', username: 'canary', Canary0canary0canary0canary0: 'x' },
      'secret',
      /^has only the members engine, username, \[cut\]; store/,
    ],
    [
      'two different credentials',
      { ...saKey, clientId: 'a', clientSecret: 'canary-canary' },
      'secret',
      /^contains 2 different credentials \(service account key, client secret\): keep one/,
    ],
    [
      'two members with credentials',
      { orders: PAIR, billing: JSON.stringify({ clientId: 'b', clientSecret: 'canary-canary' }) },
      'secret',
      /^contains 2 different credentials \(client secret in orders, client secret in billing\): keep one, or name its member/,
    ],
    [
      'two ids',
      { clientId: 'a', client_id: 'b', clientSecret: 'canary-canary' },
      'client_id',
      'and clientId differ: keep one of them',
    ],
    [
      'a broken key one layer deeper',
      { orders: withPem(() => 'canary-canary') },
      'orders.key',
      /must be an unencrypted private key/,
    ],
    ['half a pair one layer deeper', { orders: { clientId: 'a' } }, 'orders.clientSecret', 'is missing'],
  ])('%s', (_name, secret, field, problem) => {
    const result = parse(secret);
    expect(result).toEqual({
      ok: false,
      error: { field, problem: typeof problem === 'string' ? problem : expect.stringMatching(problem) },
    });
    expect(JSON.stringify(result)).not.toMatch(/canary/i);
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
