import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { describe, expect, test } from 'vitest';
import { decryptJwe, encryptJwe } from '../../../lib/oauth/jwe.ts';

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const texts = fc.string({ unit: 'binary', maxLength: 2000 });
const headers = fc.record({ kid: fc.string(), exp: fc.integer() });
const KEY = new Uint8Array(32).fill(7);

/** What jose, which is not used to encrypt, makes of a text. */
const joseEncrypt = (text: string, header: object, key: Uint8Array = KEY) =>
  new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...header })
    .encrypt(key, { crit: { odd: false } });

test('jose opens what is encrypted here', async () => {
  await fc.assert(
    fc.asyncProperty(texts, headers, keys, async (text, header, key) => {
      const opened = await compactDecrypt(encryptJwe(text, header, key), key);
      expect(Buffer.from(opened.plaintext).toString()).toBe(text.toWellFormed());
      expect(opened.protectedHeader).toEqual({ alg: 'dir', enc: 'A256GCM', ...header });
    }),
  );
});

test('what jose encrypts is opened here', async () => {
  await fc.assert(
    fc.asyncProperty(texts, headers, keys, async (text, header, key) => {
      const opened = decryptJwe(await joseEncrypt(text, header, key), key);
      expect(opened).toEqual({
        ok: true,
        value: { header: { alg: 'dir', enc: 'A256GCM', ...header }, plaintext: text.toWellFormed() },
      });
    }),
  );
});

test('no byte can be changed, in any part, and no other key opens', () => {
  const compact = encryptJwe('a text', { kid: 'k' }, KEY);
  const parts = compact.split('.').map((part) => Buffer.from(part, 'base64url'));
  for (const [index, part] of parts.entries()) {
    for (let at = 0; at < part.length; at += 1) {
      const changed = parts.map((other, place) => {
        const bytes = Buffer.from(other);
        if (place === index) bytes[at] = (bytes[at] ?? 0) ^ 1;
        return bytes.toString('base64url');
      });
      expect(decryptJwe(changed.join('.'), KEY).ok).toBe(false);
    }
  }
  const error = 'it cannot be decrypted with this key, or it was changed';
  expect(decryptJwe(compact, new Uint8Array(32).fill(8))).toEqual({ ok: false, error });
});

test('the IV is another one each time', () => {
  const ivs = Array.from({ length: 1000 }, () => encryptJwe('a text', {}, KEY).split('.')[2]);
  expect(new Set(ivs).size).toBe(1000);
});

/** A JWE that is right, but for the length of its tag or its IV: OpenSSL would take it. */
function ofLengths(tagBytes: number, ivBytes: number): string {
  const header = Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url');
  const iv = Buffer.alloc(ivBytes, 1);
  const cipher = createCipheriv('aes-256-gcm', KEY, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(header));
  const text = Buffer.concat([cipher.update('a text'), cipher.final()]);
  return [header, '', ...[iv, text, cipher.getAuthTag()].map((bytes) => bytes.toString('base64url'))].join('.');
}

describe('is refused', () => {
  test.each([4, 8, 12, 15])('a tag of %i bytes', (tagBytes) => {
    expect(decryptJwe(ofLengths(tagBytes, 12), KEY)).toEqual({ ok: false, error: 'it is not a JWE of this kind' });
  });

  test.each([1, 8, 16])('an IV of %i bytes', (ivBytes) => {
    expect(decryptJwe(ofLengths(16, ivBytes), KEY)).toEqual({ ok: false, error: 'it is not a JWE of this kind' });
  });

  test('nothing but the lengths is wrong with these', () => {
    expect(decryptJwe(ofLengths(16, 12), KEY)).toMatchObject({ ok: true, value: { plaintext: 'a text' } });
  });

  test.each([
    ['another content encryption', { enc: 'A128GCM' }, KEY.slice(0, 16)],
    ['CBC', { enc: 'A256CBC-HS512' }, new Uint8Array(64).fill(7)],
    ['a key that comes along', { alg: 'A256KW' }, KEY],
    ['an extension that must be understood', { crit: ['odd'], odd: true }, KEY],
  ])('%s', async (_name, header, key) => {
    expect(decryptJwe(await joseEncrypt('a text', header, key), KEY).ok).toBe(false);
  });

  test.each([
    '',
    '....',
    'a.b.c',
    'a..b.c.d',
    `${encryptJwe('a', {}, KEY)}.`,
    ` ${encryptJwe('a', {}, KEY)}`,
    encryptJwe('a', {}, KEY).replace('..', '.a.'),
  ])('%j', (text) => {
    expect(decryptJwe(text, KEY).ok).toBe(false);
  });

  test.each([{ alg: 'none' }, { enc: 'A128GCM' }, { zip: 'DEF' }, { crit: [] as never }])(
    'a header with %o',
    (header) => {
      expect(decryptJwe(encryptJwe('a text', header, KEY), KEY)).toEqual({
        ok: false,
        error: 'it is encrypted in another way',
      });
    },
  );
});
