import { expect, test } from 'vitest';
import { isScopeToken } from '../../../lib/oauth/grant.ts';

test.each([
  ['openid', true],
  ['urn:zitadel:iam:org:project:id:1:aud', true],
  ['!#[]~', true],
  ['', false],
  ['a b', false],
  ['a"b', false],
  ['a\\b', false],
  ['a\n', false],
  ['ü', false],
  ['\x7f', false],
])('%j is a scope: %s', (text, expected) => expect(isScopeToken(text)).toBe(expected));
