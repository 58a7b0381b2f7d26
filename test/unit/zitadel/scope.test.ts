import { expect, test } from 'vitest';
import {
  audienceScope,
  audiencesOf,
  canonicalScopes,
  namesAudience,
  scopesWithin,
  ZITADEL_API_SCOPE,
  ZITADEL_PROJECT,
} from '../../../lib/zitadel/scope.ts';

const P = 'urn:zitadel:iam:org:project:id:300:aud';
const Q = 'urn:zitadel:iam:org:project:id:200:aud';

test('an audience is asked for by a scope', () => {
  expect(audienceScope('300')).toBe(P);
  expect(audienceScope(ZITADEL_PROJECT)).toBe(ZITADEL_API_SCOPE);
  expect(ZITADEL_API_SCOPE).toBe('urn:zitadel:iam:org:project:id:zitadel:aud');
});

test.each<[scopes: readonly string[], audiences: readonly string[]]>([
  [[P], ['300']],
  [
    [P, 'profile', Q, P],
    ['200', '300'],
  ],
  [['profile'], []],
  [[], []],
  [[`x${P}`], []],
  [[`${P}x`], []],
  [['urn:zitadel:iam:org:project:id::aud'], []],
  [['urn:zitadel:iam:org:project:300:roles'], []],
])('%j name the audiences %j', (scopes, audiences) => {
  expect(audiencesOf(scopes)).toEqual(audiences);
  expect(namesAudience(scopes)).toBe(audiences.length > 0);
});

test.each<[scopes: readonly string[], audiences: readonly string[], left: readonly string[]]>([
  [[P, Q, 'profile'], ['300'], [P, 'profile']],
  [[P, Q, 'profile'], [], ['profile']],
  [
    [P, Q],
    ['200', '300'],
    [P, Q],
  ],
])('of %j, a token for %j has %j', (scopes, audiences, left) => expect(scopesWithin(scopes, audiences)).toEqual(left));

test('scopes have one order, and none is there twice', () => {
  expect(canonicalScopes(['b', 'a', 'b', 'A'])).toEqual(['A', 'a', 'b']);
});
