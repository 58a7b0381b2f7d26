import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { loggable, redacted, repeatsSecret } from '../../../lib/core/redacted.ts';

const SECRET = 'a-canary-that-must-not-sing';

test.each([
  ['String()', String(redacted(SECRET))],
  ['a template', `${redacted(SECRET)}`],
  ['JSON', JSON.stringify({ deep: [{ secret: redacted(SECRET) }] })],
  ['inspect', inspect({ deep: [{ secret: redacted(SECRET) }] }, { depth: 9, showHidden: true })],
  ['an error', inspect(new Error('no', { cause: redacted(SECRET) }))],
])('a secret in %s', (_where, shown) => {
  expect(shown).toContain('[redacted]');
  expect(shown).not.toContain('canary');
});

test('a secret is revealed on demand', () => expect(redacted(SECRET).reveal()).toBe(SECRET));

test.each([
  ['a text of ZITADEL', 'Errors.User.Machine.Secret.NotExisting', 'Errors.User.Machine.Secret.NotExisting'],
  ['line breaks and what is beyond ASCII', 'a\r\nb\u2028ü c', 'a b  c'],
  ['what is around a text', '\r\n text \u2028', 'text'],
  ['a token', 'no eyJhbGciOiJSUzI1NiIsImtpZCI6IjQ.eyJpc3MiOiI0MDA4Nzk4.x here', 'no [cut].[cut].x here'],
  ['a long word without digits', 'no_such_organization_of_yours', 'no_such_organization_of_yours'],
  ['a long text', 'a b '.repeat(100), 'a b '.repeat(40)],
])('loggable: %s', (_what, text, expected) => expect(loggable(text)).toBe(expected));

test.each([
  [`the secret is ${SECRET}`, true],
  [`a part: ${SECRET.slice(3, 11)}`, true],
  [SECRET.slice(3, 11), true],
  [`too short a part: ${SECRET.slice(2, 9)}`, false],
])('loggable: %s is withheld: %s', (text, isWithheld) => {
  expect(loggable(text, [SECRET])).toBe(isWithheld ? '[withheld: repeats a secret]' : text);
});

// The latter two are all + and / in base64.
test.each([SECRET, '>'.repeat(12), '?'.repeat(12)])('%s is found in every spelling, wherever it begins', (secret) => {
  for (const before of ['', '.', '..']) {
    const bytes = Buffer.from(before + secret);
    const hex = bytes.toString('hex');
    for (const spelt of [hex, hex.toUpperCase(), bytes.toString('base64'), bytes.toString('base64url')]) {
      expect(repeatsSecret(spelt, [secret])).toBe(true);
    }
  }
});

test('the digits of an id are no part of a secret, unless 16 of them are', () => {
  // `C083` is 43303833 in hexadecimal, and the id of a project holds these digits.
  const id = 'urn:zitadel:iam:org:project:id:400879214330383398:aud';
  expect(repeatsSecret(id, ['eyJhbGciOiJSUzI1NiJ9.C083.x'])).toBe(false);
  expect(repeatsSecret('id 3433303833343336', ['x.4308346.x'])).toBe(false);
  expect(repeatsSecret('id 3433303833343336', ['x.43083436.x'])).toBe(true);
});
